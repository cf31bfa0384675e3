"""Asking a method on behalf of a conformance check, and what it did besides answering."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch

from scrubkit.harness import global_random
from scrubkit.harness.ask import CLOSE, fingerprint, returned
from scrubkit.harness.questions import seed_of
from scrubkit.harness.reading import FaultFound, read_answer, read_importances
from scrubkit.harness.specimen import Specimen
from scrubkit.harness.timing import call_within
from scrubkit.hypothesis import Hypothesis
from scrubkit.methods.protocol import Answer, Budget, Importances
from scrubkit.models.model import Model
from scrubkit.testing.failures import CheckFailed, check_failure
from scrubkit.testing.snippet import check_snippet
from scrubkit.testing.subjects import described

T = TypeVar("T")


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
        specimen, given = Specimen(model), copy.deepcopy(hypothesis)
        before = fingerprint(given)

        def ask() -> Any:
            return self.method.score(
                specimen.model,
                given,
                task=specimen.model.task,
                generator=self._generator(turn),
                budget=self.budget,
            )

        answer = self._call(ask, lambda value: read_answer(value, self.method), model, world)
        return Told(answer, specimen.changes(), fingerprint(given) != before)

    def find(self, model: Model, *, world: int = 0) -> tuple[Importances, list[str]]:
        """Ask a finder about a model; return its answer and what it changed.

        Raises:
            CheckFailed: it gave no valid answer.
        """
        specimen = Specimen(model)

        def ask() -> Any:
            return self.method.find(
                specimen.model, task=specimen.model.task, generator=self._generator(0), budget=self.budget
            )

        found = self._call(ask, read_importances, model, world)
        return found, specimen.changes()

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

    def _generator(self, turn: int) -> torch.Generator:
        return torch.Generator().manual_seed(seed_of(self.seed, f"conformance {turn}", self.method.name))

    def _call(self, ask: Callable[[], Any], read: Callable[[Any], T], model: Model, world: int) -> T:
        __tracebackhide__ = True
        with global_random.seeded(world):
            ended = call_within(self.budget.seconds, ask)
        try:
            return read(returned(ended, self.budget))
        except FaultFound as found:
            kind, detail, cause = found.kind, found.detail, ended.error
        failure = check_failure(
            self.check,
            self.method.name,
            [("got", f"{kind}: {detail}"), ("expected", "a valid answer"), ("model", described(model))],
            check_snippet(self.method, self.check, self.seed, self.budget),
        )
        raise CheckFailed(failure) from cause


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
