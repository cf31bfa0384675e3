"""A hypothesis looked at closely: its score, which of its claims fails, and what happens to each input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scrubkit.hypothesis import Hypothesis
from scrubkit.scrubbing.explain import Explanation, check_same, explain
from scrubkit.scrubbing.options import as_hypothesis
from scrubkit.scrubbing.per_input import PerInput, per_input
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.score import Score
from scrubkit.scrubbing.scoring import Scorer

PASSES = 4
"""Draws of each input that a map is a mean of."""


@dataclass(frozen=True)
class Examined:
    """What a page shows of one hypothesis.

    Attributes:
        score: its score.
        hypothesis: the claim; None where only the score is there.
        explanation: its claims one by one.
        inputs: what happens to each input.
        file: where it was read from, "" for nowhere.
        expected: the verdicts that it takes for right on this model.
        as_expected: whether the verdict is one of them; None where it says nothing.
    """

    score: Score
    hypothesis: Hypothesis | None = None
    explanation: Explanation | None = None
    inputs: PerInput | None = None
    file: str = ""
    expected: tuple[str, ...] = ()
    as_expected: bool | None = None


def examine(
    scorer: Scorer,
    hypothesis: Any,
    score: Score,
    *,
    explanation: Explanation | None = None,
    draws: int = 0,
    progress: Callable[[int, int, str], None] = lambda done, total, where: None,
) -> Examined:
    """Look at a hypothesis that has been scored.

    Args:
        scorer: the scorer of the model.
        hypothesis: the hypothesis.
        score: its score; its seed decides every draw.
        explanation: what is known of its claims, if it is.
        draws: draws with which each claim is tested where it is not; 0 leaves the claims untested.
        progress: called as claims are tested, as by `explain`.

    Raises:
        HypothesisError: the hypothesis is not valid on this model.
        ScrubError: the score is of something else.
    """
    claim = bind(as_hypothesis(hypothesis, scorer.known), scorer.subject).hypothesis
    check_same(score, claim, scorer.target)
    if explanation is None and draws:
        explanation = explain(scorer.target, claim, score=score, draws=draws, progress=progress)
    inputs = per_input(scorer, claim, seed=score.settings.seed, passes=PASSES)
    return Examined(score, claim, explanation, inputs)
