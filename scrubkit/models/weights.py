"""Weights of the 1-layer transformer, and its forward pass as plain tensor algebra.

Names and shapes are TransformerLens's: ``W_Q`` is (head, d_model, d_head), everything multiplies from
the right. The forward pass computes the last position only, since nothing else reaches the answer,
and equals the bridge's own logits.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from scrubkit.errors import ModelError
from scrubkit.models.record import ModelConfig


@dataclass(frozen=True)
class Weights:
    """All parameters of the 1-layer transformer."""

    W_E: Float[Tensor, "vocab d_model"]
    W_pos: Float[Tensor, "pos d_model"]
    W_Q: Float[Tensor, "head d_model d_head"]
    b_Q: Float[Tensor, "head d_head"]
    W_K: Float[Tensor, "head d_model d_head"]
    b_K: Float[Tensor, "head d_head"]
    W_V: Float[Tensor, "head d_model d_head"]
    b_V: Float[Tensor, "head d_head"]
    W_O: Float[Tensor, "head d_head d_model"]
    b_O: Float[Tensor, " d_model"]
    W_in: Float[Tensor, "d_model d_mlp"]
    b_in: Float[Tensor, " d_mlp"]
    W_out: Float[Tensor, "d_mlp d_model"]
    b_out: Float[Tensor, " d_model"]
    W_U: Float[Tensor, "d_model class"]
    b_U: Float[Tensor, " class"]

    def named(self) -> dict[str, Tensor]:
        """Return the parameters by name, in declaration order."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def to(self, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> Weights:
        """Return a copy in another dtype or on another device."""
        return Weights(**{k: v.to(dtype=dtype, device=device) for k, v in self.named().items()})

    def with_(self, **tensors: Tensor) -> Weights:
        """Return a copy with some parameters replaced."""
        return replace(self, **tensors)

    def digest(self) -> str:
        """Return the SHA-256 of names, shapes and float32 bytes: the identity of these weights."""
        digest = hashlib.sha256()
        for name, value in self.named().items():
            array = value.detach().to("cpu", torch.float32).contiguous().numpy()
            digest.update(f"{name}{array.shape}".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()


def shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the shape of every parameter."""
    d, h, e, m = config.d_model, config.n_heads, config.d_head, config.d_mlp
    return {
        "W_E": (config.d_vocab, d),
        "W_pos": (config.n_ctx, d),
        "W_Q": (h, d, e),
        "b_Q": (h, e),
        "W_K": (h, d, e),
        "b_K": (h, e),
        "W_V": (h, d, e),
        "b_V": (h, e),
        "W_O": (h, e, d),
        "b_O": (d,),
        "W_in": (d, m),
        "b_in": (m,),
        "W_out": (m, d),
        "b_out": (d,),
        "W_U": (d, config.d_vocab_out),
        "b_U": (config.d_vocab_out,),
    }


def zeros(config: ModelConfig, dtype: torch.dtype = torch.float32) -> Weights:
    """Return weights that are all zero, the blank on which models are compiled."""
    return Weights(**{k: torch.zeros(shape, dtype=dtype) for k, shape in shapes(config).items()})


def from_mapping(tensors: Mapping[str, Tensor], config: ModelConfig, *, title: str) -> Weights:
    """Check names, shapes and values of stored tensors and return them as float32 weights.

    Raises:
        ModelError: with every missing, unknown, misshapen or non-finite tensor.
    """
    expected = shapes(config)
    faults = [f"missing tensor {name} {expected[name]}" for name in expected if name not in tensors]
    faults += [f"unknown tensor {name}" for name in tensors if name not in expected]
    for name, shape in expected.items():
        if name not in tensors:
            continue
        tensor = tensors[name]
        if tuple(tensor.shape) != shape:
            faults.append(f"{name} has shape {tuple(tensor.shape)}, expected {shape}")
        elif not tensor.is_floating_point():
            faults.append(f"{name} has dtype {tensor.dtype}, expected a float dtype")
        elif not bool(torch.isfinite(tensor.detach().to(torch.float32)).all()):
            faults.append(f"{name} holds NaN or infinite values as float32")
    if faults:
        raise ModelError(faults, title=title)
    return Weights(**{name: tensors[name].detach().to(torch.float32) for name in expected})


def random_weights(config: ModelConfig, generator: torch.Generator) -> Weights:
    """Draw the initial weights: N(0, 1/d_model), W_out N(0, 1/d_mlp), biases zero."""
    scale = 1 / math.sqrt(config.d_model)
    drawn = {}
    for name, shape in shapes(config).items():
        if name.startswith("b_"):
            drawn[name] = torch.zeros(shape)
        else:
            spread = 1 / math.sqrt(config.d_mlp) if name == "W_out" else scale
            drawn[name] = torch.randn(shape, generator=generator) * spread
    return Weights(**drawn)


def attention_pattern(
    w: Weights, resid: Float[Tensor, "input pos d_model"]
) -> Float[Tensor, "input head pos"]:
    """Return the pattern of the last position over all positions."""
    q = torch.einsum("id,hde->ihe", resid[:, -1], w.W_Q) + w.b_Q
    k = torch.einsum("ipd,hde->iphe", resid, w.W_K) + w.b_K
    scores = torch.einsum("ihe,iphe->ihp", q, k) / math.sqrt(w.W_Q.shape[-1])
    return scores.softmax(dim=-1)


def run(w: Weights, tokens: Int[Tensor, "input pos"]) -> dict[str, Float[Tensor, "input ..."]]:
    """Run the model and return its activations at the last position.

    Returns:
        By name: ``pattern`` (input, head, pos), ``z`` (input, head, d_head), ``attn_out``,
        ``resid_mid`` (input, d_model), ``pre``, ``post`` (input, d_mlp), ``resid_post`` (input, d_model) and
        ``logits`` (input, class), in the dtype of the weights.
    """
    resid = w.W_E[tokens] + w.W_pos[: tokens.shape[1]]
    pattern = attention_pattern(w, resid)
    v = torch.einsum("ipd,hde->iphe", resid, w.W_V) + w.b_V
    z = torch.einsum("ihp,iphe->ihe", pattern, v)
    attn_out = torch.einsum("ihe,hed->id", z, w.W_O) + w.b_O
    resid_mid = resid[:, -1] + attn_out
    pre = resid_mid @ w.W_in + w.b_in
    post = torch.relu(pre)
    resid_post = resid_mid + post @ w.W_out + w.b_out
    logits = resid_post @ w.W_U + w.b_U
    return {
        "pattern": pattern,
        "z": z,
        "attn_out": attn_out,
        "resid_mid": resid_mid,
        "pre": pre,
        "post": post,
        "resid_post": resid_post,
        "logits": logits,
    }
