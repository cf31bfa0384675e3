"""Fourier spectra over a cyclic group: what share of a tensor sits at each frequency.

A modular task is addition in a cyclic group of order n, so every function of a token, of a class or of a
pair of tokens has a Fourier expansion over group indices 0 .. n - 1. Frequency k stands for the plane of
``cos(2 pi k x / n)`` and ``sin(2 pi k x / n)``; k runs over 1 .. n // 2 inclusive, since k and n - k span the
same plane. For even n the last frequency has a cosine only.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor


def fourier_basis(n: int) -> Float[Tensor, "n n"]:
    """Return the real Fourier basis of functions on 0 .. n - 1, one orthonormal function a row.

    Row 0 is the constant, rows 2k - 1 and 2k are cos and sin of frequency k, each of unit norm. For even n
    the last row is the cosine of frequency n / 2, which has no sine.

    Args:
        n: order of the group.

    Returns:
        Orthogonal matrix in float64, shape (n, n).
    """
    index = torch.arange(n, dtype=torch.float64)
    rows = [torch.full((n,), 1 / math.sqrt(n), dtype=torch.float64)]
    for k in range(1, n // 2 + 1):
        angle = 2 * math.pi * k * index / n
        rows.append(angle.cos() / angle.cos().norm())
        if 2 * k != n:
            rows.append(angle.sin() / angle.sin().norm())
    return torch.stack(rows)


def rows_of(k: int, n: int) -> list[int]:
    """Return the rows of `fourier_basis` that hold frequency k."""
    return [2 * k - 1] if 2 * k == n else [2 * k - 1, 2 * k]


def plane(k: int, n: int) -> Float[Tensor, "n wave"]:
    """Return the orthonormal waves of frequency k as columns: two, or one where k = n / 2."""
    return fourier_basis(n)[rows_of(k, n)].T


def frequency_power(values: Float[Tensor, "... n"]) -> Float[Tensor, "... frequency"]:
    """Return the squared norm of the last axis at each frequency 1 .. n // 2.

    The constant is left out, so the entries sum to n times the variance along that axis.

    Args:
        values: functions of the group index, along the last axis.

    Returns:
        Power at frequency k in entry k - 1, in squared units of the values.
    """
    n = values.shape[-1]
    squared = (values.to(torch.float64) @ fourier_basis(n).T).square()
    return torch.stack([squared[..., rows_of(k, n)].sum(-1) for k in range(1, n // 2 + 1)], dim=-1)


def pair_coefficients(grid: Float[Tensor, "n n unit"]) -> Float[Tensor, "n n unit"]:
    """Return the coefficients of each unit on products of two basis functions, one of a, one of b."""
    basis = fourier_basis(grid.shape[0]).to(grid.dtype)
    return torch.einsum("xa,abu,yb->xyu", basis, grid, basis)


def single_frequency_power(grid: Float[Tensor, "n n unit"]) -> Float[Tensor, "unit frequency"]:
    """Return, for each unit, the power over (a, b) that one frequency alone accounts for.

    At frequency k these are the 8 terms linear and quadratic in it: cos and sin of w_k a, the same of b,
    and the four products of the two.

    Args:
        grid: activations over pairs (a, b) of group indices.

    Returns:
        Power of each unit at frequency k in entry k - 1. Frequencies share no term, so a row sums to at most
        the unit's `centred_power`.
    """
    n = grid.shape[0]
    squared = pair_coefficients(grid).square()
    powers = []
    for k in range(1, n // 2 + 1):
        rows = rows_of(k, n)
        linear = squared[rows, 0].sum(0) + squared[0, rows].sum(0)
        powers.append(linear + squared[rows][:, rows].sum((0, 1)))
    return torch.stack(powers, dim=-1)


def centred_power(grid: Float[Tensor, "n n unit"]) -> Float[Tensor, " unit"]:
    """Return each unit's summed squared deviation from its mean over all pairs."""
    return (grid - grid.mean((0, 1))).square().sum((0, 1))


def sum_index(n: int) -> Tensor:
    """Return a + b mod n for every pair of group indices, shape (n, n)."""
    index = torch.arange(n)
    return (index[:, None] + index[None, :]) % n


def difference_index(n: int) -> Tensor:
    """Return a - b mod n for every pair of group indices, shape (n, n)."""
    index = torch.arange(n)
    return (index[:, None] - index[None, :]) % n
