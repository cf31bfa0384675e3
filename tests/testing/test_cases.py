"""Cases in a test suite: right answers pass, wrong ones fail and say all that is needed."""

import pytest

import scrubkit.testing
from scrubkit.errors import BenchError
from scrubkit.methods.causal_scrubbing import CausalScrubbing
from scrubkit.methods.protocol import Budget
from scrubkit.testing import CaseFailed, load_case, parametrize_with_cases
from scrubkit.testing.failures import NoAnswer, WrongAnswer
from scrubkit.testing.snippet import spelled
from scrubkit.testing.trials import trials

from . import methods
from .suites import small_suite

SMALL = small_suite()
WRONG = [
    (methods.RefutesAll, {"clock-p5-none-1", "pizza-p7-none-1"}),
    (methods.SupportsAll, {"clock-p5-one_operand-1", "clock-p5-all_of_it-1"}),
    (methods.Undecided, set()),
    (methods.ByThreshold, {"clock-p5-one_operand-1", "clock-p5-all_of_it-1"}),
    (methods.NotFinite, {trial.id for trial in trials(SMALL)}),
]


@parametrize_with_cases(SMALL, where=lambda case: case.label.label != "vacuous")
def test_causal_scrubbing_is_right_about_every_case(case):
    outcome = case.check(CausalScrubbing())
    assert outcome.verdict == {"true": "supported", "false": "refuted"}[case.label.label]


@parametrize_with_cases(
    SMALL,
    expected_failures={"*-all_of_it-*": "it has no notion of a test that tests nothing"},
)
def test_expected_failures_are_matched_by_pattern(case):
    case.check(CausalScrubbing())


@pytest.mark.parametrize(("method", "wrong"), WRONG, ids=lambda value: getattr(value, "__name__", ""))
def test_a_case_fails_where_the_answer_is_wrong_and_only_there(method, wrong):
    failed = set()
    for trial in trials(SMALL):
        try:
            trial.check(method)
        except CaseFailed:
            failed.add(trial.id)
    assert failed == wrong


def test_a_sample_is_the_same_every_time_and_keeps_what_is_expected_of_the_rest(suite_file):
    def ids(**options):
        mark = parametrize_with_cases(str(suite_file), **options)
        return [param.id for param in mark.args[1]]

    every = ids()
    two = ids(sample=2, expected_failures={case: "known" for case in every})
    assert two == ids(sample=2) and len(two) == 2 and set(two) < set(every)
    assert ids(sample=100) == every
    left = ids(where=lambda case: case.id != two[0], sample=len(every) - 1)
    assert left == [case for case in every if case != two[0]]


@pytest.mark.parametrize("sample", [0, -1, True, 2.5, "3"])
def test_a_sample_of_no_number_is_refused(sample):
    with pytest.raises(BenchError, match="sample takes a number of cases from 1"):
        parametrize_with_cases(SMALL, sample=sample)


def test_ambiguous_cases_are_left_out():
    assert [case.id for case in SMALL.cases if case.id not in {t.id for t in trials(SMALL)}] == [
        "clock-p5-ambiguous-1"
    ]


def test_an_undecided_answer_fails_where_a_decision_is_wanted():
    with pytest.raises(CaseFailed, match="got        inconclusive, score"):
        load_case("clock-p5-none-1", suite=SMALL).check(methods.Undecided, decided=True)
    load_case("clock-p5-all_of_it-1", suite=SMALL).check(methods.Undecided, decided=True)


def test_a_false_case_says_got_expected_why_and_how_to_see_it_alone(suite_file):
    with pytest.raises(CaseFailed) as raised:
        load_case("clock-p5-one_operand-1", suite=suite_file).check(methods.SupportsAll())
    text = str(raised.value)
    assert text.startswith("supports-all is wrong about clock-p5-one_operand-1\n")
    assert "got        supported, score " in text
    assert "expected   refuted: the hypothesis is false of these weights" in text
    assert "why        cluster_1 -> logits: 0.51 of what is read varies within a class" in text
    assert "made by    one_operand on a hypothesis of the family clusters" in text
    assert "'variant': 'clock-torus', 'p': 5" in text
    snippet = text.split("To see it alone:\n\n")[1].replace("    ", "")
    with pytest.raises(CaseFailed) as again:
        exec(snippet, {})
    assert str(again.value) == text


def test_a_true_case_shows_the_figure_that_came_nearest_to_failing():
    with pytest.raises(CaseFailed) as raised:
        load_case("clock-p5-none-1", suite=SMALL).check(methods.RefutesAll)
    assert "irrelevant at all other sites: 0.04, under 0.05" in str(raised.value)


