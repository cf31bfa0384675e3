"""Between our weights and TransformerLens's `TransformerBridge`.

The bridge is what users hook and patch; our weights are what is stored. Importing TransformerLens takes
seconds, so this module is imported only where a bridge is wanted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from einops import rearrange
from torch import Tensor
from transformer_lens.config import TransformerBridgeConfig
from transformer_lens.model_bridge import TransformerBridge
from transformer_lens.model_bridge.sources import boot_native

from scrubkit.errors import ModelError
from scrubkit.models.config import ModelConfig
from scrubkit.models.weights import SHORT, Weights, from_mapping

NATIVE = "TransformerLensNative"


def build_bridge(weights: Weights, config: ModelConfig) -> TransformerBridge:
    """Return a native TransformerBridge that holds these weights, in evaluation mode.

    Args:
        weights: the parameters; they are copied.
        config: the shape.
    """
    # Modules draw initial weights from the global generator before ours replace them.
    with torch.random.fork_rng(devices=[]):
        bridge = boot_native(
            TransformerBridgeConfig(
                n_layers=config.n_layers,
                d_model=config.d_model,
                n_heads=config.n_heads,
                d_head=config.d_head,
                d_mlp=config.d_mlp or None,
                attn_only=config.d_mlp == 0,
                n_ctx=config.n_ctx,
                d_vocab=config.d_vocab,
                d_vocab_out=config.d_vocab_out,
                act_fn=config.act_fn,
                normalization_type=config.normalization,
                attention_dir=config.attention,
                eps=config.eps,
                init_weights=False,
            )
        )
    bridge.load_state_dict(to_bridge_state(weights))
    bridge.eval()
    return bridge


def read_bridge(bridge: TransformerBridge) -> tuple[ModelConfig, Weights]:
    """Return the shape and a copy of the weights of a native bridge.

    Raises:
        ModelError: the bridge has what stored models do not, with every such thing.
    """
    config = config_of_bridge(bridge)
    return config, from_bridge_state(bridge.state_dict(), config, title="the bridge")


def config_of_bridge(bridge: TransformerBridge) -> ModelConfig:
    """Return the shape of a native bridge; raises ModelError with everything that cannot be held."""
    cfg = bridge.cfg
    if cfg.architecture != NATIVE:
        raise ModelError(
            f"is a {cfg.architecture} model, and only native bridges (boot_native) can be held and stored; "
            "score it as it is, with its task",
            title="the bridge",
        )
    act_fn = {"swish": "silu"}.get(str(cfg.act_fn), str(cfg.act_fn))
    faults = [text for text, wrong in _unlike(cfg, act_fn) if wrong]
    if faults:
        raise ModelError(faults, title="the bridge")
    return ModelConfig(
        d_vocab=cfg.d_vocab,
        d_vocab_out=cfg.d_vocab_out,
        n_ctx=cfg.n_ctx,
        d_model=cfg.d_model,
        n_heads=cfg.n_heads,
        d_head=cfg.d_head,
        d_mlp=0 if cfg.attn_only else int(cfg.d_mlp or 0),
        n_layers=cfg.n_layers,
        act_fn="relu" if cfg.attn_only else act_fn,  # pyright: ignore[reportArgumentType]
        normalization=cfg.normalization_type,  # pyright: ignore[reportArgumentType]
        attention=cfg.attention_dir,  # pyright: ignore[reportArgumentType]
        eps=cfg.eps,
    )


def _unlike(cfg: Any, act_fn: str) -> list[tuple[str, bool]]:
    """Return each thing that a stored model cannot have, and whether this bridge has it."""
    scale = cfg.attn_scale if cfg.use_attn_scale and cfg.attn_scale > 0 else math.sqrt(cfg.d_head)
    known = ("relu", "gelu", "gelu_new", "silu")
    return [
        (
            f"act_fn is {act_fn}; those that can be held are {', '.join(known)}",
            not cfg.attn_only and act_fn not in known,
        ),
        (
            f"normalization_type is {cfg.normalization_type}; those that can be held are LN, RMS and None",
            cfg.normalization_type not in ("LN", "RMS", None),
        ),
        (
            f"positional_embedding_type is {cfg.positional_embedding_type}; only standard can be held",
            cfg.positional_embedding_type != "standard",
        ),
        ("gated_mlp is set; only plain MLPs can be held", bool(cfg.gated_mlp)),
        (
            "final_rms is set beside LN; one normalization can be held",
            cfg.final_rms and cfg.normalization_type != "RMS",
        ),
        (
            f"n_key_value_heads is {cfg.n_key_value_heads}; only as many keys as queries can be held",
            cfg.n_key_value_heads not in (None, cfg.n_heads),
        ),
        (
            f"attention scores are divided by {scale:g}; only by sqrt(d_head) can be held",
            not math.isclose(scale, math.sqrt(cfg.d_head)),
        ),
        ("attn_scores_soft_cap is set; it cannot be held", cfg.attn_scores_soft_cap > 0),
        ("output_logits_soft_cap is set; it cannot be held", cfg.output_logits_soft_cap > 0),
    ]


def to_bridge_state(w: Weights) -> dict[str, Tensor]:
    """Return the bridge's state dict: torch Linear orientation, heads folded into one axis."""
    state = {}
    for full, value in w.tensors.items():
        name, there, _ = _in_bridge(full)
        state[name] = there(value).contiguous()
    return state


