"""Noise: weights that are nearly what they were built to be. What it changes is measured after it."""

from __future__ import annotations

import numpy as np

from scrubkit.families.programs.compile.weights import Tensors

NOISE = 14
"""Stream of the random generator."""


def add_noise(w: Tensors, sigma: float, seed: int) -> dict[str, np.ndarray]:
    """Add Gaussian noise to every tensor that is not zero, and to no normalisation.

    Its standard deviation is sigma times the tensor's root mean square.
    """
    rng = np.random.default_rng([seed, NOISE])
    noisy = {}
    for name, value in w.items():
        drawn = rng.standard_normal(value.shape)
        spread = 0.0 if ".ln" in name or name.startswith("ln_") else sigma * np.sqrt((value**2).mean())
        noisy[name] = value + spread * drawn
    return noisy
