"""Draws in one loop: the number of an item and the stand-in that it names."""

from __future__ import annotations

import numpy as np

from scrubkit.kernels.jit import STRICT, jit


@jit(STRICT)
def stand_ins(order, start, count, rows, keys, first_item, n_inputs, low, high, found):
    """Draw a stand-in for each row; see `scrubkit.scrubbing.sampling.Draws`, whose numbers these are.

    Args:
        order: entries, of which each row has a window.
        start: where each row's window begins.
        count: how long it is.
        rows: the row that each item stands in for.
        keys: the stream's key in each pass, as uint64, the first for the pass of ``first_item``.
        first_item: number of the first item.
        n_inputs: items in a pass.
        low: where to begin.
        high: where to stop.
        found: where the stand-ins go.
    """
    first_pass = first_item // n_inputs
    for i in range(low, high):
        item = first_item + i
        number = item // n_inputs
        z = keys[number - first_pass] + np.uint64(item - number * n_inputs) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = (z ^ (z >> np.uint64(31))) >> np.uint64(2)
        row = rows[i]
        found[i] = order[start[row] + np.int64(z % np.uint64(count[row]))]
