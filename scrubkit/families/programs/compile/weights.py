"""A transformer's sizes and named tensors, in TransformerLens's orientation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

Tensors = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Shape:
    """Everything that decides the shape of the weights, under TransformerLens's names."""

    n_layers: int
    d_model: int
    n_heads: int
    d_head: int
    d_mlp: int
    n_ctx: int
    d_vocab: int
    d_vocab_out: int
    act_fn: str = "relu"
    normalization_type: str | None = None
    attention_dir: str = "causal"
    eps: float = 1e-5


def zeros(shape: Shape) -> dict[str, np.ndarray]:
    """Return all tensors, zero; the scales of normalisations are one."""
    d, h, e, m = shape.d_model, shape.n_heads, shape.d_head, shape.d_mlp
    tensors: dict[str, np.ndarray] = {
        "embed.W_E": np.zeros((shape.d_vocab, d)),
        "pos_embed.W_pos": np.zeros((shape.n_ctx, d)),
    }
    for block in range(shape.n_layers):
        at = f"blocks.{block}."
        for part in "QKV":
            tensors[f"{at}attn.W_{part}"] = np.zeros((h, d, e))
            tensors[f"{at}attn.b_{part}"] = np.zeros((h, e))
        tensors[f"{at}attn.W_O"] = np.zeros((h, e, d))
        tensors[f"{at}attn.b_O"] = np.zeros(d)
        tensors |= {f"{at}mlp.W_in": np.zeros((d, m)), f"{at}mlp.b_in": np.zeros(m)}
        tensors |= {f"{at}mlp.W_out": np.zeros((m, d)), f"{at}mlp.b_out": np.zeros(d)}
        for norm in ("ln1", "ln2"):
            tensors |= _norm(f"{at}{norm}", shape)
    tensors |= _norm("ln_final", shape)
    return tensors | {
        "unembed.W_U": np.zeros((d, shape.d_vocab_out)),
        "unembed.b_U": np.zeros(shape.d_vocab_out),
    }


def _norm(name: str, shape: Shape) -> dict[str, np.ndarray]:
    if shape.normalization_type is None:
        return {}
    scale = {f"{name}.w": np.ones(shape.d_model)}
    return scale | ({f"{name}.b": np.zeros(shape.d_model)} if shape.normalization_type == "LN" else {})
