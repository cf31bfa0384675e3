"""Intervals of the bench's figures, wide enough for cases that are no independent evidence of each other.

Errors cluster: a method that is fooled by one planted head is fooled by it in every model, and one that fails
on a model fails on many claims about it. An exact binomial interval takes cases for independent and is then
too narrow, up to twice.

*Shares* have the Clopper-Pearson interval of an effective number of cases (Korn and Graubard 1998,
"Confidence intervals for proportions with small expected number of positive counts estimated from survey
data"). With p the share, n the cases and e_i = 1 for an error, clusters g of one kind give

    V = G / (G - 1) * sum over g of (sum over i in g of (e_i - p))^2 / n^2,     n_eff = p (1 - p) / V,

and n_eff is multiplied by (t(n - 1) / t(G - 1))^2, the squared ratio of Student's 97.5 % quantiles, because V
is estimated from G clusters. Where cases cluster in two ways, V is the largest of V_1, V_2 and
V_1 + V_2 - V_12 (Cameron, Gelbach and Miller 2011). n_eff is never larger than n: no interval is narrower
than the exact one.

Of no error, or few, V knows nothing: none would give n_eff = n. There the design effect is at least
1 + c * (m - 1), with m the mean size of the cluster that a case is in (Kish 1965) and c from `CORRELATIONS`.

Simulated with 8 to 64 clusters of 18 to 4 cases, shares of .02 to .3 and correlations of 0 to .3, 600 times
each, these intervals hold the share .905 to .998 of the time, where exact ones fall to .54.

*AUROC* and means over models are resampled: the bootstrap draws clusters and takes all of their cases along.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float
from scipy import stats
from sklearn.metrics import roc_auc_score

from scrubkit.harness.report import Estimate, Proportion

CONFIDENCE = 0.95
RESAMPLES = 2000
FEW = 5
"""Below so many errors, or so many cases that are none, the design effect is not left to its estimate."""
CORRELATIONS = (0.1, 0.35)
"""Correlation of errors in one cluster that is taken for granted where errors are too few to tell: on one
unit, and made in one way. Measured on `fast` (version 1), 13 shares of ten built-in methods that were wrong
on 5 to 95 % of the cases: on one model the upper quartile was .06, for one way of making the median .36."""


def proportion(outcomes: Sequence[bool], *clusterings: Sequence[str]) -> Proportion:
    """Return a share with its interval; see the module.

    Args:
        outcomes: which cases count.
        clusterings: for each of at most two ways in which cases cluster, the cluster of each case: the unit
            that its model was drawn with, and the way in which the case was made. Without any, all cases are
            independent and the interval is Clopper and Pearson's.
    """
    count, total = int(sum(outcomes)), len(outcomes)
    if total == 0:
        return Proportion(count=0, total=0, value=None, low=None, high=None)
    errors = np.asarray(outcomes, dtype=float)
    effective = min([total, *_effective(errors, [_numbered(names) for names in clusterings])])
    low, high = _clopper_pearson(count / total * effective, effective)
    return Proportion(
        count=count, total=total, value=count / total, low=low, high=high, effective=round(effective, 1)
    )


def _clopper_pearson(count: float, total: float) -> tuple[float, float]:
    """Return the interval of a count, which need not be whole."""
    tail = (1 - CONFIDENCE) / 2
    low = 0.0 if count <= 0 else float(stats.beta.ppf(tail, count, total - count + 1))
    high = 1.0 if count >= total else float(stats.beta.ppf(1 - tail, count + 1, total - count))
    return low, high


def _effective(errors: Float[np.ndarray, " case"], clusterings: Sequence[np.ndarray]) -> list[float]:
    """Return the numbers of independent cases that tell as much, each a bound from above."""
    share, total = errors.mean(), len(errors)
    bounds = []
    if min(errors.sum(), total - errors.sum()) < FEW:
        for index, correlation in zip(clusterings, CORRELATIONS, strict=False):
            size = float((np.bincount(index) ** 2).sum()) / total
            bounds.append(total / (1 + correlation * (size - 1)))
    # One cluster says nothing of how clusters differ.
    told = [index for index in clusterings if index.max() > 0]
    variance = _variance(errors - share, told)
    if variance > 0 and share * (1 - share) > 0:
        fewest = min(int(index.max()) for index in told)
        tail = 1 - (1 - CONFIDENCE) / 2
        known = float(stats.t.ppf(tail, total - 1) / stats.t.ppf(tail, fewest)) ** 2
        bounds.append(share * (1 - share) / variance * known)
    return [float(bound) for bound in bounds]


def _variance(residuals: Float[np.ndarray, " case"], clusterings: Sequence[np.ndarray]) -> float:
    """Return the variance of the mean under one way of clustering, or two."""
    single = [_of_clusters(residuals, index) for index in clusterings]
    if len(clusterings) == 2:
        one, two = clusterings
        both = np.unique(one * (int(two.max()) + 1) + two, return_inverse=True)[1]
        single.append(sum(single) - _of_clusters(residuals, both))
    return max(single, default=0.0)


def _of_clusters(residuals: Float[np.ndarray, " case"], index: np.ndarray) -> float:
    sums = np.bincount(index, weights=residuals)
    return float(len(sums) / max(len(sums) - 1, 1) * (sums**2).sum() / len(residuals) ** 2)


def _numbered(names: Sequence[str]) -> np.ndarray:
    return np.unique(np.asarray(names), return_inverse=True)[1]


def clustered_auroc(
    truths: Sequence[bool], scores: Sequence[float], clusters: Sequence[str], *, seed: int = 0
) -> Estimate:
    """Return the AUROC of scores with an interval that resamples clusters.

    The AUROC is P(score of a true one > score of a false one) + P(equal) / 2. Weighting every cluster
    by how often it was drawn, it is w' W w / w' N w, where W counts the pairs in the right order between two
    clusters and N all pairs; so a resample costs one product.

    Args:
        truths: which are true.
        scores: larger means truer; infinite scores are allowed.
        clusters: the model of each.
        seed: of the resampling.

    Returns:
        The estimate; without value where only one kind is there, and without interval for a single cluster.
    """
    truth = np.asarray(truths, dtype=bool)
    if truth.all() or not truth.any():
        return Estimate(value=None, low=None, high=None)
    ranks = stats.rankdata(np.asarray(scores, dtype=float))
    value = float(roc_auc_score(truth, ranks))
    names, index = np.unique(np.asarray(clusters), return_inverse=True)
    if len(names) < 2:
        return Estimate(value=value, low=None, high=None)
    drawn = np.random.default_rng(seed).multinomial(
        len(names), np.full(len(names), 1 / len(names)), RESAMPLES
    )
    values = resampled_auroc(truth, ranks, index, drawn)
    low, high = _percentiles(values[~np.isnan(values)])
    return Estimate(value=value, low=min(low, value), high=max(high, value))


def resampled_auroc(
    truth: Bool[np.ndarray, " case"],
    ranks: Float[np.ndarray, " case"],
    index: np.ndarray,
    drawn: np.ndarray,
) -> Float[np.ndarray, " resample"]:
    """Return the AUROC of each resample of clusters; not a number where one kind of case was not drawn.

    Args:
        truth: which cases are true.
        ranks: larger means truer.
        index: number of each case's cluster.
        drawn: how often each resample drew each cluster, (resample, cluster).
    """
    right, pairs = _pair_counts(truth, ranks, index, drawn.shape[1])
    over = np.einsum("bm,mn,bn->b", drawn, right, drawn, optimize=True)
    under = np.einsum("bm,mn,bn->b", drawn, pairs, drawn, optimize=True)
    with np.errstate(invalid="ignore"):
        return over / under


def mean_over_models(values: Sequence[float | None], *, seed: int = 0) -> Estimate:
    """Return the mean over the models that have a value, with an interval that resamples them."""
    known = np.array([value for value in values if value is not None], dtype=float)
    if not len(known):
        return Estimate(value=None, low=None, high=None)
    if len(known) == 1:
        return Estimate(value=float(known[0]), low=None, high=None)
    drawn = np.random.default_rng(seed).integers(len(known), size=(RESAMPLES, len(known)))
    low, high = _percentiles(known[drawn].mean(axis=1))
    return Estimate(value=float(known.mean()), low=low, high=high)


def _pair_counts(
    truth: Bool[np.ndarray, " case"], ranks: Float[np.ndarray, " case"], index: np.ndarray, clusters: int
) -> tuple[Float[np.ndarray, "model model"], Float[np.ndarray, "model model"]]:
    """Count pairs of a true case of one cluster and a false case of another: rightly ordered, and all."""
    difference = ranks[truth][:, None] - ranks[~truth][None, :]
    wins = (difference > 0) + 0.5 * (difference == 0)
    mine, theirs = np.eye(clusters)[index[truth]], np.eye(clusters)[index[~truth]]
    return mine.T @ wins @ theirs, np.outer(mine.sum(axis=0), theirs.sum(axis=0))


def _percentiles(values: Float[np.ndarray, " resample"]) -> tuple[float, float]:
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)
