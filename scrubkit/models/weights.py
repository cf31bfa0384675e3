"""Weights of a transformer of any depth, by TransformerLens's names and shapes.

``W_Q`` is (head, d_model, d_head) and everything multiplies from the right. A parameter's full name says
where it is, ``blocks.1.attn.W_Q``; what is outside the blocks also has its short name, ``W_E``, and so have
the parameters of a model's only block.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from scrubkit.errors import ModelError, nearest
from scrubkit.models.config import ModelConfig

OUTER = {"W_E": "embed.W_E", "W_pos": "pos_embed.W_pos", "W_U": "unembed.W_U", "b_U": "unembed.b_U"}
"""Short name to full name of what is outside the blocks."""

_ATTENTION = ("W_Q", "b_Q", "W_K", "b_K", "W_V", "b_V", "W_O", "b_O")
_MLP = ("W_in", "b_in", "W_out", "b_out")
_INNER = {name: f"attn.{name}" for name in _ATTENTION} | {name: f"mlp.{name}" for name in _MLP}

SHORT = {
    **{name: OUTER[name] for name in ("W_E", "W_pos")},
    **{name: f"blocks.0.{inner}" for name, inner in _INNER.items()},
    **{name: OUTER[name] for name in ("W_U", "b_U")},
}
"""Short name to full name of all that a 1-layer model without normalization has, in the order stored."""

_PLAIN = frozenset(SHORT.values())


@dataclass(frozen=True, eq=False)
class Weights:
    """All parameters of a transformer; attributes are their short names.

    Attributes:
        tensors: parameter by full name, in the order of `ModelConfig.shapes`.
    """

    tensors: Mapping[str, Tensor]

    @classmethod
    def one_layer(cls, **tensors: Tensor) -> Weights:
        """Return the weights of a 1-layer model without normalization from their short names."""
        return cls({full: tensors.pop(short) for short, full in SHORT.items()} | tensors)

    @cached_property
    def n_layers(self) -> int:
        """Number of blocks."""
        return len({name.split(".")[1] for name in self.tensors if name.startswith("blocks.")})

    @property
    def is_plain(self) -> bool:
        """Whether this is one block of attention and neurons without normalization, and short names do."""
        return self.tensors.keys() == _PLAIN

    def __getattr__(self, name: str) -> Tensor:
        # Python asks for its own names before there are any tensors, when an object is unpickled.
        if name in OUTER:
            return self.tensors[OUTER[name]]
        if name in _INNER:
            full = f"blocks.0.{_INNER[name]}"
            if self.n_layers == 1 and full in self.tensors:
                return self.tensors[full]
            raise AttributeError(f"{name} of which block? There are {self.n_layers}; use block(0).{name}")
        raise AttributeError(f"weights have no {name!r}{nearest(name, SHORT)}")

    def __getitem__(self, name: str) -> Tensor:
        """Return a parameter by its full name."""
        return self.tensors[name]

    def block(self, layer: int) -> Mapping[str, Tensor]:
        """Return the parameters of a block by what follows its name: ``attn.W_Q``, ``ln1.w``."""
        prefix = f"blocks.{layer}."
        return {k.removeprefix(prefix): v for k, v in self.tensors.items() if k.startswith(prefix)}

    def named(self) -> dict[str, Tensor]:
        """Return the parameters by full name, in the order stored."""
        return dict(self.tensors)

    def short(self) -> dict[str, Tensor]:
        """Return the parameters of a 1-layer model without normalization by short name, in order."""
        return {short: self.tensors[full] for short, full in SHORT.items()}

    def to(self, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> Weights:
        """Return a copy in another dtype or on another device."""
        return Weights({k: v.to(dtype=dtype, device=device) for k, v in self.tensors.items()})

    def with_(self, **tensors: Tensor) -> Weights:
        """Return a copy with some parameters replaced, by full or by short name; raises ModelError."""
        short = SHORT if self.is_plain else OUTER
        changed = {short.get(name, name): value for name, value in tensors.items()}
        unknown = [name for name in changed if name not in self.tensors]
        if unknown:
            known = [*self.tensors, *short]
            raise ModelError([f"no parameter {name!r}{nearest(name, known)}" for name in unknown])
        return Weights({**self.tensors, **changed})

    def digest(self, behaviour: str = "") -> str:
        """Return the SHA-256 of names, shapes and float32 bytes: the identity of these weights.

        Args:
            behaviour: what else decides the model's function, see `ModelConfig.behaviour`.
        """
        digest = hashlib.sha256()
        # The 1-layer model keeps the identity that it had when there was no other.
        for name, value in (self.short() if self.is_plain else self.tensors).items():
            array = value.detach().to("cpu", torch.float32).contiguous().numpy()
            digest.update(f"{name}{array.shape}".encode())
            digest.update(array.tobytes())
        digest.update(behaviour.encode())
        return digest.hexdigest()


def zeros(config: ModelConfig, dtype: torch.dtype = torch.float32) -> Weights:
    """Return weights that are all zero, the blank on which models are compiled; scales of norms are one.

    Args:
        config: the shape.
        dtype: of the weights.
    """
    return Weights(
        {
            name: torch.ones(shape, dtype=dtype) if _is_scale(name) else torch.zeros(shape, dtype=dtype)
            for name, shape in config.shapes.items()
        }
    )


def from_mapping(tensors: Mapping[str, Tensor], config: ModelConfig, *, title: str) -> Weights:
    """Check names, shapes and values of tensors and return them as float32 weights.

    Args:
        tensors: by full name, or all by the short names of a 1-layer model without normalization.
        config: the shape.
        title: what messages call them.

    Returns:
        The weights, copied.

    Raises:
        ModelError: with every missing, unknown, misshapen or non-finite tensor.
    """
    expected = config.shapes
    shown = {full: full for full in expected}
    if expected.keys() == _PLAIN and not _PLAIN & tensors.keys():
        shown = {full: short for short, full in SHORT.items()}
    faults = [f"missing tensor {shown[n]} {expected[n]}" for n in expected if shown[n] not in tensors]
    faults += [f"unknown tensor {name}" for name in tensors if name not in shown.values()]
    for full, shape in expected.items():
        name = shown[full]
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
    return Weights({full: tensors[shown[full]].detach().to(torch.float32) for full in expected})


def random_weights(config: ModelConfig, generator: torch.Generator) -> Weights:
    """Draw initial weights: N(0, 1/d_model), W_out N(0, 1/d_mlp), biases zero, scales of norms one.

    Args:
        config: the shape.
        generator: source of randomness, on the CPU.

    Returns:
        The weights, float32.
    """
    scale = 1 / math.sqrt(config.d_model)
    drawn = {}
    for name, shape in config.shapes.items():
        last = name.rsplit(".", 1)[1]
        if _is_scale(name):
            drawn[name] = torch.ones(shape)
        elif last.startswith("b"):
            drawn[name] = torch.zeros(shape)
        else:
            spread = 1 / math.sqrt(config.d_mlp) if last == "W_out" else scale
            drawn[name] = torch.randn(shape, generator=generator) * spread
    return Weights(drawn)


def _is_scale(name: str) -> bool:
    return name.endswith(".w")


def attention_pattern(
    w: Weights, resid: Float[Tensor, "input pos d_model"]
) -> Float[Tensor, "input head pos"]:
    """Return the pattern of the last position over all positions.

    Args:
        w: weights of a 1-layer model without normalization.
        resid: what attention reads.
    """
    q = torch.einsum("id,hde->ihe", resid[:, -1], w.W_Q) + w.b_Q
    k = torch.einsum("ipd,hde->iphe", resid, w.W_K) + w.b_K
    scores = torch.einsum("ihe,iphe->ihp", q, k) / math.sqrt(w.W_Q.shape[-1])
    return scores.softmax(dim=-1)


def run(
    w: Weights, tokens: Int[Tensor, "input pos"], activation: Callable[[Tensor], Tensor] = torch.relu
) -> dict[str, Float[Tensor, "input ..."]]:
    """Run a 1-layer model without normalization and return its activations at the last position.

    Nothing else reaches the answer there; `scrubkit.models.forward` is the pass of any model.

    Args:
        w: the weights.
        tokens: token rows.
        activation: of the neurons.

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
    post = activation(pre)
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
