"""Disguise: changes that hide a layout and keep the function.

A compiled circuit has one frequency per pair of dimensions and its neurons in order of phase, which
anyone can read off. An orthogonal change of the residual basis, one inside every head, and a permutation
of neurons and heads leave the logits as they are and nothing to read. Noise does change the
function, slightly: what it changes is measured after it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from scrubkit.models.record import ModelConfig
from scrubkit.models.weights import Weights

NOISE, RESIDUAL, HEADS, NEURONS = range(4, 8)
"""Streams of the random generator; the distractors have those below."""


@dataclass(frozen=True)
class Disguise:
    """What was done to the layout.

    Attributes:
        rotation: orthogonal; residual vectors x became x @ rotation.
        head_order: head i of the result is head head_order[i] of the layout.
        neuron_order: the same for neurons.
    """

    rotation: Float[np.ndarray, "d_model d_model"]
    head_order: Int[np.ndarray, " head"]
    neuron_order: Int[np.ndarray, " d_mlp"]


def draw_disguise(config: ModelConfig, *, rotate: bool, permute: bool, seed: int) -> Disguise:
    """Draw a disguise; without `rotate` or `permute` that part of it changes nothing."""
    d, h, m = config.d_model, config.n_heads, config.d_mlp
    return Disguise(
        random_rotation(d, np.random.default_rng([seed, RESIDUAL])) if rotate else np.eye(d),
        np.random.default_rng([seed, HEADS]).permutation(h) if permute else np.arange(h),
        np.random.default_rng([seed, NEURONS]).permutation(m) if permute else np.arange(m),
    )


def random_rotation(size: int, rng: np.random.Generator) -> Float[np.ndarray, "size size"]:
    """Draw an orthogonal matrix uniformly (Haar measure), by QR of a Gaussian one with the signs fixed."""
    q, r = np.linalg.qr(rng.standard_normal((size, size)))
    return q * np.sign(np.diag(r))


def add_noise(w: Weights, sigma: float, seed: int) -> Weights:
    """Add Gaussian noise to every tensor that is not zero, head by head where it has heads.

    The standard deviation is sigma times the root mean square over all entries of the tensor, or of the
    head's part of it. What is zero as a whole stays zero: a uniform head stays uniform, a head that
    writes nothing writes nothing.
    """
    rng = np.random.default_rng([seed, NOISE])
    noisy = {}
    for name, tensor in w.short().items():
        by_head = name[2:] in {"Q", "K", "V"} or name == "W_O"
        axes = tuple(range(1, tensor.ndim)) if by_head else tuple(range(tensor.ndim))
        rms = tensor.pow(2).mean(dim=axes, keepdim=True).sqrt()
        noisy[name] = tensor + sigma * rms * torch.from_numpy(rng.standard_normal(tuple(tensor.shape)))
    return Weights.one_layer(**noisy)


def rotate_residual(w: Weights, rotation: Float[np.ndarray, "d_model d_model"]) -> Weights:
    """Change the basis of the residual stream: what writes is multiplied by R, what reads by R transposed."""
    r = torch.from_numpy(rotation)
    written = {name: getattr(w, name) @ r for name in ("W_E", "W_pos", "W_O", "b_O", "W_out", "b_out")}
    read = {name: r.T @ getattr(w, name) for name in ("W_Q", "W_K", "W_V", "W_in", "W_U")}
    return w.with_(**written, **read)


def rotate_heads(w: Weights, seed: int) -> Weights:
    """Change the basis inside every head, one for queries and keys and another for values."""
    n_heads, _, d_head = w.W_V.shape
    rng = np.random.default_rng([seed, RESIDUAL, 1])
    match, carry = (
        torch.from_numpy(np.stack([random_rotation(d_head, rng) for _ in range(n_heads)])) for _ in range(2)
    )
    return w.with_(
        W_Q=w.W_Q @ match,
        W_K=w.W_K @ match,
        b_Q=torch.einsum("he,hef->hf", w.b_Q, match),
        b_K=torch.einsum("he,hef->hf", w.b_K, match),
        W_V=w.W_V @ carry,
        b_V=torch.einsum("he,hef->hf", w.b_V, carry),
        W_O=carry.mT @ w.W_O,
    )


def reorder(w: Weights, disguise: Disguise) -> Weights:
    """Permute heads and neurons."""
    heads, neurons = torch.from_numpy(disguise.head_order), torch.from_numpy(disguise.neuron_order)
    moved = {f"{kind}_{part}": getattr(w, f"{kind}_{part}")[heads] for kind in "Wb" for part in "QKV"}
    return w.with_(
        **moved,
        W_O=w.W_O[heads],
        W_in=w.W_in[:, neurons],
        b_in=w.b_in[neurons],
        W_out=w.W_out[neurons],
    )
