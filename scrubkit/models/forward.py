"""The forward pass of a transformer of any depth as plain tensor algebra, in whatever dtype its weights have.

It equals the native `TransformerBridge` of the same weights, hook by hook, and can be run in float64
throughout, where the bridge's RMS normalization falls back to float32. Inputs go through in tiles, so that
memory is bounded by the tile and the result. In the last block only the positions that are read are computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from scrubkit.models.config import ModelConfig
from scrubkit.models.weights import Weights

TILE_BYTES = 2**28
"""Memory that the activations of one tile may take."""

ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "gelu": functional.gelu,
    "gelu_new": lambda x: functional.gelu(x, approximate="tanh"),
    "silu": functional.silu,
}
"""Activation function by TransformerLens's name."""


def logits(
    w: Weights, config: ModelConfig, tokens: Int[Tensor, "input pos"], answer: Sequence[int] = (-1,)
) -> Float[Tensor, "input answer class"]:
    """Return the logits at some positions for every row.

    Args:
        w: weights, on the device and in the dtype of the pass.
        config: their shape.
        tokens: token rows, on the same device.
        answer: positions to read.
    """
    # Filled in place: tiles that are put together at the end take twice the memory of the result.
    found = torch.empty(len(tokens), len(answer), config.d_vocab_out, dtype=w.W_E.dtype, device=w.W_E.device)
    for rows, tile_logits in logits_by_tile(w, config, tokens, answer):
        found[rows] = tile_logits
    return found


def logits_by_tile(
    w: Weights, config: ModelConfig, tokens: Int[Tensor, "input pos"], answer: Sequence[int] = (-1,)
) -> Iterator[tuple[slice, Float[Tensor, "row answer class"]]]:
    """Yield slices of the rows with their logits, for figures that need not hold all logits at once.

    Args:
        w: the weights.
        config: the shape.
        tokens: token rows.
        answer: positions at which logits are read.
    """
    size = tile(config, tokens.shape[1], w.W_E.dtype)
    for start in range(0, len(tokens), size):
        rows = slice(start, start + size)
        yield rows, forward(w, config, tokens[rows], answer)["logits"]


