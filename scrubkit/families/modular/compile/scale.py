"""Scale: how large the logits have to be, so that the model is sure of every answer.

Logits grow with alpha and their order does not change, so that the loss of a right model falls to zero as
alpha grows. Frequencies that tell two classes hardly apart leave a small margin and need more of it.
"""

from __future__ import annotations

import math

import numpy as np

ALPHA = {"pizza": 100.0, "clock-torus": 20.0, "clock-attention": 20.0}
"""Scale of the logits that suits most frequencies."""

MOST = 1e4
"""Largest scale: beyond it float32 weights are no longer precise enough."""

ALLOWED = 9e-4
"""Loss in nats up to which a scale is left as it is; certificates allow 1e-3."""

WANTED = 1e-4
"""Loss in nats that a scale chosen here leaves at most."""


def formula_loss(variant: str, order: int, frequencies: tuple[int, ...], alpha: float) -> float:
    """Return the mean loss in nats of sum_k alpha f_k cos(w_k (s - c)) over all inputs.

    Args:
        variant: pizza, where f_k = |cos(w_k d / 2)|, or one of the clocks, where it is 1.
        order: order of the group.
        frequencies: key frequencies.
        alpha: scale of the logits.
    """
    k, t = np.array(frequencies), np.arange(order)
    drop = np.cos(2 * np.pi * (np.outer(k, t) % order) / order) - 1
    height = np.ones((1, len(k)))
    if variant == "pizza":
        height = np.abs(np.cos(np.pi * (np.outer(t, k) % (2 * order)) / order))
    return float(np.log(np.exp(alpha * (height @ drop)).sum(axis=1)).mean())


def choose_alpha(variant: str, order: int, frequencies: tuple[int, ...]) -> float:
    """Return the variant's usual scale, or the smallest larger one at which the formula is sure.

    Where there is none up to `MOST` the scale returned is larger.
    """
    usual = ALPHA[variant]
    if formula_loss(variant, order, frequencies, usual) <= ALLOWED:
        return usual
    steps = range(1, 1 + math.ceil(2 * math.log2(MOST / usual)))
    larger = (float(f"{usual * 2 ** (step / 2):.3g}") for step in steps)
    sure = (alpha for alpha in larger if formula_loss(variant, order, frequencies, alpha) <= WANTED)
    return next(sure, 2 * MOST)
