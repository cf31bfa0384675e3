"""How much of the logits is the trigonometric formula sum_k alpha_k cos(w_k (a + b - c))."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from scrubkit.families.modular.certify.layout import Layout
from scrubkit.families.modular.certify.spectra import fourier_basis, sum_index


def centred_logits(layout: Layout) -> Float[Tensor, "n n n"]:
    """Return the group's logits without the mean of each class and without the mean of each input.

    A mean over classes changes no probability; the mean of a class says nothing of the input.
    """
    logits = layout.group_logits
    logits = logits - logits.mean(2, keepdim=True)
    return logits - logits.mean((0, 1))


def logit_profile(layout: Layout) -> Float[Tensor, " n"]:
    """Return the mean centred logit at each distance t = a + b - c from the right class, in nats."""
    n = layout.n
    distance = (sum_index(n)[:, :, None] - torch.arange(n)) % n
    profile = torch.zeros(n, dtype=torch.float64)
    profile.index_add_(0, distance.flatten(), centred_logits(layout).flatten())
    return profile / n**2


def amplitudes(layout: Layout, key: Sequence[int]) -> dict[int, float]:
    """Return alpha_k, in nats, of the least-squares fit of sum_k alpha_k cos(w_k (a + b - c))."""
    n, profile = layout.n, logit_profile(layout)
    basis = fourier_basis(n)
    return {k: float(basis[2 * k - 1] @ profile) / math.sqrt(n if 2 * k == n else n / 2) for k in key}


def trig_share(layout: Layout, key: Sequence[int]) -> float:
    """Return the share of the logits' variance in the span of cos(w_k (a + b - c)) over key k.

    A clock of these frequencies has 1. A pizza multiplies each term by |cos(w_k (a - b) / 2)| and has 8 /
    pi^2 = .81.

    Args:
        layout: the model's activations.
        key: the frequencies.

    Returns:
        A share from 0 to 1. Nanda et al. 2023, arXiv:2301.05217, section 4.2.
    """
    n = layout.n
    total = float(centred_logits(layout).square().sum())
    if total == 0:
        return 0.0
    coefficients = fourier_basis(n)[[2 * k - 1 for k in key]] @ logit_profile(layout)
    return float(coefficients.square().sum()) * n**2 / total
