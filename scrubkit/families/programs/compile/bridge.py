"""A compiled program as a TransformerLens `TransformerBridge`; importing TransformerLens takes seconds."""

from __future__ import annotations

import numpy as np
import torch
from transformer_lens.config import TransformerBridgeConfig
from transformer_lens.model_bridge import TransformerBridge
from transformer_lens.model_bridge.sources import boot_native

from scrubkit.families.programs.compile.weights import Shape, Tensors


def to_bridge(w: Tensors, shape: Shape, dtype: torch.dtype = torch.float32) -> TransformerBridge:
    """Return a native bridge that holds these weights, in evaluation mode."""
    # Modules draw initial weights from the global generator before ours replace them.
    with torch.random.fork_rng(devices=[]):
        bridge = boot_native(
            TransformerBridgeConfig(
                n_layers=shape.n_layers,
                d_model=shape.d_model,
                n_heads=shape.n_heads,
                d_head=shape.d_head,
                d_mlp=shape.d_mlp,
                n_ctx=shape.n_ctx,
                d_vocab=shape.d_vocab,
                d_vocab_out=shape.d_vocab_out,
                act_fn=shape.act_fn,
                normalization_type=shape.normalization_type,
                attention_dir=shape.attention_dir,
                eps=shape.eps,
                init_weights=False,
                dtype=dtype,
            )
        )
    state = {
        name: torch.from_numpy(np.ascontiguousarray(v)).to(dtype) for name, v in _state(w, shape).items()
    }
    bridge.load_state_dict(state)
    bridge.eval()
    return bridge.to(dtype)


def _state(w: Tensors, shape: Shape) -> dict[str, np.ndarray]:
    """Return the weights in torch Linear orientation, heads folded into one axis."""
    state = {
        "embed.weight": w["embed.W_E"],
        "pos_embed.weight": w["pos_embed.W_pos"],
        "unembed.weight": w["unembed.W_U"].T,
        "unembed.bias": w["unembed.b_U"],
    }
    norms = ["ln_final"]
    for block in range(shape.n_layers):
        at = f"blocks.{block}."
        norms += [f"{at}ln1", f"{at}ln2"]
        for part in "QKV":
            weight = w[f"{at}attn.W_{part}"].transpose(0, 2, 1).reshape(-1, shape.d_model)
            state[f"{at}attn.{part.lower()}.weight"] = weight
            state[f"{at}attn.{part.lower()}.bias"] = w[f"{at}attn.b_{part}"].ravel()
        state[f"{at}attn.o.weight"] = w[f"{at}attn.W_O"].reshape(-1, shape.d_model).T
        state[f"{at}attn.o.bias"] = w[f"{at}attn.b_O"]
        for part in ("in", "out"):
            state[f"{at}mlp.{part}.weight"] = w[f"{at}mlp.W_{part}"].T
            state[f"{at}mlp.{part}.bias"] = w[f"{at}mlp.b_{part}"]
    for norm in norms if shape.normalization_type else []:
        state[f"{norm}.weight"] = w[f"{norm}.w"]
        if shape.normalization_type == "LN":
            state[f"{norm}.bias"] = w[f"{norm}.b"]
    return state
