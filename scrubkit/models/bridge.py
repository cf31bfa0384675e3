"""Between our weights and TransformerLens's `TransformerBridge`.

The bridge is what users hook and patch; our weights are what is stored. Importing TransformerLens takes
seconds, so this module is imported only where a bridge is wanted.
"""

from __future__ import annotations

from typing import cast

import torch
from einops import rearrange
from torch import Tensor
from transformer_lens.config import TransformerBridgeConfig
from transformer_lens.model_bridge import TransformerBridge
from transformer_lens.model_bridge.sources import boot_native

from scrubkit.errors import ModelError
from scrubkit.models.record import ModelConfig
from scrubkit.models.weights import Weights, from_mapping


def build_bridge(weights: Weights, config: ModelConfig) -> TransformerBridge:
    """Return a native TransformerBridge that holds these weights, in evaluation mode."""
    # Modules draw initial weights from the global generator before ours replace them.
    with torch.random.fork_rng(devices=[]):
        bridge = boot_native(
            TransformerBridgeConfig(
                n_layers=1,
                d_model=config.d_model,
                n_heads=config.n_heads,
                d_head=config.d_head,
                d_mlp=config.d_mlp,
                n_ctx=config.n_ctx,
                d_vocab=config.d_vocab,
                d_vocab_out=config.d_vocab_out,
                act_fn="relu",
                normalization_type=None,
                init_weights=False,
            )
        )
    state = to_bridge_state(weights)
    bridge.load_state_dict(state)
    bridge.eval()
    return bridge


def to_bridge_state(w: Weights) -> dict[str, Tensor]:
    """Return the bridge's state dict: torch Linear orientation, heads folded into one axis."""
    state = {
        "embed.weight": w.W_E,
        "pos_embed.weight": w.W_pos,
        "blocks.0.mlp.in.weight": w.W_in.T,
        "blocks.0.mlp.in.bias": w.b_in,
        "blocks.0.mlp.out.weight": w.W_out.T,
        "blocks.0.mlp.out.bias": w.b_out,
        "blocks.0.attn.o.weight": rearrange(w.W_O, "h e d -> d (h e)"),
        "blocks.0.attn.o.bias": w.b_O,
        "unembed.weight": w.W_U.T,
        "unembed.bias": w.b_U,
    }
    for name, weight, bias in (("q", w.W_Q, w.b_Q), ("k", w.W_K, w.b_K), ("v", w.W_V, w.b_V)):
        state[f"blocks.0.attn.{name}.weight"] = rearrange(weight, "h d e -> (h e) d")
        state[f"blocks.0.attn.{name}.bias"] = rearrange(bias, "h e -> (h e)")
    return {name: value.contiguous() for name, value in state.items()}


def from_bridge_state(state: dict[str, Tensor], config: ModelConfig, *, title: str) -> Weights:
    """Return our weights from a bridge's state dict.

    Raises:
        ModelError: a tensor is missing, unknown, misshapen or not finite.
    """
    known = set(to_bridge_state_names())
    faults = [f"missing tensor {n}" for n in sorted(known - state.keys())]
    faults += [f"unknown tensor {n}" for n in sorted(state.keys() - known)]
    if faults:
        raise ModelError(faults, title=title)
    h = config.n_heads
    tensors = {
        "W_E": state["embed.weight"],
        "W_pos": state["pos_embed.weight"],
        "W_in": state["blocks.0.mlp.in.weight"].T,
        "b_in": state["blocks.0.mlp.in.bias"],
        "W_out": state["blocks.0.mlp.out.weight"].T,
        "b_out": state["blocks.0.mlp.out.bias"],
        "W_O": rearrange(state["blocks.0.attn.o.weight"], "d (h e) -> h e d", h=h),
        "b_O": state["blocks.0.attn.o.bias"],
        "W_U": state["unembed.weight"].T,
        "b_U": state["unembed.bias"],
    }
    for name in "qkv":
        weight, bias = state[f"blocks.0.attn.{name}.weight"], state[f"blocks.0.attn.{name}.bias"]
        tensors[f"W_{name.upper()}"] = rearrange(weight, "(h e) d -> h d e", h=h)
        tensors[f"b_{name.upper()}"] = rearrange(bias, "(h e) -> h e", h=h)
    return from_mapping(tensors, config, title=title)


def to_bridge_state_names() -> list[str]:
    """Return the names of the tensors in a native 1-layer bridge's state dict."""
    attention = [f"blocks.0.attn.{n}.{kind}" for n in "qkvo" for kind in ("weight", "bias")]
    mlp = [f"blocks.0.mlp.{n}.{kind}" for n in ("in", "out") for kind in ("weight", "bias")]
    return ["embed.weight", "pos_embed.weight", *attention, *mlp, "unembed.weight", "unembed.bias"]


@torch.no_grad()
def bridge_logits(bridge: TransformerBridge, tokens: Tensor) -> Tensor:
    """Return the bridge's own logits at the last position, shape (input, class)."""
    return cast(Tensor, bridge(tokens, return_type="logits"))[:, -1]
