"""Intervals of the bench's figures: exact for shares, resampled by model for everything else.

Cases on one model are no independent evidence, so the bootstrap draws models and takes all of their
cases along.
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


def proportion(outcomes: Sequence[bool]) -> Proportion:
    """Return a share with its Clopper-Pearson interval."""
    count, total = int(sum(outcomes)), len(outcomes)
    if total == 0:
        return Proportion(count=0, total=0, value=None, low=None, high=None)
    bounds = stats.binomtest(count, total).proportion_ci(CONFIDENCE, method="exact")
    low, high = float(bounds.low), float(bounds.high)
    return Proportion(count=count, total=total, value=count / total, low=low, high=high)


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
    right, pairs = _pair_counts(truth, ranks, index, len(names))
    drawn = np.random.default_rng(seed).multinomial(
        len(names), np.full(len(names), 1 / len(names)), RESAMPLES
    )
    over = np.einsum("bm,mn,bn->b", drawn, right, drawn, optimize=True)
    under = np.einsum("bm,mn,bn->b", drawn, pairs, drawn, optimize=True)
    low, high = _percentiles(over[under > 0] / under[under > 0])
    return Estimate(value=value, low=min(low, value), high=max(high, value))


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
