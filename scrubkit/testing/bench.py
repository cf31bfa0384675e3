"""Asking a method on behalf of a conformance check, and what it did besides answering."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from scrubkit.harness.ask import CLOSE
from scrubkit.harness.call import Call, Said
from scrubkit.harness.questions import bare, seed_of
from scrubkit.hypothesis import Hypothesis
from scrubkit.methods.protocol import Answer, Budget, Importances
from scrubkit.models.model import Model
from scrubkit.testing.callers import caller_for
from scrubkit.testing.failures import CheckFailed, check_failure
from scrubkit.testing.snippet import check_snippet
from scrubkit.testing.subjects import described


@dataclass(frozen=True)
class Told:
    """What a method answered, and what it changed while it did.

    Attributes:
        answer: its answer.
        changes: what of the model is no longer as it was handed out, in words.
        hypothesis_changed: whether the hypothesis is.
    """

    answer: Answer
    changes: list[str]
    hypothesis_changed: bool


@dataclass(frozen=True)
class Bench:
    """One method and the check that it is asked for.

    Attributes:
        method: the method.
        check: name of the check.
        seed: decides the generator that the method is given.
        budget: what one question may cost.
    """

    method: Any
    check: str
    seed: int = 0
    budget: Budget = field(default_factory=Budget)

    def score(self, model: Model, hypothesis: Hypothesis, *, turn: int = 0, world: int = 0) -> Told:
        """Ask a scorer about a hypothesis.

        Args:
            model: handed over without its truth.
            hypothesis: as methods are given it.
            turn: another turn is given another generator.
            world: number of the global random state in which the method is called.

        Raises:
            CheckFailed: it gave no valid answer.
        """
        said = self._call(model, hypothesis, turn, world)
        assert said.score is not None
        interval = None if said.low is None or said.high is None else (said.low, said.high)
        answer = Answer(said.score, interval, said.verdict, said.evaluations, said.notes)
        return Told(answer, list(said.changes), said.hypothesis_changed)

    def find(self, model: Model, *, world: int = 0) -> tuple[Importances, list[str]]:
        """Ask a finder about a model; return its answer and what it changed.

        Raises:
            CheckFailed: it gave no valid answer.
        """
        said = self._call(model, None, 0, world)
        edges = {(source, target): value for source, target, value in said.edges}
        return Importances(said.sites, edges, said.evaluations), list(said.changes)

    def fail(self, *facts: tuple[str, str]) -> None:
        """Fail the check with what was got and expected."""
        __tracebackhide__ = True
        snippet = check_snippet(self.method, self.check, self.seed, self.budget)
        raise CheckFailed(check_failure(self.check, self.method.name, facts, snippet))

    def require(self, holds: bool, got: str, expected: str, *facts: tuple[str, str]) -> None:
        """Fail the check unless something holds."""
        __tracebackhide__ = True
        if not holds:
            self.fail(("got", got), ("expected", expected), *facts)

    def _call(self, model: Model, hypothesis: Hypothesis | None, turn: int, world: int) -> Said:
        """Call the method; a fault fails the check."""
        __tracebackhide__ = True
        role = "find" if hypothesis is None else "score"
        seed = seed_of(self.seed, f"conformance {turn}", self.method.name)
        said = caller_for(self.method).call(bare(model), Call(role, hypothesis, seed, world, self.budget))
        if said.fault is not None:
            self.fail(
                ("got", f"{said.fault.kind}: {said.fault.detail}"),
                ("expected", "a valid answer"),
                ("model", described(model)),
            )
        return said


def spelled(answer: Answer) -> str:
    """Return an answer in words."""
    interval = "" if answer.interval is None else f" [{answer.interval[0]:.6g}, {answer.interval[1]:.6g}]"
    return f"{answer.verdict}, score {answer.score:.8g}{interval}"


def alike(one: Answer, other: Answer) -> bool:
    """Say whether two answers are the same but for rounding."""
    return one.verdict == other.verdict and close(_numbers(one), _numbers(other))


def agree(one: Answer, other: Answer) -> bool:
    """Say whether two answers may be about the same quantity: the same score, or intervals that overlap."""
    if close([one.score], [other.score]):
        return True
    if one.interval is None or other.interval is None:
        return False
    return one.interval[0] <= other.interval[1] and other.interval[0] <= one.interval[1]


def close(one: list[float], other: list[float]) -> bool:
    """Say whether two lists of numbers are the same but for rounding."""
    return len(one) == len(other) and all(
        math.isclose(a, b, rel_tol=CLOSE, abs_tol=CLOSE) for a, b in zip(one, other, strict=True)
    )


def _numbers(answer: Answer) -> list[float]:
    return [answer.score, *(answer.interval or ())]
