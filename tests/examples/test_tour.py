"""The notebook tour: its cells run in their order, in one namespace, and say what its text says."""

import ast
import contextlib
import io
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

NOTEBOOK = json.loads((Path(__file__).parents[2] / "examples" / "tour.ipynb").read_text())
CODE = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


@pytest.fixture(scope="module")
def toured():
    """Return the names that the cells leave, what they print, and what they show."""
    names, out, shown = {"__name__": "__main__"}, io.StringIO(), []
    with contextlib.redirect_stdout(out):
        for cell in CODE:
            tree = ast.parse("".join(cell["source"]), cell["id"])
            last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, cell["id"], "exec"), names)
            if last is not None:
                shown.append(eval(compile(ast.Expression(last.value), cell["id"], "eval"), names))
    return names, out.getvalue(), [value for value in shown if value is not None]


def test_the_loss_accepts_the_false_claim_and_fidelity_does_not(toured):
    scores = toured[0]["scores"]
    assert {name: score.verdict for name, score in scores.items()} == {"sum": "refuted", "pizza": "supported"}
    assert scores["sum"].loss_recovered.value == pytest.approx(1, abs=1e-3)
    assert scores["sum"].fidelity.value < 0.9


def test_the_claim_breaks_at_the_neurons_with_the_mistake_and_is_drawn(toured):
    names, said, shown = toured
    assert [step.where for step in names["explanation"].failing] == ["neurons_14"]
    assert "neurons_14" in said
    assert "neurons_14" in "".join(ElementTree.fromstring(shown[0]._repr_svg_()).itertext())


def test_the_false_story_is_refuted_by_score_and_by_the_method(toured):
    names, _, shown = toured
    verdicts = {"(a + b) % 4": "supported", "(a, b)": "supported", "max(a, b)": "refuted"}
    assert {feature: score.verdict for feature, score in names["stories"].items()} == verdicts
    assert {feature: a["donor-test"].verdict for feature, a in names["answers"].items()} == verdicts
    assert "subspace=ab" in shown[1]


def test_the_method_is_told_where_it_is_wrong(toured):
    lesson = toured[0]["lesson"]
    assert lesson.startswith("donor-test is wrong about pizza-p13-skip_matters-1")
    assert lesson in toured[1]


def test_the_notebook_is_stored_without_outputs():
    assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 5)
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in CODE)
    assert len({cell["id"] for cell in NOTEBOOK["cells"]}) == len(NOTEBOOK["cells"])
