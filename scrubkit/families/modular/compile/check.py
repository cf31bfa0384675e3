"""Check: what a compiled model really does, on every input, in float64.

The weights are what they will be stored as, float32; only the arithmetic is float64. The formula is compared
on centred logits, each input's mean over the classes taken away, since a constant is no answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from scrubkit.families.modular.compile.circles import Circles
from scrubkit.families.modular.compile.circuit import Circuit
from scrubkit.models.weights import Weights, run

MAX_NUMBERS = 2**22
"""Numbers in the largest activation that is held at once: 32 MB of float64."""


@dataclass(frozen=True)
class Check:
    """Figures of a compiled model over all inputs.

    Attributes:
        accuracy: share of the inputs whose right logit is strictly the largest.
        min_margin: smallest difference of the right logit and the best other one.
        deviation: largest difference of the centred logits from the formula's.
        relative_deviation: the same as a share of the formula's largest centred logit.
    """

    accuracy: float
    min_margin: float
    deviation: float
    relative_deviation: float


@torch.no_grad()
def check(weights: Weights, circles: Circles, circuit: Circuit) -> Check:
    """Measure a compiled model against its task and its formula."""
    w = weights.to(torch.float64)
    right, margin, deviation, largest = 0, np.inf, 0.0, 0.0
    for rows in _chunks(circles.task.n_inputs, weights):
        tokens, labels = circles.task.tokens[rows], circles.task.labels[rows]
        logits = run(w, torch.from_numpy(tokens))["logits"].numpy()
        margins = _margins(logits, labels)
        wanted = _centred(formula(circles, circuit, tokens))
        right += int((margins > 0).sum())
        margin = min(margin, float(margins.min()))
        deviation = max(deviation, float(np.abs(_centred(logits) - wanted).max()))
        largest = max(largest, float(np.abs(wanted).max()))
    return Check(right / circles.task.n_inputs, margin, deviation, deviation / largest)


def formula(
    circles: Circles, circuit: Circuit, tokens: Int[np.ndarray, "input 3"]
) -> Float[np.ndarray, "input class"]:
    """Return the logits that the circuit is meant to have.

    sum over terms of alpha f cos(w_k (s - c)), with f = |cos(w_k d / 2)| where the term has the pizza factor,
    plus the bonus of each memorised pair.
    """
    group, n = circles.task.group, circles.order
    a, b = group.a[tokens[:, 0]], group.b[tokens[:, 1]]
    logits = np.zeros((len(tokens), circles.task.d_vocab_out))
    for term in circuit.terms:
        k = term.frequency
        angle = 2 * np.pi * (k * (a + b) % n) / n
        size = term.alpha * (np.abs(np.cos(np.pi * k * (a - b) / n)) if term.pizza else 1.0)
        logits += (size * np.stack([np.cos(angle), np.sin(angle)])).T @ circles.classes(k)
    for bonus in circuit.bonuses:
        here = (tokens[:, 0] == bonus.a) & (tokens[:, 1] == bonus.b)
        logits[here, bonus.label] += bonus.amount
    return logits


def _chunks(n: int, w: Weights) -> Iterator[slice]:
    """Cut the inputs so that values of all heads, neurons and classes stay within memory."""
    n_heads, _, d_head = w.W_V.shape
    widest = max(len(w.W_pos) * max(n_heads * d_head, len(w.b_out)), len(w.b_in), len(w.b_U))
    step = max(1, MAX_NUMBERS // widest)
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def _margins(
    logits: Float[np.ndarray, "input class"], labels: Int[np.ndarray, " input"]
) -> Float[np.ndarray, " input"]:
    """Return each input's right logit minus the best other one."""
    rows = np.arange(len(labels))
    others = logits.copy()
    others[rows, labels] = -np.inf
    return logits[rows, labels] - others.max(axis=1)


def _centred(logits: Float[np.ndarray, "input class"]) -> Float[np.ndarray, "input class"]:
    return logits - logits.mean(axis=1, keepdims=True)
