"""The shape of a transformer that scrubkit can hold, and what in its behaviour the weights leave open."""

from __future__ import annotations

import math
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from scrubkit.core.task import Task

MAX_PARAMETERS = 2**26
"""Largest model, a quarter of a gigabyte of float32; allowed sizes may multiply to far more."""


class Record(BaseModel):
    """Base of everything stored: immutable, and unknown keys are faults."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class ModelConfig(Record):
    """Shape of a transformer: learned positions, untied unembedding, pre-normalization.

    The defaults are those of the 1-layer model of Nanda et al. 2023. What else a bridge may have (rotary
    positions, gated MLPs, fewer keys than queries) is not held; such a bridge is scored as it is.

    Attributes:
        d_vocab: number of tokens.
        d_vocab_out: number of classes.
        n_ctx: longest row.
        d_model: width of the residual stream.
        n_heads: attention heads a layer.
        d_head: width of a head; n_heads * d_head need not be d_model.
        d_mlp: neurons a layer, 0 for layers of attention alone.
        n_layers: number of blocks.
        act_fn: activation of the neurons, by TransformerLens's name; gelu_new is the tanh approximation.
        normalization: LN or RMS, with scale (and shift) before each part and the unembedding; or None.
        attention: causal, or bidirectional: each position sees all.
        eps: added to the variance that LN and RMS divide by.
    """

    d_vocab: int = Field(ge=2, le=2**18)
    d_vocab_out: int = Field(ge=2, le=2**18)
    n_ctx: int = Field(default=3, ge=1, le=4096)
    d_model: int = Field(default=128, ge=1, le=8192)
    n_heads: int = Field(default=4, ge=1, le=256)
    d_head: int = Field(default=32, ge=1, le=1024)
    d_mlp: int = Field(default=512, ge=0, le=65536)
    n_layers: int = Field(default=1, ge=1, le=64)
    act_fn: Literal["relu", "gelu", "gelu_new", "silu"] = "relu"
    normalization: Literal["LN", "RMS"] | None = None
    attention: Literal["causal", "bidirectional"] = "causal"
    eps: float = Field(default=1e-5, gt=0, le=1, allow_inf_nan=False)

    @classmethod
    def for_task(cls, task: Task, **options: Any) -> ModelConfig:
        """Return the shape for a task, with the mainline sizes unless others are given."""
        sizes = {"d_vocab": task.d_vocab, "d_vocab_out": task.d_vocab_out, "n_ctx": task.n_ctx}
        return cls(**(sizes | options))

    @model_validator(mode="after")
    def _fits_memory(self) -> Self:
        if self.n_parameters > MAX_PARAMETERS:
            raise ValueError(
                f"these sizes make {self.n_parameters:,} parameters, more than the {MAX_PARAMETERS:,} held"
            )
        return self

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every parameter by its full name, in the order in which they are stored."""
        d, h, e, m = self.d_model, self.n_heads, self.d_head, self.d_mlp
        attention = {"W_Q": (h, d, e), "b_Q": (h, e), "W_K": (h, d, e), "b_K": (h, e), "W_V": (h, d, e)}
        attention |= {"b_V": (h, e), "W_O": (h, e, d), "b_O": (d,)}
        mlp = {"W_in": (d, m), "b_in": (m,), "W_out": (m, d), "b_out": (d,)}
        norm = {None: (), "LN": ("w", "b"), "RMS": ("w",)}[self.normalization]
        found: dict[str, tuple[int, ...]] = {
            "embed.W_E": (self.d_vocab, d),
            "pos_embed.W_pos": (self.n_ctx, d),
        }
        for layer in range(self.n_layers):
            block = f"blocks.{layer}"
            found |= {f"{block}.ln1.{part}": (d,) for part in norm}
            found |= {f"{block}.attn.{name}": shape for name, shape in attention.items()}
            if m:
                found |= {f"{block}.ln2.{part}": (d,) for part in norm}
                found |= {f"{block}.mlp.{name}": shape for name, shape in mlp.items()}
        found |= {f"ln_final.{part}": (d,) for part in norm}
        return found | {"unembed.W_U": (d, self.d_vocab_out), "unembed.b_U": (self.d_vocab_out,)}

    @property
    def n_parameters(self) -> int:
        """Number of parameters."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    @property
    def behaviour(self) -> str:
        """What the weights do not say, "" for the 1-layer model's defaults; part of a model's identity."""
        said = []
        if self.d_mlp and self.act_fn != "relu":
            said.append(f"act_fn={self.act_fn}")
        if self.normalization is not None:
            said.append(f"eps={self.eps!r}")
        if self.attention != "causal":
            said.append(f"attention={self.attention}")
        return " ".join(said)
