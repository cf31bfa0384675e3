"""Draws in one loop: the number of an item and the stand-in that it names."""

from __future__ import annotations

import numpy as np

from scrubkit.kernels.arithmetic import remainder
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
    begin = low
    while begin < high:
        number = (first_item + begin) // n_inputs
        stop = min(high, (number + 1) * n_inputs - first_item)
        _of_one_pass(
            order,
            start,
            count,
            rows,
            keys[number - first_pass],
            first_item - number * n_inputs,
            begin,
            stop,
            found,
        )
        begin = stop


@jit(STRICT)
def _of_one_pass(order, start, count, rows, key, shift, low, high, found):
    """Draw for items of one pass; item i has number i + shift in it."""
    for i in range(np.uint64(low), np.uint64(high)):
        z = key + (i + np.uint64(shift)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = (z ^ (z >> np.uint64(31))) >> np.uint64(2)
        row = np.uint64(rows[i])
        found[i] = order[np.uint64(start[row] + remainder(np.int64(z), count[row]))]
