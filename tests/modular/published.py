"""State dicts as other projects save them, drawn at random or made from a model of ours."""

import math

import torch
from einops import rearrange
from torch import Tensor

from scrubkit.models.model import Model
from scrubkit.models.record import ModelConfig
from scrubkit.models.weights import SHORT, Weights, random_weights

P, D, H, E, M = 7, 12, 3, 4, 20


def draw(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) / math.sqrt(D)


def nanda_state(vocab: int = P + 1, positions: int = 3, layers: int = 1) -> dict[str, Tensor]:
    """A state dict as Nanda's classes save it, mask included."""
    state = {
        "embed.W_E": draw(D, vocab, seed=1),
        "pos_embed.W_pos": draw(positions, D, seed=2),
        "unembed.W_U": draw(D, vocab, seed=3),
    }
    for layer in range(layers):
        block = f"blocks.{layer}"
        for i, name in enumerate("KQV"):
            state[f"{block}.attn.W_{name}"] = 3 * draw(H, E, D, seed=4 + i)
        state |= {
            f"{block}.attn.W_O": draw(D, H * E, seed=7),
            f"{block}.attn.mask": torch.tril(torch.ones(positions, positions)),
            f"{block}.mlp.W_in": draw(M, D, seed=8),
            f"{block}.mlp.b_in": draw(M, seed=9),
            f"{block}.mlp.W_out": draw(D, M, seed=10),
            f"{block}.mlp.b_out": draw(D, seed=11),
        }
    return state


def nanda_logits(state: dict[str, Tensor], tokens: Tensor, rate: float = 1.0) -> Tensor:
    """Logits at the last position as those classes compute them, all positions at once, in float64."""
    s = {name.replace("blocks.0.", ""): tensor.double() for name, tensor in state.items()}
    x = s["embed.W_E"].T[tokens] + s["pos_embed.W_pos"][: tokens.shape[1]]
    q, k, v = (torch.einsum("ihd,bpd->biph", s[f"attn.W_{n}"], x) for n in "QKV")
    pattern = (torch.einsum("biph,biqh->biqp", k, q) / math.sqrt(E)).softmax(-1)
    z = torch.einsum("biph,biqp->biqh", v, pattern * rate + (1 - rate))
    x = x + torch.einsum("df,bqf->bqd", s["attn.W_O"], rearrange(z, "b i q h -> b q (i h)"))
    hidden = torch.relu(torch.einsum("md,bpd->bpm", s["mlp.W_in"], x) + s["mlp.b_in"])
    x = x + torch.einsum("dm,bpm->bpd", s["mlp.W_out"], hidden) + s["mlp.b_out"]
    return (x @ s["unembed.W_U"])[:, -1, :P]


def ours(seed: int = 0, classes: int = P) -> tuple[ModelConfig, Weights]:
    config = ModelConfig(d_vocab=P + 1, d_vocab_out=classes, d_model=D, n_heads=H, d_head=E, d_mlp=M)
    generator = torch.Generator().manual_seed(seed)
    weights = random_weights(config, generator)
    biases = {
        name: torch.randn(shape, generator=generator) / 4
        for name, shape in one_layer_shapes(config)
        if name.startswith("b_")
    }
    return config, weights.with_(**biases)


def one_layer_shapes(config: ModelConfig) -> list[tuple[str, tuple[int, ...]]]:
    return [(short, config.shapes[full]) for short, full in SHORT.items()]


def hooked_state(weights: Weights) -> dict[str, Tensor]:
    """A state dict as HookedTransformer of TransformerLens 1 to 3 saves it, buffers included."""
    w = weights.short()
    state = {
        "embed.W_E": w["W_E"],
        "pos_embed.W_pos": w["W_pos"],
        "unembed.W_U": w["W_U"],
        "unembed.b_U": w["b_U"],
    }
    for name in ("W_Q", "W_K", "W_V", "W_O", "b_Q", "b_K", "b_V", "b_O"):
        state[f"blocks.0.attn.{name}"] = w[name]
    for name in ("W_in", "b_in", "W_out", "b_out"):
        state[f"blocks.0.mlp.{name}"] = w[name]
    state["blocks.0.attn.mask"] = torch.tril(torch.ones(3, 3)).bool()
    state["blocks.0.attn.IGNORE"] = torch.tensor(-torch.inf)
    return state


def in_nandas_format(model: Model) -> dict[str, Tensor]:
    """A model's weights as Nanda's classes save them; what they have no room for has to be zero."""
    w = model.weights
    state = {
        "embed.W_E": w.W_E.T,
        "pos_embed.W_pos": w.W_pos,
        "unembed.W_U": w.W_U,
        "blocks.0.attn.W_O": rearrange(w.W_O, "h e d -> d (h e)"),
        "blocks.0.mlp.W_in": w.W_in.T,
        "blocks.0.mlp.b_in": w.b_in,
        "blocks.0.mlp.W_out": w.W_out.T,
        "blocks.0.mlp.b_out": w.b_out,
    }
    for name in "QKV":
        state[f"blocks.0.attn.W_{name}"] = rearrange(getattr(w, f"W_{name}"), "h d e -> h e d")
    assert not any(bool(b.any()) for b in (w.b_Q, w.b_K, w.b_V, w.b_O, w.b_U))
    return {name: tensor.contiguous() for name, tensor in state.items()}