def from_bridge_state(state: Mapping[str, Tensor], config: ModelConfig, *, title: str) -> Weights:
    """Return our weights from a bridge's state dict, as a copy.

    Args:
        state: tensors by the names of a native bridge.
        config: the shape.
        title: what messages call the tensors.

    Raises:
        ModelError: a tensor is missing, unknown, misshapen or not finite.
    """
    places = {full: _in_bridge(full) for full in config.shapes}
    known = {name for name, _, _ in places.values()}
    faults = [f"missing tensor {n}" for n in sorted(known - state.keys())]
    faults += [f"unknown tensor {n}" for n in sorted(state.keys() - known)]
    if faults:
        raise ModelError(faults, title=title)
    tensors = {
        full: back(state[name].detach(), config.n_heads).clone(memory_format=torch.contiguous_format)
        for full, (name, _, back) in places.items()
    }
    return from_mapping(tensors, config, title=title)


def one_layer_state_names() -> list[str]:
    """Return the names of the tensors in the state dict of a native 1-layer bridge without normalization."""
    return [_in_bridge(full)[0] for full in SHORT.values()]


There = Callable[[Tensor], Tensor]
Back = Callable[[Tensor, int], Tensor]

_SAME: tuple[There, Back] = (lambda x: x, lambda x, h: x)
_TURNED: tuple[There, Back] = (lambda x: x.T, lambda x, h: x.T)
_INTO_HEADS: tuple[There, Back] = (
    lambda x: rearrange(x, "h d e -> (h e) d"),
    lambda x, h: rearrange(x, "(h e) d -> h d e", h=h),
)
_HEAD_BIAS: tuple[There, Back] = (
    lambda x: rearrange(x, "h e -> (h e)"),
    lambda x, h: rearrange(x, "(h e) -> h e", h=h),
)
_OUT_OF_HEADS: tuple[There, Back] = (
    lambda x: rearrange(x, "h e d -> d (h e)"),
    lambda x, h: rearrange(x, "d (h e) -> h e d", h=h),
)


def _in_bridge(full: str) -> tuple[str, There, Back]:
    """Return a parameter's name in a bridge's state dict, and the ways there and back."""
    where, last = full.rsplit(".", 1)
    kind = "weight" if last[0] in "Ww" else "bias"
    part = last.split("_")[-1]
    if part in ("in", "out", "U"):
        name = f"{where}.{kind}" if part == "U" else f"{where}.{part}.{kind}"
        return (name, *(_TURNED if kind == "weight" else _SAME))
    if part == "O":
        return (f"{where}.o.{kind}", *(_OUT_OF_HEADS if kind == "weight" else _SAME))
    if part in ("Q", "K", "V"):
        return (f"{where}.{part.lower()}.{kind}", *(_INTO_HEADS if kind == "weight" else _HEAD_BIAS))
    return (f"{where}.{kind}", *_SAME)


@torch.no_grad()
def bridge_logits(bridge: TransformerBridge, tokens: Tensor) -> Tensor:
    """Return the bridge's own logits at the last position, shape (input, class).

    Args:
        bridge: the model.
        tokens: token rows, (input, pos).
    """
    return cast(Tensor, bridge(tokens, return_type="logits"))[:, -1]
