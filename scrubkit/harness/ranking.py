"""Ranks of methods over several draws of suites, with their uncertainty.

In each of many resamples the draws are drawn anew, and within each draw its units (models, or bases of
programs), the same ones for all methods. A method's figure is its mean AUROC over the draws, its rank one
more than the number of methods with a larger one. What is stated is the median rank and the central 95 % of
the ranks: two methods whose ranks overlap are not told apart by these draws.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy import stats

from scrubkit.harness.figures import ranking_score
from scrubkit.harness.intervals import CONFIDENCE, resampled_auroc
from scrubkit.harness.outcome import Record
from scrubkit.harness.report import Estimate, MethodReport

RESAMPLES = 1000


class Standing(Record):
    """Where a method stands.

    Attributes:
        method: its name.
        auroc: mean over the draws, with the interval of the resamples.
        rank: median rank; 1 is the best.
        low: lower end of the central 95 % of its ranks.
        high: upper end.
    """

    method: str
    auroc: Estimate
    rank: float
    low: float
    high: float


def standings(draws: Sequence[Sequence[MethodReport]], *, seed: int = 0) -> list[Standing]:
    """Return where methods stand, the best first.

    Args:
        draws: for each draw, the figures of its methods; methods that lack in one are left out.
        seed: of the resampling.
    """
    by_draw = [{method.name: method for method in draw} for draw in draws]
    names = [name for name in by_draw[0] if all(name in draw for draw in by_draw)] if by_draw else []
    names = [name for name in names if all(draw[name].auroc.value is not None for draw in by_draw)]
    if not names:
        return []
    rng = np.random.default_rng([seed, 17])
    resampled = np.stack([_resampled([draw[name] for name in names], rng) for draw in by_draw])
    values = np.array([[draw[name].auroc.value or 0.0 for name in names] for draw in by_draw])
    counts = rng.multinomial(len(draws), np.full(len(draws), 1 / len(draws)), RESAMPLES) / len(draws)
    means = np.einsum("bd,dbm->bm", counts, resampled)
    # Equal figures share a rank: to be as good as another is not to be better.
    ranks = stats.rankdata(-means.round(9), method="min", axis=1)
    tail = 100 * (1 - CONFIDENCE) / 2
    found = []
    for i, name in enumerate(names):
        low, high = np.percentile(means[:, i], [tail, 100 - tail])
        first, last = np.percentile(ranks[:, i], [tail, 100 - tail])
        mean = float(values[:, i].mean())
        auroc = Estimate(value=mean, low=float(min(low, mean)), high=float(max(high, mean)))
        rank = float(np.median(ranks[:, i]))
        found.append(Standing(method=name, auroc=auroc, rank=rank, low=float(first), high=float(last)))
    return sorted(found, key=lambda s: (s.rank, -(s.auroc.value or 0), s.method))


def _resampled(
    methods: Sequence[MethodReport], rng: np.random.Generator
) -> Float[np.ndarray, "resample method"]:
    """Return AUROCs of methods on one draw under the same resamples of its units."""
    units = sorted({result.unit for method in methods for result in method.results})
    number = {unit: i for i, unit in enumerate(units)}
    drawn = rng.multinomial(len(units), np.full(len(units), 1 / len(units)), RESAMPLES)
    columns = []
    for method in methods:
        decisive = [r for r in method.results if r.label in ("true", "false")]
        values = resampled_auroc(
            np.array([r.label == "true" for r in decisive]),
            np.asarray(stats.rankdata([ranking_score(r) for r in decisive])),
            np.array([number[r.unit] for r in decisive]),
            drawn,
        )
        # Where no true, or no false, case was drawn, the figure stays what it is.
        assert method.auroc.value is not None
        columns.append(np.where(np.isnan(values), method.auroc.value, values))
    return np.stack(columns, axis=1)
