"""When a claim holds, when it fails, and what is left open in between.

Every figure is a share of variance, so one set of thresholds serves every model. "True" is said of the
logits: that the skip path of a trained model triples its loss while it moves a few thousandths of the
variance of the logits does not make the claim false that the logits do not depend on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from scrubkit.bench.case import Evidence, Label

SPREAD_HOLDS, SPREAD_FAILS = 0.08, 0.12
"""Share of variance that "carries" and "irrelevant" may leave unexplained. The trained models whose planes
are certified as functions of a + b leave 0 to .07, the sum claim leaves .19 and more of groups of neurons,
and a wrong feature leaves .9 and more."""

MATTERS_HOLDS, MATTERS_FAILS = 0.01, 0.002
"""Share of the reader's variance that a part must move. The least of six components in use moves several
hundredths; one not in use, a decoy or an idle head moves nothing, in a noisy model about the square of the
noise."""

COUNTS = 0.03
"""An error fails a claim only where it moves at least this share of the variance of the logits. Below, a
part of a hundredth of the variance may be described badly and nothing much be wrong: that stays open."""

COMPOUND_HOLDS = 0.12
"""What the errors of all claims may add up to. Where no claim fails and they still add up to more, the whole
is neither clearly true nor clearly false."""


def irrelevance(where: str, value: float, influence: float) -> Evidence:
    """Return the evidence of a claim that what is left out does not matter.

    Args:
        where: the node or edge.
        value: what is left out moves this share of the reader's variance.
        influence: share of the variance of the logits that the reader moves.
    """
    return _spread("irrelevant", where, value, value * influence)


def carrying(where: str, value: float, influence: float) -> Evidence:
    """Return the evidence of a claim about what a site carries.

    Args:
        where: the edge.
        value: what varies within classes, as a share of what the edge moves.
        influence: share of the variance of the logits that the edge moves.
    """
    return _spread("carries", where, value, value * influence)


def _spread(claim: Literal["carries", "irrelevant"], where: str, value: float, of_logits: float) -> Evidence:
    return Evidence(
        claim=claim,
        where=where,
        value=rounded(value),
        holds_below=SPREAD_HOLDS,
        fails_above=SPREAD_FAILS if of_logits >= COUNTS else None,
    )


def effect(where: str, value: float, peak: float) -> Evidence:
    """Return the evidence of a claim that something matters.

    Args:
        where: the edge.
        value: what it moves on the mean, as a share of the reader's variance.
        peak: what it moves on the input that it moves most; a neuron that has memorised one input moves that
            input alone, and that it does not matter is not clear.
    """
    return Evidence(
        claim="matters",
        where=where,
        value=rounded(value),
        holds_above=MATTERS_HOLDS,
        fails_below=MATTERS_FAILS if peak < MATTERS_FAILS else None,
    )


def compound(where: str, value: float) -> Evidence:
    """Return the evidence that all errors together stay small; it may stay open, and never fails.

    Args:
        where: the root.
        value: the error that all claims together leave, a share of variance.
    """
    return Evidence(claim="compound", where=where, value=rounded(value), holds_below=COMPOUND_HOLDS)


def rounded(value: float) -> float:
    """Return a figure to three digits; below 1e-6 it is rounding error of the activations and becomes 0."""
    return 0.0 if abs(value) < 1e-6 else float(f"{value:.3g}")


def failed(evidence: Evidence) -> bool:
    """Say whether a claim clearly fails."""
    above = evidence.fails_above is not None and evidence.value > evidence.fails_above
    return above or (evidence.fails_below is not None and evidence.value < evidence.fails_below)


def holds(evidence: Evidence) -> bool:
    """Say whether a claim clearly holds."""
    below = evidence.holds_below is None or evidence.value < evidence.holds_below
    return below and (evidence.holds_above is None or evidence.value > evidence.holds_above)


def decide(evidence: Iterable[Evidence], *, tested: bool) -> Label:
    """Return the label that the figures give.

    Args:
        evidence: every figure.
        tested: the hypothesis lets something be resampled.
    """
    figures = tuple(evidence)
    failures = tuple(_sentence(figure) for figure in figures if failed(figure))
    if failures:
        return Label(label="false", failed=failures, evidence=figures)
    if not all(map(holds, figures)):
        return Label(label="ambiguous", evidence=figures)
    return Label(label="true" if tested else "vacuous", evidence=figures)


def _sentence(figure: Evidence) -> str:
    if figure.claim == "carries":
        return f"{figure.where}: {figure.value:.3g} of what is read varies within a class of the feature"
    if figure.claim == "irrelevant":
        return f"{figure.where}: what is left out moves {figure.value:.3g} of the variance"
    return f"{figure.where}: moves only {figure.value:.3g} of the reader's variance"
