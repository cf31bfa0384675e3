"""Clock or pizza, cluster by cluster: how the amplitude of a frequency depends on a - b.

A clock writes alpha cos(w_k (a + b - c)) into the logits' plane k, a pizza multiplies it by |cos(w_k (a -
b) / 2)|. Added over clusters the two look alike, so each cluster is fitted alone. With d = a - b uniform
the two shapes have correlation 2 sqrt(2) / pi, so a pure specimen of one fits the other with share 8 /
pi^2 = .81.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from scrubkit.families.modular.certify.layout import Layout
from scrubkit.families.modular.certify.measures.logits import centred_logits
from scrubkit.families.modular.certify.spectra import difference_index, fourier_basis, rows_of, sum_index


@dataclass(frozen=True)
class PlaneFit:
    """Shares of a plane's variance over (a, b) that the two algorithms explain.

    Attributes:
        clock: share explained by alpha cos(w_k (a + b - c)).
        pizza: share explained by alpha |cos(w_k (a - b) / 2)| cos(w_k (a + b - c)).
        both: share explained by the best mixture of the two.
        by_sum: share explained by any function of a + b.
    """

    clock: float
    pizza: float
    both: float
    by_sum: float


def cluster_plane(layout: Layout, members: tuple[int, ...], k: int) -> Float[Tensor, "n n wave"]:
    """Return what some neurons write into plane k of the logits, in coordinates of the plane."""
    neurons = list(members)
    basis = fourier_basis(layout.n)[rows_of(k, layout.n)]
    return layout.post[..., neurons] @ (layout.neuron_to_logit[neurons] @ basis.T)


def logit_plane(layout: Layout, k: int) -> Float[Tensor, "n n wave"]:
    """Return the logits in plane k, in coordinates of the plane."""
    return layout.group_logits @ fourier_basis(layout.n)[rows_of(k, layout.n)].T


def fit_plane(values: Float[Tensor, "n n wave"], k: int) -> PlaneFit:
    """Fit the clock's and the pizza's formula to one plane.

    Args:
        values: coordinates in plane k for each pair of group indices.
        k: the frequency.

    Returns:
        The shares explained; all zero for a plane that never changes.
    """
    n = values.shape[0]
    centred = values - values.mean((0, 1))
    total = float(centred.square().sum())
    if total == 0:
        return PlaneFit(0.0, 0.0, 0.0, 0.0)
    clock = fourier_basis(n)[rows_of(k, n)].T[sum_index(n)]
    pizza = clock * (math.pi * k * difference_index(n).double() / n).cos().abs()[..., None]
    shapes = [shape - shape.mean((0, 1)) for shape in (clock, pizza)]
    return PlaneFit(
        clock=explained(centred, shapes[:1]) / total,
        pizza=explained(centred, shapes[1:]) / total,
        both=explained(centred, shapes) / total,
        by_sum=power_by_sum(centred) / total,
    )


def formula_share(layout: Layout, fits: Mapping[int, PlaneFit]) -> float:
    """Return the share of the logits' variance that clock and pizza terms explain together.

    Args:
        layout: the model's activations.
        fits: the fit of each plane of the logits.

    Returns:
        A share from 0 to 1; it is 1 for a pure clock, a pure pizza and any mixture of the two.
    """
    centred = centred_logits(layout)
    total = float(centred.square().sum())
    waves = {k: fourier_basis(layout.n)[rows_of(k, layout.n)].T for k in fits}
    power = sum(fit.both * float((centred @ waves[k]).square().sum()) for k, fit in fits.items())
    return power / total if total else 0.0


def explained(values: Tensor, shapes: list[Tensor]) -> float:
    """Return the squared norm of the projection of the values onto the span of the shapes."""
    design = torch.stack([shape.flatten() for shape in shapes], dim=1)
    basis, sizes, _ = torch.linalg.svd(design, full_matrices=False)
    basis = basis[:, sizes > 1e-9 * sizes.max()]
    return float((basis.T @ values.flatten()).square().sum())


def power_by_sum(values: Float[Tensor, "n n wave"]) -> float:
    """Return the squared norm of the values averaged within each class of a + b."""
    n = values.shape[0]
    sums = torch.zeros(n, values.shape[-1], dtype=values.dtype)
    sums.index_add_(0, sum_index(n).flatten(), values.flatten(0, 1))
    return float((sums / n).square().sum()) * n
