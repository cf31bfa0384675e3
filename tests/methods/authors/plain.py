"""A transformer in plain torch, every place that others' code patches a module of its own.

It shares no line with our forward pass, so that two figures agree only if both passes and both methods do.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from scrubkit.models.model import Model


class Block(nn.Module):
    """Attention and neurons; `enter`, `written`, `mid` and `mlp_out` are what auto_circuit wraps."""

    def __init__(self, model: Model, layer: int) -> None:
        super().__init__()
        assert model.config.normalization in (None, "LN") and model.config.d_mlp
        self.sizes = model.config
        for name, value in model.weights.block(layer).items():
            self.register_parameter(name.replace(".", "_"), nn.Parameter(value.double()))
        self.enter, self.written, self.z = nn.Identity(), nn.Identity(), nn.Identity()
        self.mid, self.post, self.mlp_out = nn.Identity(), nn.Identity(), nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        per_head = self.enter(x[:, :, None].expand(-1, -1, self.sizes.n_heads, -1))
        normed = norm(self, "ln1", per_head)
        q, k, v = (
            torch.einsum("bphd,hde->bhpe", normed, getattr(self, f"attn_W_{part}"))
            + getattr(self, f"attn_b_{part}")[:, None]
            for part in "QKV"
        )
        z = functional.scaled_dot_product_attention(q, k, v, is_causal=self.sizes.attention == "causal")
        z = self.z(z.transpose(1, 2).flatten(2)).unflatten(2, z.shape[1::2])
        x = x + self.written(torch.einsum("bphe,hed->bphd", z, self.attn_W_O)).sum(dim=2) + self.attn_b_O
        act = {"relu": functional.relu, "gelu": functional.gelu}[self.sizes.act_fn]
        pre = functional.linear(norm(self, "ln2", self.mid(x)), self.mlp_W_in.T, self.mlp_b_in)
        return x + self.mlp_out(functional.linear(self.post(act(pre)), self.mlp_W_out.T, self.mlp_b_out))


class Plain(nn.Module):
    """A whole model in float64; takes tokens, (batch, pos), returns logits, (batch, pos, class).

    Args:
        model: a model of ours with neurons, and with LayerNorm or nothing.
    """

    config, device = None, torch.device("cpu")
    """What pyvene asks every model for."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        weights, sizes = model.weights, model.config
        self.n_ctx, self.n_heads = sizes.n_ctx, sizes.n_heads
        self.W_E, self.W_pos = (nn.Parameter(w.double()) for w in (weights.W_E, weights.W_pos))
        self.W_U, self.b_U = (nn.Parameter(w.double()) for w in (weights.W_U, weights.b_U))
        for name, value in weights.tensors.items():
            if name.startswith("ln_final"):
                self.register_parameter(name.replace(".", "_"), nn.Parameter(value.double()))
        self.embed = nn.Identity()
        self.embed_at = nn.ModuleList(nn.Identity() for _ in range(sizes.n_ctx))
        self.blocks = nn.ModuleList(Block(model, layer) for layer in range(sizes.n_layers))
        self.end = nn.Identity()

    def forward(self, tokens: Tensor) -> Tensor:
        embedded = self.embed(functional.embedding(tokens, self.W_E))
        x = self.W_pos[None].expand(len(tokens), -1, -1)
        for i, here in enumerate(self.embed_at):
            own = torch.zeros_like(embedded)
            own[:, i] = embedded[:, i]
            x = x + here(own)
        for block in self.blocks:
            x = block(x)
        return norm(self, "ln_final", self.end(x)) @ self.W_U + self.b_U


def norm(owner: nn.Module, name: str, x: Tensor) -> Tensor:
    """Return LayerNorm of x, or x where the owner has none of that name."""
    weight = getattr(owner, f"{name}_w", None)
    if weight is None:
        return x
    return functional.layer_norm(x, x.shape[-1:], weight, getattr(owner, f"{name}_b"), eps=1e-5)
