"""A method that misbehaves is charged with it, and the run goes on with a clean model."""

import math

import pytest

from scrubkit.harness.run import validate
from scrubkit.methods.protocol import Answer, Budget
from tests.harness import toys

BAD_ANSWERS = {
    "no answer": (0.5, "invalid"),
    "none": (None, "invalid"),
    "nan": (Answer(math.nan), "not-finite"),
    "infinite": (Answer(math.inf), "not-finite"),
    "text": (Answer("high"), "invalid"),
    "interval beside the score": (Answer(0.5, interval=(0.6, 0.9)), "interval"),
    "interval upside down": (Answer(0.5, interval=(0.9, 0.1)), "interval"),
    "interval of nan": (Answer(0.5, interval=(math.nan, math.nan)), "interval"),
    "interval of three": (Answer(0.5, interval=(0.1, 0.5, 0.9)), "invalid"),
    "unknown verdict": (Answer(0.5, verdict="maybe"), "invalid"),
}


def one_case(suite):
    return suite.model_copy(update={"cases": suite.cases[:1]})


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_a_bad_answer_is_a_fault(suite, name):
    answer, kind = BAD_ANSWERS[name]
    report = validate(toys.Returns(answer), one_case(suite))["returns"]
    assert report.fault_kinds == {kind: 1}
    assert report.results[0].wrong == "faulty"


@pytest.mark.parametrize("method", [toys.Raises(), toys.Exits()])
def test_an_exception_is_a_fault_of_every_case(small_suite, method):
    report = validate(method, small_suite)[method.name]
    assert report.fault_kinds == {"raised": len(small_suite.cases)}
    assert report.auroc.value == 0
    assert report.crashed.value == report.faults.value == 1
    assert report.false_accept.value == report.false_reject.value == report.vacuous_accepted.value == 0


@pytest.mark.parametrize("method", [toys.Spins(), toys.Sleeps()])
def test_a_call_that_does_not_end_is_given_up(suite, method):
    two = suite.model_copy(update={"cases": suite.cases[:2]})
    report = validate(method, two, budget=Budget(seconds=0.1))[method.name]
    assert report.fault_kinds == {"timeout": 2}
    assert "0.1 s" in report.results[0].outcome.fault.detail


@pytest.mark.parametrize("what", ["weights", "tokens", "bridge", "hook"])
def test_a_changed_model_is_a_fault_and_the_next_case_gets_a_clean_one(small_suite, what):
    method = toys.Mutates(what)
    few = small_suite.model_copy(update={"cases": small_suite.cases[:3]})
    report = validate(method, few, in_process=True)[method.name]
    assert report.fault_kinds == {"model-changed": 3}
    assert len(set(method.seen)) == 1


@pytest.mark.parametrize("what", ["hypothesis", "graph"])
def test_a_changed_hypothesis_is_a_fault(suite, what):
    method = toys.Mutates(what)
    assert validate(method, one_case(suite))[method.name].fault_kinds == {"hypothesis-changed": 1}


def test_the_model_of_the_suite_is_never_touched(suite):
    from scrubkit.bench.models import build

    model = build(suite.cases[0].model)
    before = model.weights.digest()
    validate(toys.Mutates("weights"), suite)
    assert model.weights.digest() == before


def test_a_fault_of_one_method_does_not_reach_another(small_suite):
    report = validate([toys.Mutates("weights"), toys.Oracle()], small_suite)
    assert report["oracle"].auroc.value == 1


def test_using_the_bridge_is_no_fault(suite):
    class Runs(toys.Toy):
        name = "runs"

        def judge(self, model, hypothesis, generator):
            model.bridge.run_with_cache(model.tokens)
            model.bridge.run_with_hooks(model.tokens, fwd_hooks=[("hook_embed", lambda value, hook: value)])
            return 1.0

    assert validate(Runs(), one_case(suite))["runs"].faults.count == 0


def test_a_threshold_makes_a_verdict_of_a_score(suite):
    method = toys.Returns(Answer(0.7))
    assert validate(method, one_case(suite))["returns"].inconclusive.count == 1
    method.threshold = 0.7
    assert validate(method, one_case(suite))["returns"].results[0].outcome.verdict == "supported"
    method.threshold = 0.8
    assert validate(method, one_case(suite))["returns"].false_reject.count == 1


def test_the_same_seed_gives_the_same_answers_and_another_seed_others(small_suite):
    first, again, other = (
        [r.outcome.score for r in validate(toys.RandomScores(), small_suite, seed=seed)["random"].results]
        for seed in (0, 0, 1)
    )
    assert first == again
    assert not set(first) & set(other)


def test_the_global_random_state_of_the_caller_is_left_alone(suite):
    import torch

    before = torch.get_rng_state()
    validate(toys.GlobalRandom("torch"), one_case(suite))
    assert torch.equal(before, torch.get_rng_state())
