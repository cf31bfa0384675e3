"""Attention from one query over few positions, whose keys and values are sums of table rows."""

from __future__ import annotations

import numpy as np

from scrubkit.kernels.arithmetic import exp, largest
from scrubkit.kernels.jit import LOOSE, jit


@jit(LOOSE)
def attended(scores, values, index, ends, first, last, found):
    """Return what each head collects, for some items.

    Args:
        scores: share of a row in the attention score of each head, (row, head).
        values: share of a row in the value of each head, (row, head * d_head).
        index: rows to add up, (item, term), those of one position side by side.
        ends: where the terms of each position end.
        first: where to begin.
        last: where to stop.
        found: where z goes, (item, head * d_head).
    """
    n_heads, n_positions = scores.shape[1], len(ends)
    width = values.shape[1] // n_heads
    pattern = np.empty((n_heads, n_positions), np.float64)
    for i in range(first, last):
        pattern[:] = 0.0
        term = 0
        for k in range(n_positions):
            while term < ends[k]:
                for h in range(n_heads):
                    pattern[h, k] += scores[index[i, term], h]
                term += 1
        for h in range(n_heads):
            top = largest(pattern[h])[0]
            total = 0.0
            for k in range(n_positions):
                pattern[h, k] = exp(pattern[h, k] - top)
                total += pattern[h, k]
            for k in range(n_positions):
                pattern[h, k] /= total
        z = found[i]
        z[:] = 0
        term = 0
        for k in range(n_positions):
            while term < ends[k]:
                _add(z, values[index[i, term]], pattern[:, k], width)
                term += 1


@jit(LOOSE)
def _add(z, value, share, width):
    """Add the value of one row, weighted by head."""
    for h in range(len(share)):
        weight = z.dtype.type(share[h])
        for e in range(h * width, (h + 1) * width):
            z[e] += weight * value[e]
