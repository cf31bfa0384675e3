"""All figures of a scrub in one loop over items: no tensor of the size of items times classes is made."""

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
        found: where the figures go, (item, 6): KL, agreement, squared change, loss, accuracy, |loss change|.
    """
    wide = np.empty(own.shape[2], np.float64)
    for i in range(first, last):
        _item(logits[i], wide, own[own_rows[i]], probs[own_rows[i]], known, labels, rows[i], found[i])


@jit(LOOSE)
def _item(logits, z, own, probs, known, labels, row, found):
    """Take the figures of one item."""
    n_answers, n_classes = own.shape
    kl, agreement, change, loss, accuracy = 0.0, 0.0, 0.0, 0.0, 0.0
    for a in range(n_answers):
        here = logits[a * n_classes : (a + 1) * n_classes]
        answer, normaliser = _normalise(here, z)
        expected, square = _compare(z, own[a], probs[a])
        kl += normaliser - expected
        change += square
        agreement += answer == known[row, 2 + a]
        if labels.shape[1]:
            loss += normaliser - z[labels[row, a]]
            accuracy += answer == labels[row, a]
    found[0] = known[row, 0] + kl / n_answers
    found[1] = agreement / n_answers
    found[2] = change / n_answers
    found[3] = loss / n_answers
    found[4] = accuracy / n_answers
    found[5] = abs(found[3] - known[row, 1])


@jit(LOOSE)
def _normalise(logits, z):
    """Copy logits to float64; return the first largest and the logarithm of the sum of exponentials."""
    for j in range(len(z)):
        z[j] = logits[j]
    top, answer = largest(z)
    total = 0.0
    for j in range(len(z)):
        total += exp(z[j] - top)
    return answer, math.log(total) + top


@jit(LOOSE)
def _compare(z, own, probs):
    """Return the mean of logits under the model's own output, and the square of their centred change."""
    expected, square, shift = 0.0, 0.0, 0.0
    for j in range(len(z)):
        change = z[j] - own[j]
        expected += probs[j] * z[j]
        square += change * change
        shift += change
    return expected, square - shift * shift / len(z)
