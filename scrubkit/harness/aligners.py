"""Figures of aligners: held-out interchange accuracy beside the same search on random weights.

An aligner is asked about every case of a suite. What it finds for true claims is to be high, for false ones
low; and where it passes a claim, random weights of the shape must not pass it as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scrubkit.harness.report import MethodReport

COLUMNS = ("aligner", "true claims", "false claims", "random weights", "passed there too")


@dataclass(frozen=True)
class AlignerFigures:
    """What one aligner reached.

    Attributes:
        name: of the aligner.
        true: mean held-out accuracy for true claims, None where there are none.
        false: the same for false ones.
        control: mean accuracy on random weights, over the claims that it was asked about there.
        vacuous: how many of those random weights passed as well, that is no claim about the model.
        asked: how many claims random weights were asked about: those that passed on the model.
    """

    name: str
    true: float | None
    false: float | None
    control: float | None
    vacuous: int
    asked: int

    @property
    def row(self) -> tuple[str, ...]:
        """The figures as text, one for each of `COLUMNS`."""
        shown = ["-" if value is None else f"{value:.3f}" for value in (self.true, self.false, self.control)]
        return (self.name, *shown, f"{self.vacuous} of {self.asked}")


def aligner_figures(methods: Sequence[MethodReport]) -> tuple[AlignerFigures, ...]:
    """Return the figures of those methods that asked random weights.

    Args:
        methods: the scorers of a report.
    """
    return tuple(_figures(method) for method in methods if _controls(method))


def _controls(method: MethodReport) -> list[float]:
    return [r.outcome.control for r in method.results if r.outcome.control is not None]


def _figures(method: MethodReport) -> AlignerFigures:
    controls = _controls(method)
    # An aligner calls untestable what random weights pass as well.
    told = [r for r in method.results if r.outcome.control is not None]
    return AlignerFigures(
        name=method.name,
        true=_mean([r.outcome.score for r in method.results if r.label == "true"]),
        false=_mean([r.outcome.score for r in method.results if r.label == "false"]),
        control=_mean(controls),
        vacuous=sum(r.outcome.verdict == "untestable" for r in told),
        asked=len(controls),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
