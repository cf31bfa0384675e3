"""ROC curves of scorers: true hypotheses accepted against false ones, over every threshold of the score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from scrubkit.harness.figures import ranking_score
from scrubkit.harness.report import CaseResult, MethodReport
from scrubkit.report.elements import number, text
from scrubkit.report.svg import Scale, chart, label, line, path, percent

SIDE = 300
RESAMPLES = 400
"""Resamples of the models behind a band."""
MOST = 20_000
"""Cases of a curve; of more, so many are taken at random."""
_GRID = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class Roc:
    """A curve over shares of false hypotheses accepted.

    Attributes:
        false: share of false hypotheses accepted at each threshold, ascending from 0 to 1.
        true: share of true ones accepted there.
        low: lower end of the 95 % band of `true` at 0, .01, ..., 1; resamples models.
        high: upper end.
    """

    false: np.ndarray
    true: np.ndarray
    low: np.ndarray
    high: np.ndarray


def roc(method: MethodReport) -> Roc | None:
    """Return the curve of a method; None where there are no true or no false hypotheses, or no score.

    A fault ranks on the wrong end.
    """
    results = [r for r in method.results if r.label in ("true", "false")]
    if not any(r.outcome.score is not None for r in results) or len({r.label for r in results}) < 2:
        return None
    rng = np.random.default_rng(0)
    if len(results) > MOST:
        results = [results[i] for i in sorted(rng.choice(len(results), MOST, replace=False))]
    scores = np.array([ranking_score(r) for r in results])
    is_true = np.array([r.label == "true" for r in results])
    unit = np.unique([r.unit or r.variant for r in results], return_inverse=True)[1].reshape(-1)
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    false, true = _curve(np.ones(len(order)), is_true[order], ends)
    n_units = int(unit.max()) + 1
    drawn = []
    for _ in range(RESAMPLES):
        weight = np.bincount(rng.integers(n_units, size=n_units), minlength=n_units)[unit][order]
        if weight[is_true[order]].sum() and weight[~is_true[order]].sum():
            drawn.append(np.interp(_GRID, *_curve(weight, is_true[order], ends)))
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0) if drawn else (np.zeros(101), np.ones(101))
    return Roc(false, true, low, high)


def _curve(weight: np.ndarray, is_true: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    accepted_true = np.append(0.0, np.cumsum(weight * is_true)[ends])
    accepted_false = np.append(0.0, np.cumsum(weight * ~is_true)[ends])
    return accepted_false / accepted_false[-1], accepted_true / accepted_true[-1]


def threshold(results: Sequence[CaseResult]) -> tuple[float | None, float | None]:
    """Return the highest score without and the lowest score with the verdict supported.

    The threshold of a method lies between them; where the first is the larger, no threshold makes its
    verdicts. What it calls untestable is nothing that its score decided.
    """
    scored = [
        (r.outcome.score, r.outcome.verdict)
        for r in results
        if r.outcome.score is not None and r.outcome.verdict != "untestable"
    ]
    under = [score for score, verdict in scored if verdict != "supported"]
    over = [score for score, verdict in scored if verdict == "supported"]
    return max(under, default=None), min(over, default=None)


def threshold_in_words(results: Sequence[CaseResult]) -> str:
    """Return a method's threshold as its answers show it."""
    under, over = threshold(results)
    if over is None:
        return "it never says supported"
    if under is None:
        return f"it always says supported, from {number(over)} on"
    if under < over:
        return f"its threshold lies between {number(under)} and {number(over)}"
    return (
        f"its verdicts follow no threshold: supported from {number(over)} on, and not up to {number(under)}"
    )


def roc_chart(method: MethodReport, found: Roc) -> Markup:
    """Draw a curve with its band, and where the method's own verdicts stand."""
    x, y = Scale(0, 1, 62, SIDE - 20), Scale(0, 1, SIDE - 46, 10)
    pieces = []
    for tick in (0, 0.25, 0.5, 0.75, 1):
        pieces += [line(x(tick), y(0), x(tick), y(1)), line(x(0), y(tick), x(1), y(tick))]
        pieces += [
            label(x(tick), y(0) + 15, percent(tick), "middle"),
            label(x(0) - 5, y(tick) + 4, percent(tick), "end"),
        ]
    band = [(x(g), y(v)) for g, v in zip(_GRID, found.high, strict=True)]
    band += [(x(g), y(v)) for g, v in zip(_GRID[::-1], found.low[::-1], strict=True)]
    pieces.append(path(band, "fill:var(--model);fill-opacity:.16", closed=True))
    pieces.append(line(x(0), y(0), x(1), y(1), "limit"))
    points = [(x(f), y(t)) for f, t in zip(found.false, found.true, strict=True)]
    pieces.append(path(points, "fill:none;stroke:var(--model);stroke-width:2;stroke-linejoin:round"))
    pieces += _own(method, x, y)
    pieces.append(label((x.start + x.end) / 2, SIDE - 12, "false hypotheses accepted", "middle"))
    pieces.append(
        Markup('<text transform="translate(12 {:.0f}) rotate(-90)" text-anchor="middle">{}</text>').format(
            (y.start + y.end) / 2, "true hypotheses accepted"
        )
    )
    return chart(SIDE, pieces, f"ROC curve of {method.name}", SIDE)


def _own(method: MethodReport, x: Scale, y: Scale) -> list[Markup]:
    false, true = (_accepted(method.results, name) for name in ("false", "true"))
    if method.never_decided or false is None or true is None:
        return []
    said = (
        f"its own verdicts: {percent(false)} of the false and {percent(true)} of the true hypotheses accepted"
    )
    return [
        Markup(
            '<g><title>{}</title><circle cx="{:.1f}" cy="{:.1f}" r="6" style="fill:var(--scrubbed)"/></g>'
        ).format(text(said), x(false), y(true))
    ]


def _accepted(results: Sequence[CaseResult], name: str) -> float | None:
    of = [r for r in results if r.label == name]
    return sum(r.outcome.verdict == "supported" for r in of) / len(of) if of else None
