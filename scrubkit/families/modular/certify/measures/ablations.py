"""Losses with parts of the logits kept or removed: restricted, excluded and formula loss.

The restricted loss keeps only the waves cos(w_k (a + b)) and sin(w_k (a + b)) of the key frequencies; it
is low when the key frequencies suffice. The excluded loss removes just these; it is high when they are
needed. Nanda et al. 2023, arXiv:2301.05217, section 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import cross_entropy

from scrubkit.families.modular.certify.layout import Layout
from scrubkit.families.modular.certify.spectra import fourier_basis, rows_of, sum_index


def mean_loss(
    layout: Layout, logits: Float[Tensor, "n n class"], where: Bool[Tensor, "n n"] | None = None
) -> float:
    """Return the mean cross-entropy against the right classes, in nats, over all or some of the pairs."""
    labels = layout.labels
    if where is not None:
        return float(cross_entropy(logits[where], labels[where]))
    return float(cross_entropy(logits.flatten(0, 1), labels.flatten()))


def accuracy(layout: Layout, where: Bool[Tensor, "n n"] | None = None) -> float:
    """Return the share of pairs whose largest logit is at the right class."""
    right = layout.logits.argmax(-1) == layout.labels
    return float((right if where is None else right[where]).double().mean())


def minimum_margin(layout: Layout) -> float:
    """Return the smallest lead of the right class over the best wrong one, in nats."""
    labels = layout.labels[..., None]
    right = layout.logits.gather(-1, labels)
    rest = layout.logits.scatter(-1, labels, -torch.inf).amax(-1, keepdim=True)
    return float((right - rest).min())


def sum_waves(layout: Layout, key: Sequence[int]) -> Float[Tensor, "n n wave"]:
    """Return cos(w_k (a + b)) and sin(w_k (a + b)) of the key frequencies, of unit norm over all pairs."""
    n = layout.n
    rows = [row for k in key for row in rows_of(k, n)]
    return fourier_basis(n)[rows].T[sum_index(n)] / n**0.5


def projected_logits(layout: Layout, key: Sequence[int]) -> Float[Tensor, "n n class"]:
    """Return the logits' projection, class by class, onto the waves in a + b of the key frequencies."""
    waves = sum_waves(layout, key)
    return waves @ torch.einsum("abw,abc->wc", waves, layout.logits)


def restricted_loss(layout: Layout, key: Sequence[int]) -> float:
    """Return the loss, in nats, of the projection with each class's mean logit restored."""
    return mean_loss(layout, projected_logits(layout, key) + layout.logits.mean((0, 1)))


def excluded_loss(layout: Layout, key: Sequence[int]) -> float:
    """Return the loss, in nats, of the logits without the projection.

    Over the training pairs where they are known, over all pairs otherwise.
    """
    return mean_loss(layout, layout.logits - projected_logits(layout, key), layout.train)


def formula_logits(alpha: Mapping[int, float], n: int) -> Float[Tensor, " n"]:
    """Return sum_k alpha_k cos(w_k t) for every distance t = a + b - c."""
    t = torch.arange(n, dtype=torch.float64)
    terms = [size * (2 * torch.pi * k * t / n).cos() for k, size in alpha.items()]
    return torch.stack(terms).sum(0) if terms else torch.zeros(n, dtype=torch.float64)


def formula_loss(alpha: Mapping[int, float], n: int) -> float:
    """Return the loss of the pure formula, in nats; it is the same for every input."""
    logits = formula_logits(alpha, n)
    return float(logits.logsumexp(0) - logits[0])
