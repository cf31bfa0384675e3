"""Conformance checks: each catches the method that breaks it, and no other is blamed."""

import pytest

import scrubkit.testing
from scrubkit.errors import BenchError
from scrubkit.methods.causal_scrubbing import CausalScrubbing
from scrubkit.methods.random_scores import RandomScores
from scrubkit.testing import (
    CheckFailed,
    check_method,
    conformance_checks,
    finder_checks,
    in_process,
    parametrize_with_checks,
    scorer_checks,
)
from scrubkit.testing.failures import CheckSkipped

from . import methods

SCORERS = [check.__name__ for check in scorer_checks.CHECKS]
FINDERS = [check.__name__ for check in finder_checks.CHECKS]
EVERY_ANSWER = {name for name in SCORERS if name != "works_on_another_device"}
CAUGHT = [
    (CausalScrubbing, set()),
    (methods.Forgetful, {"same_seed_same_score"}),
    (methods.GlobalRandom, {"same_seed_same_score"}),
    (methods.ChangesWeights, {"model_is_untouched"}),
    (methods.LeavesHook, {"model_is_untouched"}),
    (methods.ChangesHypothesis, {"hypothesis_is_untouched"}),
    (methods.ReadsNames, {"node_names_do_not_matter", "interval_holds_the_value"}),
    (methods.ReadsOrder, {"node_order_does_not_matter", "interval_holds_the_value"}),
    (methods.NotFinite, EVERY_ANSWER),
    (methods.MissesItsScore, EVERY_ANSWER),
    (methods.TooSure, {"interval_holds_the_value"}),
    (methods.RefutesAll, {"identity_is_not_refuted"}),
    (methods.SupportsAll, {"nothing_is_not_supported"}),
    (methods.KnowsOneModulus, {"works_on_another_model", "model_is_untouched"}),
    (methods.Finds, set()),
    (methods.FindsByChance, {"same_seed_same_importances"}),
    (methods.FindsNothing, {name for name in FINDERS if name != "finds_on_another_device"}),
    (methods.FindsAndChanges, {"model_is_untouched_by_find"}),
    (methods.FindsInOneModel, {"finds_in_another_model", "model_is_untouched_by_find"}),
]


def failing(method):
    """Return what a method fails; it is called in this process, where no worker has to be started for it."""
    found = set()
    with in_process():
        for check in conformance_checks(method):
            try:
                check(method)
            except CheckFailed:
                found.add(check.name)
            except CheckSkipped as skipped:
                assert "CUDA" in str(skipped)
    return found - {"works_on_another_device", "finds_on_another_device"}


@pytest.mark.parametrize(("method", "caught"), CAUGHT, ids=lambda value: getattr(value, "__name__", ""))
def test_a_misbehaving_method_is_caught_by_the_check_that_is_about_it(method, caught):
    assert failing(method) == caught


def test_a_method_in_both_roles_gets_the_checks_of_both():
    names = [check.name for check in conformance_checks(RandomScores)]
    assert names == [*SCORERS, *FINDERS]


def test_all_failures_are_told_at_once_with_got_expected_and_a_snippet():
    with pytest.raises(CheckFailed) as raised:
        check_method(methods.KnowsOneModulus)
    text = str(raised.value)
    assert text.count("fails the check") == 2
    assert "got        raised: AssertionError: p must not be 11" in text
    assert "expected   a valid answer" in text


def test_without_valid_answers_no_other_check_is_made():
    with pytest.raises(CheckFailed) as raised:
        check_method(methods.NotFinite)
    text = str(raised.value)
    assert text.count("fails the check") == 1
    assert "got        not-finite: score is nan" in text
    assert "the other checks were not made" in text


def test_the_snippet_makes_the_failing_check_alone():
    with pytest.raises(CheckFailed) as raised:
        check_method(methods.RefutesAll())
    snippet = str(raised.value).split("To see it alone:\n\n")[1].replace("    ", "")
    with pytest.raises(
        CheckFailed, match="causal-scrubbing fails the check identity_is_not_refuted"
    ) as again:
        exec(snippet, {})
    assert str(again.value) == str(raised.value)


def test_what_the_method_raised_is_told_with_its_place():
    checks = {check.name: check for check in conformance_checks(methods.KnowsOneModulus)}
    with pytest.raises(CheckFailed, match="raised: AssertionError: p must not be 11 .methods.py:"):
        checks["works_on_another_model"](methods.KnowsOneModulus())


def test_an_expected_failure_passes_with_its_reason():
    results = check_method(
        methods.RefutesAll, expected_failures={"identity_is_not_refuted": "it refutes whatever it is asked"}
    )
    (failed,) = [result for result in results if result.state == "failed"]
    assert (failed.name, failed.reason) == ("identity_is_not_refuted", "it refutes whatever it is asked")


def test_an_expected_failure_that_passes_is_stale_and_an_error():
    with pytest.raises(CheckFailed, match=r"passes the check answers_are_valid.*\(once so\); remove"):
        check_method(
            methods.RefutesAll, only="answers_are_valid", expected_failures={"answers_are_valid": "once so"}
        )


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"identity_is_not_refuted": ""}, "needs a reason"),
        ({"identity_is_not_refuted": None}, "needs a reason"),
        ({"identity_not_refuted": "so it is"}, 'did you mean "identity_is_not_refuted"'),
        ({"importances_are_valid": "it is no finder"}, "no check 'importances_are_valid'"),
    ],
)
def test_an_expected_failure_without_reason_or_check_is_refused(expected, message):
    with pytest.raises(BenchError, match=message):
        check_method(methods.RefutesAll, expected_failures=expected)


def test_a_check_can_be_made_alone():
    assert [r.name for r in check_method(CausalScrubbing, only="same_seed_same_score")] == [
        "same_seed_same_score"
    ]
    with pytest.raises(BenchError, match='did you mean "same_seed_same_score"'):
        check_method(CausalScrubbing, only=["same_seed_same_scores"])


def test_no_method_at_all_is_refused():
    with pytest.raises(BenchError, match="score, find or align"):
        check_method(object())


@scrubkit.testing.parametrize_with_checks(
    methods.SupportsAll, expected_failures={"nothing_is_not_supported": "it supports whatever it is asked"}
)
def test_checks_from_pytest(method, check):
    check(method)


@pytest.mark.parametrize("name", scrubkit.testing.__all__)
def test_public_names_resolve(name):
    assert getattr(scrubkit.testing, name) is not None
    assert name in dir(scrubkit.testing)


def test_several_methods_are_each_asked_for_their_checks():
    mark = parametrize_with_checks([RandomScores(), methods.RefutesAll()])
    names = [param.id for param in mark.args[1]]
    assert {param.values[0].name for param in mark.args[1]} == {"random-scores", methods.RefutesAll().name}
    assert len(set(names)) == len(names) == 2 * len(SCORERS) + len(FINDERS)


@pytest.mark.parametrize(
    ("given", "says"), [([], "no methods"), ([RandomScores(), RandomScores()], "'random-scores'")]
)
def test_no_methods_and_two_of_one_name_are_refused(given, says):
    with pytest.raises(BenchError, match=says):
        parametrize_with_checks(given)
