"""Stated intervals are held against enumerated values."""

import pytest

from scrubkit.families.modular.compile import compile_model
from scrubkit.harness.exact_value import exact_value
from scrubkit.harness.questions import bare, question_of
from scrubkit.harness.run import validate
from scrubkit.methods.causal_scrubbing import CausalScrubbing
from scrubkit.methods.protocol import Answer
from scrubkit.scrubbing.scoring import score
from tests.harness import toys


@pytest.fixture(scope="module")
def asked():
    suite = toys.tiny_suite(models=("pizza-p11",), claims=("a",))
    model = compile_model(variant="pizza", p=11, frequencies=(2, 4))
    return bare(model), question_of(suite.cases[0], model).hypothesis


@pytest.mark.parametrize("estimand", ["fidelity", "faithfulness", "loss_recovered"])
def test_the_exact_value_is_what_many_draws_tend_to(asked, estimand):
    model, hypothesis = asked
    sampled = getattr(score(model, hypothesis, draws=400, device="cpu"), estimand)
    assert exact_value(estimand, model, hypothesis) == pytest.approx(
        sampled.value, abs=2 * (sampled.high - sampled.low)
    )


def test_what_cannot_be_enumerated_has_no_exact_value(asked, monkeypatch):
    model, hypothesis = asked
    assert exact_value(None, model, hypothesis) is None
    assert exact_value("beauty", model, hypothesis) is None
    monkeypatch.setattr("scrubkit.harness.exact_value.MAX_RUNS", 10)
    assert exact_value("fidelity", model, hypothesis) is None
    monkeypatch.setattr("scrubkit.harness.exact_value.MAX_INPUTS", 120)
    assert exact_value("fidelity", model, hypothesis) is None


class Overconfident(toys.Toy):
    """States intervals of no width around a value that is somewhat off."""

    name = "overconfident"
    estimand = "fidelity"

    def judge(self, model, hypothesis, generator):
        value = exact_value("fidelity", model, hypothesis) + 0.01
        return Answer(value, interval=(value, value), verdict="refuted")


def test_a_method_whose_intervals_are_too_narrow_is_found_out():
    suite = toys.tiny_suite(models=("pizza-p11",), claims=("a", "b", "(a - b) % p"))
    report = validate([Overconfident(), CausalScrubbing()], suite, calibrate=True)
    assert (report["overconfident"].calibration.count, report["overconfident"].calibration.total) == (0, 3)
    assert report["causal-scrubbing"].calibration.total == 3
    assert report["causal-scrubbing"].calibration.count >= 2
    assert validate(CausalScrubbing(), suite)["causal-scrubbing"].calibration.total == 0
