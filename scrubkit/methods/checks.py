"""Checks: one claim each, measured as a share of variance with an interval, and held against its limit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.special import stdtr, stdtrit
from torch import Tensor

from scrubkit import Interval
from scrubkit.methods.protocol import AnswerVerdict

Changes = Float[Tensor, " item"]
"""Squared change of each item, float64."""
ALPHA = 0.05
_NO_EFFECT = 1e-9
"""Share of a reader's variation that is rounding error."""
_VERDICTS: Mapping[str, AnswerVerdict] = {"fails": "refuted", "open": "inconclusive"}
"""The verdict that one check in such a state gives, the first first."""


@dataclass(frozen=True)
class Check:
    """One claim with its figure.

    Attributes:
        claim: what the figure is about, in words.
        share: the figure.
        limit: where the claim turns false.
        at_most: the claim holds below the limit, rather than above.
        p: p value of "the figure is not above its limit, or no larger than a random part's"; None where
            the interval decides.
        needed: largest p value with which the claim holds, after correction.
    """

    claim: str
    share: Interval
    limit: float
    at_most: bool = True
    p: float | None = None
    needed: float = ALPHA

    @property
    def state(self) -> Literal["holds", "fails", "open"]:
        """Whether the claim holds, fails, or cannot be told yet."""
        if self.at_most:
            if self.share.high <= self.limit:
                return "holds"
            return "fails" if self.share.low > self.limit else "open"
        if self.p is not None and self.p <= self.needed:
            return "holds"
        return "fails" if self.share.high < self.limit else "open"

    @property
    def slack(self) -> float:
        """How far the figure is from its limit, in limits: at most 1, negative where the claim fails."""
        gap = (self.limit - self.share.value) if self.at_most else (self.share.value - self.limit)
        return min(gap / self.limit, 1.0)

    def slack_at(self, figure: float) -> float:
        """Return the slack that another value of the figure would have."""
        return replace(self, share=Interval(value=figure, low=figure, high=figure)).slack

    def __str__(self) -> str:
        relation = "at most" if self.at_most else "at least"
        return f"{self.claim}: {self.share}, {relation} {self.limit:g} is claimed"


def share_of(part: Changes, whole: Changes) -> Interval:
    """Return mean(part) / mean(whole) with its 95 % interval by the delta method.

    Args:
        part: squared changes of some items.
        whole: squared changes of the same items.
    """
    scale = float(whole.mean())
    if scale <= 0:
        return Interval(value=0.0, low=0.0, high=0.0)
    value = float(part.mean()) / scale
    error = float((part - value * whole).std()) / scale / math.sqrt(len(part))
    half = float(stdtrit(len(part) - 1, 1 - ALPHA / 2)) * error
    return Interval(value=value, low=value - half, high=value + half)


def negligible(part: Changes, whole: Changes) -> bool:
    """Say whether a change is rounding error.

    Args:
        part: squared changes of some items.
        whole: squared changes of the same items, the scale.

    Returns:
        Whether the mean of the one is under a billionth of the other's.
    """
    return float(part.mean()) <= _NO_EFFECT * float(whole.mean())


def p_above(effect: Changes, floor: Changes) -> float:
    """Return the one-sided p value of mean(effect) <= mean(floor), paired over items.

    Args:
        effect: squared changes of some items.
        floor: what they are compared with, on the same items.
    """
    gap = effect - floor
    spread = float(gap.std()) / math.sqrt(len(gap))
    if spread == 0:
        return 0.0 if float(gap.mean()) > 0 else 1.0
    return float(stdtr(len(gap) - 1, -float(gap.mean()) / spread))


def holm_levels(p_values: Sequence[float]) -> list[float]:
    """Return the level that Holm's step-down procedure leaves each p value; -1 once one before it failed.

    With m of them the i-th smallest is held against ALPHA / (m - i + 1), and once one fails all larger ones
    do. Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    levels, stopped = [0.0] * len(p_values), False
    for rank, i in enumerate(np.argsort(p_values, kind="stable")):
        level = ALPHA / (len(p_values) - rank)
        stopped = stopped or p_values[i] > level
        levels[i] = -1.0 if stopped else level
    return levels


def holm(checks: Sequence[Check]) -> list[Check]:
    """Give each check with a p value the level that Holm's procedure leaves it."""
    levels = iter(holm_levels([check.p for check in checks if check.p is not None]))
    return [check if check.p is None else replace(check, needed=next(levels)) for check in checks]


def judge(checks: Sequence[Check]) -> tuple[AnswerVerdict, tuple[str, ...]]:
    """Return the verdict that checks give, and the checks that decided it."""
    for state, verdict in _VERDICTS.items():
        if deciding := tuple(str(check) for check in checks if check.state == state):
            return verdict, deciding
    worst = min(checks, key=lambda check: check.slack)
    return "supported", (f"all {len(checks)} checks hold; the closest: {worst}",)


def smallest_slack(checks: Sequence[Check]) -> tuple[float, tuple[float, float]]:
    """Return the smallest slack over all checks and an interval that holds it."""
    lows = [min(c.slack_at(c.share.low), c.slack_at(c.share.high)) for c in checks]
    highs = [max(c.slack_at(c.share.low), c.slack_at(c.share.high)) for c in checks]
    value = min(c.slack for c in checks)
    return value, (float(np.min(lows)), float(np.min(highs)))
