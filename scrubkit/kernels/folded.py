"""All figures of logits that are sums of table rows, which are added up in the same loop and never stored.

Sums and exponentials are taken in float32, as the tables are, and so that nothing small is lost beside
something large: what the runners-up add to the largest exponential is summed by itself, and logits are
counted from that of the answer t of the model. With p its own output and r what the runners-up add,

    KL = (z_max - z_t) + log(1 + r) + log p_t - sum_j p_j ((z_j - z_t) - (own_j - own_t)),

where nothing is large if the KL is small. So losses are right to about 1e-6 of themselves, however small.

Places are unsigned and arrays are flat: a signed place may count from the end, which a compiled loop has to
ask for every number, and a slice of an array is counted, which takes longer than adding it up.
"""

from __future__ import annotations

import math

import numpy as np

from scrubkit.kernels.arithmetic import exp32, largest32
from scrubkit.kernels.jit import LOOSE, jit
from scrubkit.kernels.prefetch import prefetch

AHEAD = np.uint64(2)
"""How many items ahead rows are fetched."""
LINE = np.uint64(16)
"""Numbers in a cache line."""
_ONE = np.uint64(1)
_TWO = np.uint64(2)


@jit(LOOSE)
def of_rows(table, index, own, probs, known, labels, rows, first, last, found):
    """Take the figures of some items.

    Args:
        table: what is added up, (row, answer * class), float32.
        index: the rows of each item, (item, slot).
        own: the model's own logits, (input, answer, class), float32.
        probs: their softmax.
        known: of the model's own logits, minus the logarithm of the largest probability, mean over answers,
            the loss, and the predictions: (input, 2 + answer).
        labels: right classes, (input, answer); without a column where there are none.
        rows: the input of each item.
        first: where to begin.
        last: where to stop.
        found: where the figures go, (6, item): KL, agreement, squared change, loss, accuracy, |loss change|.
    """
    width, slots = np.uint64(table.shape[1]), np.uint64(index.shape[1])
    z = np.empty(table.shape[1], np.float32)
    sizes = own.shape[1], np.uint64(own.shape[2])
    flat, chosen, mine, likely = table.reshape(-1), index.reshape(-1), own.reshape(-1), probs.reshape(-1)
    stop = np.uint64(last)
    for i in range(np.uint64(first), stop):
        if i + AHEAD < stop:
            _fetch(flat, width, chosen, (i + AHEAD) * slots, slots)
        _add_up(z, flat, width, chosen, i * slots, slots)
        _figures(z, sizes, mine, likely, known, labels, np.uint64(rows[i]), found, i)


@jit(LOOSE, inline=True)
def _fetch(flat, width, chosen, place, slots):
    """Have the rows of an item fetched."""
    for slot in range(place, place + slots):
        start = np.uint64(chosen[slot]) * width
        for j in range(start, start + width, LINE):
            prefetch(flat, j)  # pyright: ignore[reportCallIssue]


@jit(LOOSE, inline=True)
def _add_up(z, flat, width, chosen, place, slots):
    """Add up the rows of one item."""
    start = np.uint64(chosen[place]) * width
    for j in range(width):
        z[j] = flat[start + j]
    for slot in range(place + _ONE, place + slots):
        start = np.uint64(chosen[slot]) * width
        for j in range(width):
            z[j] += flat[start + j]


@jit(LOOSE, inline=True)
def _figures(z, sizes, own, probs, known, labels, row, found, item):
    """Take the figures of one item."""
    n_answers, n_classes = sizes
    surprise, square, loss, agreement, accuracy = 0.0, 0.0, 0.0, 0.0, 0.0
    for a in range(np.uint64(n_answers)):
        begin, there = a * n_classes, (row * np.uint64(n_answers) + a) * n_classes
        top, answer = largest32(z, begin, n_classes)
        others = math.log1p(_runners_up(z, begin, n_classes, top, answer))
        usual = np.uint64(known[row, _TWO + a])
        change, squared, shift = _compare(z, begin, own, probs, there, usual, n_classes)
        surprise += (np.float64(top) - np.float64(z[begin + usual])) + others - change
        square += squared - shift * shift / np.int64(n_classes)
        agreement += answer == usual
        if labels.shape[1]:
            label = np.uint64(labels[row, a])
            loss += np.float64(top) - np.float64(z[begin + label]) + others
            accuracy += answer == label
    found[0, item] = surprise / n_answers - known[row, 0]
    found[1, item] = agreement / n_answers
    found[2, item] = square / n_answers
    found[3, item] = loss / n_answers
    found[4, item] = accuracy / n_answers
    found[5, item] = abs(loss / n_answers - known[row, 1])


@jit(LOOSE, inline=True)
def _runners_up(z, begin, n, top, answer):
    """Return the sum of exponentials over the largest, which itself is left out."""
    total, place = np.float32(0), np.int32(answer)
    for j in range(n):
        total += np.float32(0) if np.int32(j) == place else exp32(z[begin + j] - top)
    return np.float64(total)


@jit(LOOSE, inline=True)
def _compare(z, begin, own, probs, there, usual, n):
    """Compare logits with the model's own, each counted from that of the model's answer.

    Returns:
        The mean change under the model's own output, the sum of squares of the changes, and their sum.
    """
    expected, square, shift = np.float32(0), np.float32(0), np.float32(0)
    mine, its = z[begin + usual], own[there + usual]
    for j in range(n):
        change = (z[begin + j] - mine) - (own[there + j] - its)
        expected += probs[there + j] * change
        square += change * change
        shift += change
    return np.float64(expected), np.float64(square), np.float64(shift)
