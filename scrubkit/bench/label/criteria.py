"""When a claim holds, when it fails, and what is left open in between.

Every figure is a share: of the variance of the output, or of an answer's lead. So one set of thresholds
serves every subject. In graphs of functions and compiled programs figures are 0 or far from it;
thresholds matter for trained models, for noise, and for the aliasing of circles made of a few neurons.
"""

from __future__ import annotations

from collections.abc import Iterable

from scrubkit.bench.case import Evidence, Label, Stratum, Witness

MEAN_HOLDS, MEAN_FAILS = 0.03, 0.06
"""Share of the output's variance that joint draws may move, and from which on the claim fails on average."""

WORST_HOLDS, WORST_FAILS = 0.8, 1.2
"""Share of its lead that an answer may lose in the worst draw: at 1 another class draws level."""

NEEDED_HOLDS, NEEDED_FAILS = 0.02, 0.002
"""Share of the output's variance that an edge must move in some context. One that is in use moves several
hundredths and more, one that is not moves nothing, in a noisy model about the square of the noise."""

RARE = 0.05
"""A claim that fails on a smaller share of draws and inputs holds on average."""


def rarely(mean: float, failure: float) -> bool:
    """Say whether a claim that fails holds on average.

    Args:
        mean: what joint draws move, a share of variance.
        failure: share of draws that change an answer.

    Returns:
        Whether few draws change an answer, and what they move is no more than such few can.
    """
    return failure <= RARE and mean <= max(MEAN_FAILS, 3 * failure)


def sufficient(where: str, value: float) -> Evidence:
    """Return the evidence that joint draws do not move the output, on average.

    Args:
        where: the root.
        value: the mean change, a share of variance.
    """
    return Evidence(
        claim="sufficient", where=where, value=rounded(value), holds_below=MEAN_HOLDS, fails_above=MEAN_FAILS
    )


def worst(where: str, value: float, failure: float, exhaustive: bool) -> Evidence:
    """Return the evidence that no draw changes an answer.

    An answer that changes only in a draw too rare to be met is no clear failure: the worst of all joint draws
    was found by looking at each part by itself, and leaves open what it was not seen to do.

    Args:
        where: the root.
        value: the most that an answer loses, a share of its lead.
        failure: share of draws that change an answer.
        exhaustive: the share is that of all draws.
    """
    seen = exhaustive or failure > 0
    return Evidence(
        claim="worst",
        where=where,
        value=rounded(value),
        holds_below=WORST_HOLDS,
        fails_above=WORST_FAILS if seen else None,
    )


def failure(where: str, value: float) -> Evidence:
    """Return the share of draws that change an answer, which decides nothing by itself.

    Args:
        where: the root.
        value: the share.
    """
    return Evidence(claim="failure", where=where, value=rounded(value))


def local(where: str, value: float) -> Evidence:
    """Return what the scrub of one node moves at the output; it locates a fault and decides nothing.

    Args:
        where: the node.
        value: its mean change, a share of variance.
    """
    return Evidence(claim="local", where=where, value=rounded(value))


def needed(where: str, value: float) -> Evidence:
    """Return the evidence that an edge is needed.

    Args:
        where: the edge, as a path from the root.
        value: what it moves in the context where it moves most, a share of variance.
    """
    return Evidence(
        claim="needed", where=where, value=rounded(value), holds_above=NEEDED_HOLDS, fails_below=NEEDED_FAILS
    )


def rounded(value: float) -> float:
    """Return a figure to three digits; below 1e-9 it is rounding error and becomes 0."""
    return 0.0 if abs(value) < 1e-9 else float(f"{value:.3g}")


def failed(evidence: Evidence) -> bool:
    """Say whether a claim clearly fails."""
    above = evidence.fails_above is not None and evidence.value > evidence.fails_above
    return above or (evidence.fails_below is not None and evidence.value < evidence.fails_below)


def holds(evidence: Evidence) -> bool:
    """Say whether a claim clearly holds."""
    below = evidence.holds_below is None or evidence.value < evidence.holds_below
    return below and (evidence.holds_above is None or evidence.value > evidence.holds_above)


def decide(
    evidence: Iterable[Evidence],
    *,
    vacuous: bool,
    stratum: Stratum | None = None,
    failures: Iterable[str] = (),
    witness: Witness | None = None,
    flags: Iterable[str] = (),
) -> Label:
    """Return the label that the figures give.

    Args:
        evidence: every figure.
        vacuous: the claim holds of any weights.
        stratum: in which way it is false, if it is.
        failures: what fails and where, in words.
        witness: the worst draw.
        flags: see `Label`.
    """
    figures = tuple(evidence)
    more = {"evidence": figures, "witness": witness, "flags": tuple(flags)}
    if any(map(failed, figures)):
        return Label(label="false", stratum=stratum, failed=tuple(failures), **more)
    if not all(map(holds, figures)):
        return Label(label="ambiguous", **more)
    return Label(label="vacuous" if vacuous else "true", **more)
