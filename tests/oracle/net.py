"""The oracle's own transformer: plain arrays, and a forward pass that can be tapped at every hook.

Shapes are TransformerLens's: ``W_Q`` is (head, d_model, d_head), everything multiplies from the right.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Tap = Callable[[str, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Norm:
    """What is read of a normalized stream: scale, and shift; RMSNorm centres nothing and has no shift."""

    w: np.ndarray
    b: np.ndarray | None = None


@dataclass(frozen=True)
class Block:
    """One block; norms are None where there are none, and so are the MLP's weights."""

    W_Q: np.ndarray
    b_Q: np.ndarray
    W_K: np.ndarray
    b_K: np.ndarray
    W_V: np.ndarray
    b_V: np.ndarray
    W_O: np.ndarray
    b_O: np.ndarray
    W_in: np.ndarray | None = None
    b_in: np.ndarray | None = None
    W_out: np.ndarray | None = None
    b_out: np.ndarray | None = None
    ln1: Norm | None = None
    ln2: Norm | None = None


@dataclass(frozen=True)
class Net:
    """A decoder or encoder of any depth."""

    W_E: np.ndarray
    W_pos: np.ndarray
    blocks: tuple[Block, ...]
    W_U: np.ndarray
    b_U: np.ndarray
    ln_final: Norm | None = None
    activation: str = "relu"
    causal: bool = True
    eps: float = 1e-5


def hooks(net: Net) -> list[str]:
    """Every hook that is tapped, in the order of computation."""
    seen: list[str] = []

    def note(name: str, value: np.ndarray) -> np.ndarray:
        seen.append(name)
        return value

    forward(net, np.zeros((1, len(net.W_pos)), dtype=int), note)
    return seen


def owner(hook: str) -> tuple[str, int] | None:
    """The attention or MLP that a hook is inside of, its output included; None for the residual stream."""
    if not hook.startswith("blocks."):
        return None
    _, layer, name = hook.split(".", 2)
    if name.startswith(("ln1.", "attn.")) or name == "hook_attn_out":
        return "attn", int(layer)
    if name.startswith(("ln2.", "mlp.")) or name == "hook_mlp_out":
        return "mlp", int(layer)
    return None


def forward(
    net: Net,
    tokens: np.ndarray,
    tap: Tap,
    frozen: Mapping[str, np.ndarray] | None = None,
    own: tuple[str, int] | None = None,
) -> np.ndarray:
    """Run the net; every activation passes through ``tap`` and goes on as what that returns.

    Args:
        net: the weights.
        tokens: rows (item, position).
        tap: called with a hook's name and its activation.
        frozen: residual streams of another run. Where given, every attention and MLP computes from them
            and not from the stream of this run, so that changes travel along the residual stream alone.
        own: the one attention or MLP that computes from this run's stream all the same.
    """
    resid = tap("hook_embed", net.W_E[tokens]) + tap(
        "hook_pos_embed", np.broadcast_to(net.W_pos[: tokens.shape[1]], (*tokens.shape, net.W_pos.shape[1]))
    )
    for layer, block in enumerate(net.blocks):
        at = f"blocks.{layer}."
        resid = tap(at + "hook_resid_pre", resid)
        live = frozen is None or own == ("attn", layer)
        source = resid if live else frozen[at + "hook_resid_pre"]  # pyright: ignore[reportOptionalSubscript]
        resid = resid + _attention(net, block, source, at, tap)
        if block.W_in is not None:
            resid = tap(at + "hook_resid_mid", resid)
            live = frozen is None or own == ("mlp", layer)
            source = resid if live else frozen[at + "hook_resid_mid"]  # pyright: ignore[reportOptionalSubscript]
            resid = resid + _mlp(net, block, source, at, tap)
        resid = tap(at + "hook_resid_post", resid)
    last = _norm(resid, net.ln_final, net.eps, "ln_final.", tap)[:, -1]
    return tap("logits", last @ net.W_U + net.b_U)


def _mlp(net: Net, block: Block, source: np.ndarray, at: str, tap: Tap) -> np.ndarray:
    x = _norm(source, block.ln2, net.eps, at + "ln2.", tap)
    pre = tap(at + "mlp.hook_pre", x @ block.W_in + block.b_in)
    post = tap(at + "mlp.hook_post", _activate(pre, net.activation))
    return tap(at + "hook_mlp_out", post @ block.W_out + block.b_out)


def _attention(net: Net, block: Block, source: np.ndarray, at: str, tap: Tap) -> np.ndarray:
    x = _norm(source, block.ln1, net.eps, at + "ln1.", tap)
    q, k, v = (
        tap(f"{at}attn.hook_{name}", np.einsum("btd,hde->bthe", x, w) + b)
        for name, w, b in (
            ("q", block.W_Q, block.b_Q),
            ("k", block.W_K, block.b_K),
            ("v", block.W_V, block.b_V),
        )
    )
    scores = np.einsum("bqhe,bkhe->bhqk", q, k) / math.sqrt(q.shape[-1])
    if net.causal:
        later = np.triu(np.ones(scores.shape[-2:], dtype=bool), 1)
        scores = np.where(later, -np.inf, scores)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    pattern = tap(at + "attn.hook_pattern", weights / weights.sum(-1, keepdims=True))
    z = tap(at + "attn.hook_z", np.einsum("bhqk,bkhe->bqhe", pattern, v))
    return tap(at + "hook_attn_out", np.einsum("bqhe,hed->bqd", z, block.W_O) + block.b_O)


def _norm(x: np.ndarray, norm: Norm | None, eps: float, at: str, tap: Tap) -> np.ndarray:
    """Normalize; what is tapped comes before the learned scale and shift."""
    if norm is None:
        return x
    centred = x if norm.b is None else x - x.mean(-1, keepdims=True)
    scale = tap(at + "hook_scale", np.sqrt((centred**2).mean(-1, keepdims=True) + eps))
    normalized = tap(at + "hook_normalized", centred / scale)
    return normalized * norm.w if norm.b is None else normalized * norm.w + norm.b


_erf = np.vectorize(math.erf, otypes=[float])


def _activate(x: np.ndarray, name: str) -> np.ndarray:
    if name == "relu":
        return np.maximum(x, 0)
    if name == "gelu":
        return x * 0.5 * (1 + _erf(x / math.sqrt(2)))
    if name == "silu":
        return 0.5 * x * (1 + np.tanh(x / 2))
    if name == "gelu_new":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    raise ValueError(f"no activation {name}")


def record(net: Net, tokens: np.ndarray) -> dict[str, np.ndarray]:
    """Return every activation of an untouched run."""
    kept: dict[str, Any] = {}

    def keep(name: str, value: np.ndarray) -> np.ndarray:
        kept[name] = value
        return value

    forward(net, tokens, keep)
    return kept
