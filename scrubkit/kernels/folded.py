"""All figures of logits that are sums of table rows, which are added up in the same loop and never stored.

Sums and exponentials are taken in float32, as the tables are, and so that nothing small is lost beside
something large: what the runners-up add to the largest exponential is summed by itself, and logits are
counted from that of the answer t of the model. With p its own output and r what the runners-up add,

    KL = (z_max - z_t) + log(1 + r) + log p_t - sum_j p_j ((z_j - z_t) - (own_j - own_t)),

where nothing is large if the KL is small. So losses are right to about 1e-6 of themselves, however small.
"""

from __future__ import annotations

import math

import numpy as np

from scrubkit.kernels.arithmetic import exp32, largest32
from scrubkit.kernels.jit import LOOSE, jit
from scrubkit.kernels.prefetch import prefetch

AHEAD = 2
"""How many items ahead rows are fetched."""
LINE = 16
"""Numbers in a cache line."""


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
        found: where the figures go, (item, 6): KL, agreement, squared change, loss, accuracy, |loss change|.
    """
    z = np.empty(table.shape[1], np.float32)
    e = np.empty(own.shape[2], np.float32)
    flat = table.reshape(-1)
    for i in range(first, last):
        if i + AHEAD < last:
            _fetch(flat, len(z), index[i + AHEAD])
        _add_up(z, flat, index[i])
        _figures(z, e, own[rows[i]], probs[rows[i]], known[rows[i]], labels, rows[i], found[i])


@jit(LOOSE)
def _fetch(flat, width, chosen):
    """Have the rows of an item fetched."""
    for slot in range(len(chosen)):
        start = chosen[slot] * width
        for j in range(0, width, LINE):
            prefetch(flat, start + j)  # pyright: ignore[reportCallIssue]


@jit(LOOSE)
def _add_up(z, flat, chosen):
    """Add up the rows of one item."""
    width = len(z)
    z[:] = 0
    for slot in range(len(chosen)):
        row = flat[chosen[slot] * width : (chosen[slot] + 1) * width]
        for j in range(width):
            z[j] += row[j]


@jit(LOOSE)
def _figures(z, e, own, probs, known, labels, row, found):
    """Take the figures of one item."""
    n_answers, n_classes = own.shape
    surprise, square, loss, agreement, accuracy = 0.0, 0.0, 0.0, 0.0, 0.0
    for a in range(n_answers):
        here = z[a * n_classes : (a + 1) * n_classes]
        top, answer = largest32(here)
        others = math.log1p(_runners_up(here, e, top, answer))
        usual = int(known[2 + a])
        change, squared, shift = _compare(here, own[a], probs[a], usual)
        surprise += (np.float64(top) - np.float64(here[usual])) + others - change
        square += squared - shift * shift / n_classes
        agreement += answer == usual
        if labels.shape[1]:
            loss += np.float64(top) - np.float64(here[labels[row, a]]) + others
            accuracy += answer == labels[row, a]
    found[0] = surprise / n_answers - known[0]
    found[1] = agreement / n_answers
    found[2] = square / n_answers
    found[3] = loss / n_answers
    found[4] = accuracy / n_answers
    found[5] = abs(found[3] - known[1])


@jit(LOOSE)
def _runners_up(z, e, top, answer):
    """Return the sum of exponentials over the largest, which itself is left out."""
    for j in range(len(z)):
        e[j] = exp32(z[j] - top)
    e[answer] = 0
    total = np.float32(0)
    for j in range(len(e)):
        total += e[j]
    return np.float64(total)


@jit(LOOSE)
def _compare(z, own, probs, usual):
    """Compare logits with the model's own, each counted from that of the model's answer.

    Returns:
        The mean change under the model's own output, the sum of squares of the changes, and their sum.
    """
    expected, square, shift = np.float32(0), np.float32(0), np.float32(0)
    here, there = z[usual], own[usual]
    for j in range(len(z)):
        change = (z[j] - here) - (own[j] - there)
        expected += probs[j] * change
        square += change * change
        shift += change
    return np.float64(expected), np.float64(square), np.float64(shift)
