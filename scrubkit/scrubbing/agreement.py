"""How far two partitions agree beyond chance: their adjusted mutual information.

The information expected of partitions into classes of the same sizes is a sum over pairs of classes, of
which all pairs of equal sizes add the same. With each pair of sizes taken once, it takes milliseconds.

Reference: Vinh, Epps and Bailey 2010, JMLR 11, definition 5 and theorem 2; the average is the mean of the
entropies, as in scikit-learn, from which the figures differ by rounding.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.special import gammaln


def adjusted_mutual_information(one: Int[np.ndarray, " input"], other: Int[np.ndarray, " input"]) -> float:
    """Return (I - E[I]) / (mean entropy - E[I]) of two partitions.

    Args:
        one: class of each input, from 0 up.
        other: class of each input in the other partition.

    Returns:
        1 for equal partitions, 0 in the mean for independent ones of the same sizes of classes; not a number
        where both have one class, or each input has its own.
    """
    n = len(one)
    sizes = [counts[counts > 0] for counts in map(np.bincount, (one, other))]
    pairs = np.unique(one.astype(np.int64) * (int(other.max()) + 1) + other, return_counts=True)[1]
    entropies = [_entropy(counts / n) for counts in (*sizes, pairs)]
    information = entropies[0] + entropies[1] - entropies[2]
    expected = _expected_information(sizes[0], sizes[1], n)
    return float((information - expected) / ((entropies[0] + entropies[1]) / 2 - expected))


def _entropy(shares: Float[np.ndarray, " class"]) -> float:
    return float(-(shares * np.log(shares)).sum())


def _expected_information(one: Int[np.ndarray, " class"], other: Int[np.ndarray, " class"], n: int) -> float:
    """Return the mutual information expected of partitions with classes of some sizes, nats."""
    (a, of_a), (b, of_b) = (np.unique(sizes, return_counts=True) for sizes in (one, other))
    log, total = gammaln(np.arange(1, n + 2)), 0.0  # of factorials
    for size, times in zip(a, of_a, strict=True):
        low, high = np.maximum(1, size + b - n), np.minimum(size, b)
        lengths = high - low + 1
        which = np.repeat(np.arange(len(b)), lengths)
        common = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths) + low[which]
        there = b[which]
        log_chance = (log[size] + log[there] + log[n - size] + log[n - there] - log[n] - log[common]) - (
            log[size - common] + log[there - common] + log[n - size - there + common]
        )
        terms = common / n * np.log(n * common / (size * there)) * np.exp(log_chance)
        total += times * float((terms * of_b[which]).sum())
    return total