def test_seed_and_budget_are_part_of_the_snippet():
    trial = load_case("clock-p5-none-1", suite=SMALL, seed=3, budget=Budget(draws=4))
    with pytest.raises(CaseFailed) as raised:
        trial.check(methods.RefutesAll)
    assert "seed=3, budget=Budget(draws=4, seconds=60.0))" in str(raised.value)
    assert "from scrubkit import Budget" in str(raised.value)


@pytest.mark.parametrize(
    ("method", "shown"),
    [
        (CausalScrubbing(), "CausalScrubbing()"),
        (methods.WithMargin(), "WithMargin()"),
        (methods.WithMargin(0.5), "method"),
        (methods.AsData(3), "AsData(steps=3)"),
    ],
)
def test_a_method_is_spelled_with_the_settings_that_are_not_its_defaults(method, shown):
    imports, expression = spelled(method)
    assert expression == shown
    assert expression != "method" or imports[-1] == "method = WithMargin(...)  # with margin=0.5"


def test_a_method_defined_in_a_test_is_shown_with_its_settings():
    class Local(CausalScrubbing):
        def __init__(self):
            self.margin = 0.25

    assert spelled(Local()) == (["method = ...  # Local(margin=0.25), as the test makes it"], "method")


def test_a_method_that_can_never_be_wrong_is_refused():
    with pytest.raises(BenchError, match="no verdict and it has no threshold"):
        load_case("clock-p5-none-1", suite=SMALL).check(methods.NeverWrong)


def test_a_finder_is_refused():
    with pytest.raises(BenchError, match="no function score"):
        load_case("clock-p5-none-1", suite=SMALL).check(methods.Finds)


def test_a_case_gives_its_model_and_the_hypothesis_as_methods_see_it():
    trial = load_case("clock-p5-none-1", suite=SMALL)
    assert trial.model.task.p == 5
    assert set(trial.hypothesis.nodes) == {f"n{i}" for i in range(len(trial.hypothesis.nodes))}


def test_an_unknown_case_or_suite_is_refused():
    with pytest.raises(BenchError, match='did you mean "clock-p5-none-1"'):
        load_case("clock-p5-none-2", suite=SMALL)
    with pytest.raises(BenchError, match="no suite 'fest'"):
        parametrize_with_cases("fest")


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"pizza-p59-*": "not there"}, "fits none of the 4 cases"),
        ({"clock-*": " "}, "needs a reason in words"),
    ],
)
def test_an_expected_failure_of_no_case_or_without_reason_is_refused(expected, message):
    with pytest.raises(BenchError, match=message):
        parametrize_with_cases(SMALL, expected_failures=expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"suite": lambda case: None}, "needs its parentheses"),
        (
            {"suite": SMALL, "expected_failures": ["clock-*"]},
            "must be a mapping of names to reasons, found list",
        ),
    ],
)
def test_a_wrong_use_is_refused_in_words(arguments, message):
    with pytest.raises(BenchError, match=message):
        parametrize_with_cases(**arguments)


def test_an_expected_failure_covers_a_wrong_answer_and_no_missing_one():
    mark = parametrize_with_cases(SMALL, expected_failures={"clock-p5-none-1": "it refutes all"})
    (param,) = [p for p in mark.args[1] if p.id == "clock-p5-none-1"]
    (xfail,) = param.marks
    assert xfail.kwargs["strict"]
    assert "it refutes all [expected failure 'clock-p5-none-1': narrow or remove" in xfail.kwargs["reason"]
    (case,) = param.values
    with pytest.raises(xfail.kwargs["raises"]) as wrong:
        case.check(methods.RefutesAll)
    assert wrong.type is WrongAnswer
    with pytest.raises(NoAnswer):
        case.check(methods.NotFinite)
    assert not issubclass(NoAnswer, xfail.kwargs["raises"])


def test_what_was_raised_names_the_line():
    with pytest.raises(NoAnswer, match=r"p must not be 7 \(methods\.py:\d+\)"):
        load_case("pizza-p7-none-1", suite=SMALL).check(methods.Raises)


def test_no_case_at_all_is_refused():
    with pytest.raises(BenchError, match="no case is left"):
        scrubkit.testing.parametrize_with_cases(SMALL, where=lambda case: False)


def test_the_fast_suite_has_readable_ids():
    mark = parametrize_with_cases("fast")
    names = [param.id for param in mark.args[1]]
    assert len(names) == len(set(names)) > 100
    assert all(name.isascii() and " " not in name for name in names)
