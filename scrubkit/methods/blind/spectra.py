"""Spectra of weights: what can be seen of a model without running it or following a path through it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from torch import Tensor

from scrubkit.models.model import Model

BLOCKS = 4
"""Blocks that are looked at, the first ones."""
KEPT = 6
"""Largest singular values that are kept of each matrix."""
FIGURES = KEPT + 4


def spectra(model: Model) -> Float[np.ndarray, " column"]:
    """Return figures of the singular values of every weight matrix, and of every head's two products.

    Of each matrix its largest singular values, their sum, the number that are not 0, the stable rank and the
    entropy; of each block also those of W_Q W_K^T and W_V W_O, means over heads, and those of the products of
    the norms of each neuron's two sides. All are rounded, so that they do not depend on the order of a sum.
    """
    weights = model.weights
    found = [_figures(weights[name]) for name in ("embed.W_E", "pos_embed.W_pos", "unembed.W_U")]
    for layer in range(BLOCKS):
        if layer < model.config.n_layers:
            found += _block(dict(weights.block(layer)))
        else:
            found += [np.zeros(FIGURES)] * _PER_BLOCK
    return np.concatenate(found)


_PER_BLOCK = 9


def _block(tensors: dict[str, Tensor]) -> list[np.ndarray]:
    q, k, v, o = (tensors[f"attn.W_{name}"].double() for name in "QKVO")
    per_head = [q, k, v, o, q @ k.mT, v @ o]
    found = [np.mean([_figures(head) for head in matrices], axis=0) for matrices in per_head]
    if "mlp.W_in" not in tensors:
        return [*found, *[np.zeros(FIGURES)] * 3]
    into, out = tensors["mlp.W_in"].double(), tensors["mlp.W_out"].double()
    sides = into.norm(dim=0) * out.norm(dim=1)
    return [*found, _figures(into), _figures(out), _of(np.sort(sides.numpy())[::-1])]


def _figures(matrix: Tensor) -> np.ndarray:
    return _of(np.linalg.svd(matrix.double().numpy(), compute_uv=False))


def _of(values: np.ndarray) -> np.ndarray:
    """Return figures of singular values, or of other sizes, in descending order."""
    total = float(values.sum())
    shares = values[values > 0] / total if total else np.ones(1)
    largest = np.zeros(KEPT)
    largest[: len(values[:KEPT])] = values[:KEPT]
    nonzero = float((values > 1e-4 * max(values.max(initial=0), 1e-12)).sum())
    stable = float((values**2).sum() / values.max(initial=0) ** 2) if values.max(initial=0) > 0 else 0.0
    entropy = float(-(shares * np.log(shares)).sum())
    found = [*largest, total, nonzero, stable, entropy]
    return np.array([float(f"{x:.4g}") for x in found])