def tile(config: ModelConfig, n_ctx: int, dtype: torch.dtype) -> int:
    """Return how many rows may go through at once without more than `TILE_BYTES` of activations.

    Args:
        config: the shape.
        n_ctx: length of the rows.
        dtype: of the activations.
    """
    attention = config.n_heads * (4 * config.d_head + 3 * n_ctx)
    width = 6 * config.d_model + attention + 3 * config.d_mlp + 2 * config.d_vocab_out
    return max(1, TILE_BYTES // (n_ctx * width * dtype.itemsize))


def forward(
    w: Weights,
    config: ModelConfig,
    tokens: Int[Tensor, "input pos"],
    answer: Sequence[int] | None = None,
    keep: Sequence[str] = (),
) -> dict[str, Float[Tensor, "input ..."]]:
    """Run a model on all rows at once.

    Args:
        w: weights.
        config: their shape.
        tokens: token rows.
        answer: positions that are read of the last block; None for all. What follows the queries of the last
            block has these positions only.
        keep: names of hooks whose activations are returned, as TransformerLens calls and shapes them.

    Returns:
        ``logits``, (input, answer, class), and the activations kept.
    """
    kept: dict[str, Tensor] = {}

    def mark(name: str, value: Tensor) -> Tensor:
        if name in keep:
            kept[name] = value
        return value

    positions = tokens.shape[1]
    resid = mark("hook_embed", w.W_E[tokens]) + mark(
        "hook_pos_embed", w.W_pos[:positions].expand(len(tokens), -1, -1)
    )
    every = list(range(positions))
    read = every if answer is None else [i % positions for i in answer]
    for layer in range(config.n_layers):
        here = read if layer == config.n_layers - 1 else every
        resid = _block(w.block(layer), config, resid, here, _within(mark, f"blocks.{layer}."))
    final = {part: w.tensors.get(f"ln_final.{part}") for part in "wb"}
    resid = _normalize(resid, final, config, _within(mark, "ln_final."))
    return {**kept, "logits": resid @ w.W_U + w.b_U}


def streams(
    w: Weights,
    config: ModelConfig,
    tokens: Int[Tensor, "input pos"],
    *,
    change: Callable[[int, Tensor], Tensor] = lambda layer, stream: stream,
    until: int | None = None,
) -> Iterator[tuple[int, Float[Tensor, "input pos d_model"]]]:
    """Yield the residual stream after each block, at all positions, for what is trained or edited as it runs.

    Args:
        w: weights.
        config: their shape.
        tokens: token rows.
        change: takes a block's number and the stream after it, and returns the one that goes on.
        until: the last block that is run, all of them by default.
    """
    stream = w.W_E[tokens] + w.W_pos[: tokens.shape[1]]
    every = list(range(tokens.shape[1]))
    last = config.n_layers - 1 if until is None else until
    for layer in range(last + 1):
        stream = change(layer, _block(w.block(layer), config, stream, every, lambda name, value: value))
        yield layer, stream


Mark = Callable[[str, Tensor], Tensor]


def _within(mark: Mark, prefix: str) -> Mark:
    return lambda name, value: mark(prefix + name, value)


def _block(
    b: Mapping[str, Tensor], config: ModelConfig, resid: Tensor, read: list[int], mark: Mark
) -> Float[Tensor, "input read d_model"]:
    """Run one block and return the residual stream at the positions read."""
    mark("hook_resid_pre", resid)
    x = _normalize(resid, _norm_of(b, "ln1"), config, _within(mark, "ln1."))
    mid = resid[:, read] + mark("hook_attn_out", _attention(b, config, x, read, mark))
    if not config.d_mlp:
        return mark("hook_resid_post", mid)
    mark("hook_resid_mid", mid)
    x = _normalize(mid, _norm_of(b, "ln2"), config, _within(mark, "ln2."))
    pre = mark("mlp.hook_pre", x @ b["mlp.W_in"] + b["mlp.b_in"])
    post = mark("mlp.hook_post", ACTIVATIONS[config.act_fn](pre))
    return mark("hook_resid_post", mid + mark("hook_mlp_out", post @ b["mlp.W_out"] + b["mlp.b_out"]))


def _attention(
    b: Mapping[str, Tensor], config: ModelConfig, x: Tensor, read: list[int], mark: Mark
) -> Float[Tensor, "input read d_model"]:
    """Return what the heads of a block write at the positions read."""

    def project(part: str, of: Tensor) -> Float[Tensor, "input pos head d_head"]:
        return torch.einsum("ipd,hde->iphe", of, b[f"attn.W_{part}"]) + b[f"attn.b_{part}"]

    q = mark("attn.hook_q", project("Q", x[:, read]))
    k, v = mark("attn.hook_k", project("K", x)), mark("attn.hook_v", project("V", x))
    scores = torch.einsum("iqhe,ikhe->ihqk", q, k) / math.sqrt(config.d_head)
    if config.attention == "causal":
        positions = torch.arange(x.shape[1], device=x.device)
        later = positions[None, :] > torch.tensor(read, device=x.device)[:, None]
        scores = scores.masked_fill(later, -torch.inf)
    pattern = mark("attn.hook_pattern", scores.softmax(dim=-1))
    z = mark("attn.hook_z", torch.einsum("ihqk,ikhe->iqhe", pattern, v))
    return torch.einsum("iqhe,hed->iqd", z, b["attn.W_O"]) + b["attn.b_O"]


def _norm_of(b: Mapping[str, Tensor], name: str) -> dict[str, Tensor | None]:
    return {part: b.get(f"{name}.{part}") for part in "wb"}


def _normalize(x: Tensor, norm: Mapping[str, Tensor | None], config: ModelConfig, mark: Mark) -> Tensor:
    """Return LN or RMS of the last axis with its scale and shift, or x where there is no normalization."""
    if config.normalization is None:
        return x
    centred = x - x.mean(-1, keepdim=True) if config.normalization == "LN" else x
    scale = mark("hook_scale", (centred.square().mean(-1, keepdim=True) + config.eps).sqrt())
    normalized = centred / scale
    mark("hook_normalized", normalized)
    w, bias = norm["w"], norm["b"]
    scaled = normalized if w is None else normalized * w
    return scaled if bias is None else scaled + bias
