"""Putting questions to a method, one at a time, and charging it with what it does wrong."""

from __future__ import annotations

import math

import torch

from scrubkit.harness.call import Call, Caller, Said
from scrubkit.harness.outcome import Fault, Finding, Outcome
from scrubkit.harness.questions import Given, Question, seed_of
from scrubkit.harness.reading import FaultFound
from scrubkit.methods.protocol import Budget

SPOT_CHECK = 16
"""One question in so many is asked twice, whatever the method did."""
ENOUGH_AGREEMENTS = 2
"""A method that draws from the global state and still gave the same answer so often is believed."""
CLOSE = 1e-5
"""Largest relative difference between two answers that count as the same."""


class Examiner:
    """Asks one method about one model.

    Args:
        caller: where the method is called.
        model: the bare model, or a graph of functions; the method works on copies of it.
        seed: the run's seed.
        budget: what one question may cost.
    """

    def __init__(self, caller: Caller, model: Given, *, seed: int, budget: Budget) -> None:
        self.caller = caller
        self.model = model
        self.seed = seed
        self.budget = budget
        self.agreements = 0
        self.decides = False

    def ask(self, question: Question) -> Outcome:
        """Put a question to a scorer and return its answer or its fault."""
        said = self._call(question.key, "first", question)
        device = device_class()
        try:
            _require_valid(said)
            self._require_same(question, said)
        except FaultFound as found:
            fault = Fault(kind=found.kind, detail=found.detail)
            return Outcome(key=question.key, seconds=said.seconds, device=device, fault=fault)
        self.decides |= said.decides
        return Outcome(
            key=question.key,
            score=said.score,
            low=said.low,
            high=said.high,
            verdict=said.verdict,
            evaluations=said.evaluations,
            notes=said.notes,
            control=said.control,
            seconds=said.seconds,
            device=device,
        )

    def find(self, key: str) -> Finding:
        """Put a model to a finder and return its answer or its fault."""
        said = self._call(key, "first", None)
        device = device_class()
        try:
            _require_valid(said)
        except FaultFound as fault:
            charge = Fault(kind=fault.kind, detail=fault.detail)
            return Finding(key=key, seconds=said.seconds, device=device, fault=charge)
        return Finding(
            key=key,
            sites=said.sites,
            edges=said.edges,
            evaluations=said.evaluations,
            seconds=said.seconds,
            device=device,
        )

    def _call(self, key: str, turn: str, question: Question | None) -> Said:
        """Call the method with the question's generator."""
        call = Call(
            role="find" if question is None else "score",
            hypothesis=None if question is None else question.hypothesis,
            seed=seed_of(self.seed, key, self.caller.name),
            world=seed_of(self.seed, key, f"global state, {turn}"),
            budget=self.budget,
        )
        return self.caller.call(self.model, call)

    def _require_same(self, question: Question, first: Said) -> None:
        """Ask again from the same generator and another global state, where there is a reason to."""
        spot = int(question.key[:8], 16) % SPOT_CHECK == 0
        if not spot and (not first.drew or self.agreements >= ENOUGH_AGREEMENTS):
            return
        again = self._call(question.key, "second", question)
        _require_valid(again)
        assert first.score is not None and again.score is not None
        if again.verdict != first.verdict or not math.isclose(
            again.score, first.score, rel_tol=CLOSE, abs_tol=CLOSE
        ):
            why = (
                "it draws from the global random state"
                if first.drew
                else "its randomness is not the generator's"
            )
            raise FaultFound(
                "not-reproducible",
                f"score {first.score:g} ({first.verdict}), then {again.score:g} ({again.verdict}) from "
                f"the same generator: {why}",
            )
        self.agreements += first.drew


def _require_valid(said: Said) -> None:
    """Charge a call with its fault, if it has one; raises FaultFound."""
    if said.fault is not None:
        raise FaultFound(said.fault.kind, said.fault.detail)
    if said.changes:
        more = f" and {len(said.changes) - 3} more" if len(said.changes) > 3 else ""
        raise FaultFound("model-changed", f"changed: {', '.join(said.changes[:3])}{more}")
    if said.hypothesis_changed:
        raise FaultFound("hypothesis-changed", "the hypothesis is not as it was handed out")


def device_class() -> str:
    """Return the kind of device that methods find on this machine."""
    return "cuda" if torch.cuda.is_available() else "cpu"
