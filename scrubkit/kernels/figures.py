"""All figures of a scrub in one loop over items: no tensor of the size of items times classes is made.

Places are unsigned and arrays are flat, as in `scrubkit.kernels.folded`.
"""

from __future__ import annotations

import math

import numpy as np

from scrubkit.kernels.arithmetic import exp, largest
from scrubkit.kernels.jit import LOOSE, jit


@jit(LOOSE)
def of_logits(logits, own, probs, own_rows, known, labels, rows, first, last, found):
    """Take the figures of some items.

    Args:
        logits: scrubbed logits, (item, answer * class).
        own: the model's own logits, (row, answer, class).
        probs: their softmax.
        own_rows: the row of ``own`` for each item.
        known: negative entropy of the model's output, mean over answers, its loss, and its predictions:
            (input, 2 + answer).
        labels: right classes, (input, answer); without a column where there are none.
        rows: the input of each item.
        first: where to begin.
        last: where to stop.
        found: where the figures go, (6, item): KL, agreement, squared change, loss, accuracy, |loss change|.
    """
    z = np.empty(own.shape[2], np.float64)
    scrubbed, mine, likely = logits.reshape(-1), own.reshape(-1), probs.reshape(-1)
    width = np.uint64(logits.shape[1])
    for i in range(np.uint64(first), np.uint64(last)):
        place = np.uint64(own_rows[i]) * width
        _item(scrubbed, i * width, z, mine, likely, place, known, labels, np.uint64(rows[i]), found, i)


@jit(LOOSE, inline=True)
def _item(logits, begin, z, own, probs, there, known, labels, row, found, item):
    """Take the figures of one item."""
    n_classes = np.uint64(len(z))
    n_answers = known.shape[1] - 2
    kl, agreement, change, loss, accuracy = 0.0, 0.0, 0.0, 0.0, 0.0
    for a in range(np.uint64(n_answers)):
        answer, normaliser = _normalise(logits, begin + a * n_classes, z)
        expected, square = _compare(z, own, probs, there + a * n_classes)
        kl += normaliser - expected
        change += square
        agreement += answer == known[row, np.uint64(2) + a]
        if labels.shape[1]:
            loss += normaliser - z[np.uint64(labels[row, a])]
            accuracy += answer == labels[row, a]
    found[0, item] = known[row, 0] + kl / n_answers
    found[1, item] = agreement / n_answers
    found[2, item] = change / n_answers
    found[3, item] = loss / n_answers
    found[4, item] = accuracy / n_answers
    found[5, item] = abs(loss / n_answers - known[row, 1])


@jit(LOOSE, inline=True)
def _normalise(logits, begin, z):
    """Copy logits to float64; return the first largest and the logarithm of the sum of exponentials."""
    n = np.uint64(len(z))
    for j in range(n):
        z[j] = logits[begin + j]
    top, answer = largest(z)
    total = 0.0
    for j in range(n):
        total += exp(z[j] - top)
    return answer, math.log(total) + top


@jit(LOOSE, inline=True)
def _compare(z, own, probs, there):
    """Return the mean of logits under the model's own output, and the square of their centred change."""
    expected, square, shift = 0.0, 0.0, 0.0
    for j in range(np.uint64(len(z))):
        change = z[j] - own[there + j]
        expected += probs[there + j] * z[j]
        square += change * change
        shift += change
    return expected, square - shift * shift / len(z)
