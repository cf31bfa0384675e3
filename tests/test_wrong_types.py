"""What is handed over in place of a model, a task or a name is refused in words."""

import pytest

import scrubkit

WRONG = {
    "score": lambda: scrubkit.score("pizza-p59", "claim.py"),
    "explain": lambda: scrubkit.explain("pizza-p59", "claim.py"),
    "certify": lambda: scrubkit.certify("pizza-p59"),
    "save": lambda: scrubkit.save("pizza-p59", "folder"),
}


@pytest.mark.parametrize("call", WRONG.values(), ids=WRONG)
def test_a_name_is_no_model(call):
    with pytest.raises(scrubkit.ScrubkitError, match="expected a scrubkit.Model.*found str; scrubkit.load"):
        call()


def test_a_task_without_rows_is_told_who_makes_it():
    with pytest.raises(scrubkit.ScrubkitError, match=r"tokens=.*, or, for modular_addition, scrubkit.Modu"):
        scrubkit.Task("modular_addition", 59)  # pyright: ignore[reportCallIssue]
    with pytest.raises(scrubkit.ScrubkitError, match=r"a task is its rows: write scrubkit.Task\(name, tok"):
        scrubkit.Task("mine")  # pyright: ignore[reportCallIssue]


def test_a_name_is_no_task_and_a_number_no_name():
    with pytest.raises(scrubkit.ScrubkitError, match="expected a task such as ModularAddition"):
        scrubkit.train("addition")
    with pytest.raises(scrubkit.ScrubkitError, match="expected keywords such as variant='pizza'"):
        scrubkit.compile_model("pizza")
    with pytest.raises(scrubkit.ScrubkitError, match="expected the name of a model or a path, found 3"):
        scrubkit.load(3)


def test_a_margin_out_of_range_is_refused():
    model = scrubkit.compile_model(variant="pizza", p=7, frequencies=(2,))
    with pytest.raises(scrubkit.ScrubkitError, match="a margin lies between 0 and 1, found 5"):
        scrubkit.score(model, "claim.py", margin=5)


def test_a_model_and_a_certificate_are_shown_on_a_line():
    model = scrubkit.load("modadd-p59")
    assert repr(model).startswith("Model('modadd-p59', modular_addition mod 59, ")
    assert len(repr(model)) < 150
    assert len(repr(model.certificate)) < 150
    assert str(model.certificate).splitlines()[0].endswith("key frequencies 4, 12, 22")
