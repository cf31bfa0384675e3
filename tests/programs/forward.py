"""A forward pass of its own in numpy, to hold the package's against: float64 or float32, with edits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import erf

from scrubkit.families.programs.compile.weights import Tensors
from scrubkit.models.config import ModelConfig


@dataclass(frozen=True)
class Run:
    """What a forward pass leaves.

    Attributes:
        stream: the residual stream at each time: before each block, between its parts, and at the end.
        hidden: the neurons' activations, one a block.
        logits: (row, pos, class).
    """

    stream: tuple[Float[np.ndarray, "row pos d_model"], ...]
    hidden: tuple[Float[np.ndarray, "row pos neuron"], ...]
    logits: Float[np.ndarray, "row pos class"]


Edit = Callable[[int, Float[np.ndarray, "row pos d_model"]], Float[np.ndarray, "row pos d_model"]]
"""Takes a time and the stream then, and returns the stream to go on with."""


def forward(
    w: Tensors, shape: ModelConfig, tokens: Int[np.ndarray, "row pos"], edit: Edit = lambda _, x: x
) -> Run:
    """Run the model on token rows, with the residual stream edited at every time."""
    x = edit(0, w["embed.W_E"][tokens] + w["pos_embed.W_pos"][: tokens.shape[1]])
    stream, hidden = [x], []
    for block in range(shape.n_layers):
        at = f"blocks.{block}."
        x = edit(2 * block + 1, x + _attention(w, shape, at, x))
        stream.append(x)
        pre = normalize(w, shape, f"{at}ln2", x) @ w[f"{at}mlp.W_in"] + w[f"{at}mlp.b_in"]
        hidden.append(np.maximum(pre, 0) if shape.act_fn == "relu" else _gelu(pre))
        x = edit(2 * block + 2, x + hidden[-1] @ w[f"{at}mlp.W_out"] + w[f"{at}mlp.b_out"])
        stream.append(x)
    logits = normalize(w, shape, "ln_final", x) @ w["unembed.W_U"] + w["unembed.b_U"]
    return Run(tuple(stream), tuple(hidden), logits)


def normalize(w: Tensors, shape: ModelConfig, name: str, x: np.ndarray) -> np.ndarray:
    """Apply a normalisation layer, or none."""
    if shape.normalization is None:
        return x
    if shape.normalization == "LN":
        x = x - x.mean(axis=-1, keepdims=True)
    x = x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + x.dtype.type(shape.eps)) * w[f"{name}.w"]
    return x + w[f"{name}.b"] if shape.normalization == "LN" else x


def _attention(w: Tensors, shape: ModelConfig, at: str, x: np.ndarray) -> np.ndarray:
    """Return what a block's attention adds; heads that write nothing are not run."""
    used = np.flatnonzero(w[f"{at}attn.W_O"].any(axis=(1, 2)))
    if not len(used):
        return w[f"{at}attn.b_O"]
    x = normalize(w, shape, f"{at}ln1", x)[:, None]
    q, k, v = (x @ w[f"{at}attn.W_{p}"][used] + w[f"{at}attn.b_{p}"][used][:, None] for p in "QKV")
    scores = q @ k.swapaxes(-1, -2) / x.dtype.type(math.sqrt(shape.d_head))
    if shape.attention == "causal":
        scores = np.where(np.tri(x.shape[2], dtype=bool), scores, -np.inf)
    pattern = np.exp(scores - scores.max(axis=-1, keepdims=True))
    pattern /= pattern.sum(axis=-1, keepdims=True)
    return (pattern @ v @ w[f"{at}attn.W_O"][used]).sum(axis=1) + w[f"{at}attn.b_O"]


def _gelu(x: np.ndarray) -> np.ndarray:
    return x * (1 + erf(x / math.sqrt(2))) / 2
