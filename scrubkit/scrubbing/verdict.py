"""From figures to intervals to a verdict."""

from __future__ import annotations

import math

from jaxtyping import Float
from scipy.special import stdtrit
from torch import Tensor

from scrubkit.scrubbing.score import Interval, Margins, Verdict


def over_draws(per_pass: Float[Tensor, " draw"], alpha: float) -> Interval:
    """Return the mean over passes with its Student t interval; passes are independent.

    Args:
        per_pass: one mean over all inputs for each pass.
        alpha: error rate, both sides together.
    """
    values = per_pass.double()
    mean = float(values.mean())
    if len(values) < 2:
        return Interval(value=mean, low=-math.inf, high=math.inf)
    half = float(stdtrit(len(values) - 1, 1 - alpha / 2) * values.std() / math.sqrt(len(values)))
    return Interval(value=mean, low=mean - half, high=mean + half)


def decide(
    fidelity: Interval,
    faithfulness: Interval | None,
    margins: Margins,
    *,
    testable: bool,
    varies: bool = True,
) -> tuple[Verdict, tuple[str, ...]]:
    """Judge two figures against their margins.

    Args:
        fidelity: of the logits, or of a graph's output.
        faithfulness: of the behaviour, where there is such a figure.
        margins: how far under 1 a figure may be.
        testable: whether anything is resampled.
        varies: whether the model's output depends on its inputs.

    Returns:
        The verdict and its reasons in words. An interval that straddles a margin is never rounded.
    """
    if not testable:
        return "untestable", (
            "nothing can be resampled: every stand-in equals what it stands in for; use coarser features, or "
            "leave something out",
        )
    if not varies and fidelity.value == 1:
        return "untestable", ("the output is the same for every input: nothing that is claimed can show",)
    named = {"fidelity": (fidelity, margins.fidelity)}
    if faithfulness is not None:
        named["faithfulness"] = (faithfulness, margins.faithfulness)
    below = [
        f"{name} {figure} is under {1 - margin:g}"
        for name, (figure, margin) in named.items()
        if figure.high < 1 - margin
    ]
    if below:
        return "refuted", tuple(below)
    open_ = [
        f"{name} {figure} straddles {1 - margin:g}; more draws would tell"
        for name, (figure, margin) in named.items()
        if not figure.low >= 1 - margin
    ]
    if open_:
        return "inconclusive", tuple(open_)
    return "supported", tuple(
        f"{name} {figure} is at least {1 - margin:g}" for name, (figure, margin) in named.items()
    )
