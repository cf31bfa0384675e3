"""The residual stream as a graph, for finders that follow gradients through it.

Embeddings, heads and MLPs write into the stream; heads, MLPs and the output read it. What a reader gets is a
sum over the writers before it, so the effect of an edge is, to first order, what the writer changes times the
gradient at the reader's input: Syed, Rager and Conmy 2023, arXiv:2310.10348. The gradients are
taken block by block from the output backwards, at the clean inputs or at any point between two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from scrubkit import Bound, Part

Rows = Int[Tensor, " pair"]
Stream = Float[Tensor, "pair pos d_model"]
Metric = Callable[[Tensor], Float[Tensor, " pair"]]
"""Takes logits and returns one number for each pair, whose sum is differentiated."""


@dataclass
class Sweep:
    """Gradients of a metric, one for each pair.

    Attributes:
        outputs: with respect to what heads (z) and MLPs put out, by hook, whole.
        inputs: with respect to the stream at the input of each reader: heads, MLPs and the output.
        embed: with respect to the embeddings.
    """

    outputs: dict[str, Tensor] = field(default_factory=dict)
    inputs: dict[Part, Stream] = field(default_factory=dict)
    embed: Stream | None = None


@dataclass(frozen=True)
class Residual:
    """The stream of a model on some inputs, some of its embeddings set or not.

    Attributes:
        bound: the model.
        rows: the inputs.
        embed: what the embeddings are set to; None leaves them.
    """

    bound: Bound
    rows: Rows
    embed: Stream | None = None

    @property
    def sizes(self) -> Any:
        """Sizes of the model; raises ScrubError for a graph of functions."""
        sizes = self.bound.architecture
        if sizes is None:
            _ = self.bound.bridge  # says in words that a graph of functions has no gradients
        assert sizes is not None
        return sizes

    @cached_property
    def blocks(self) -> range:
        """Numbers of the blocks."""
        return range(self.sizes.n_layers)

    @cached_property
    def writers(self) -> list[Part]:
        """What writes into the stream, in the order of computation; heads and MLPs at all positions."""
        sizes = self.sizes
        sites = [f"hook_embed[pos={i}]" for i in range(sizes.n_ctx)]
        for layer in self.blocks:
            sites += [f"blocks.{layer}.attn.hook_z[head={h}]" for h in range(sizes.n_heads)]
            sites += [f"blocks.{layer}.hook_mlp_out"] if sizes.d_mlp else []
        return [self.bound.part(site) for site in sites]

    def read(self, site: str) -> Tensor:
        """Return the value of a whole hook."""
        part = self.bound.part(site)
        return self._with({}, [part])[0]

    def _with(self, values: Mapping[Part, Tensor], parts: list[Part]) -> list[Tensor]:
        settings = dict(values)
        if self.embed is not None:
            settings = {self.bound.part("hook_embed"): self.embed, **settings}
        return self.bound.run(self.rows, settings, parts)

    def sweep(self, metric: Metric, *, skip: str = "") -> Sweep:
        """Differentiate the sum of a metric.

        Args:
            metric: of the logits.
            skip: a component, such as "mlp 0" or "attention 1", that no gradient passes through.
        """
        found, has_mlp = Sweep(), bool(self.sizes.d_mlp)
        last = self.bound.part(f"blocks.{self.blocks[-1]}.hook_resid_post")
        stream = self._leaf(last)
        logits = self._with({last: stream}, [self.bound.whole_output])[0]
        (gradient,) = torch.autograd.grad(metric(logits).sum(), stream)
        found.inputs[self.bound.whole_output] = gradient
        for layer in reversed(self.blocks):
            if has_mlp:
                gradient = self._past_mlp(layer, gradient, found, skipped=skip == f"mlp {layer}")
            gradient = self._past_heads(layer, gradient, found, skipped=skip == f"attention {layer}")
        found.embed = gradient
        return found

    def _past_mlp(self, layer: int, gradient: Stream, found: Sweep, *, skipped: bool) -> Stream:
        mid, out = (self.bound.part(f"blocks.{layer}.hook_{name}") for name in ("resid_mid", "mlp_out"))
        found.outputs[out.hook] = gradient
        x = self._leaf(mid)
        post = self.bound.part(f"blocks.{layer}.mlp.hook_post")
        neurons = self._leaf(post)
        written = self._with({post: neurons}, [out])[0]
        (found.outputs[post.hook],) = torch.autograd.grad(written, neurons, gradient)
        value = self._with({mid: x}, [out])[0]
        (own,) = torch.autograd.grad(value, x, gradient)
        found.inputs[out] = own
        return gradient if skipped else gradient + own

    def _past_heads(self, layer: int, gradient: Stream, found: Sweep, *, skipped: bool) -> Stream:
        pre = self.bound.part(f"blocks.{layer}.hook_resid_pre")
        z, out = (self.bound.part(f"blocks.{layer}.{name}") for name in ("attn.hook_z", "hook_attn_out"))
        values = self._leaf(z)
        (of_z,) = torch.autograd.grad(self._with({z: values}, [out])[0], values, gradient)
        found.outputs[z.hook] = of_z
        x = self._leaf(pre)
        heads = self._with({pre: x}, [z])[0]
        total = gradient
        for h, part in enumerate(self._heads(layer)):
            (own,) = torch.autograd.grad(heads[:, :, h], x, of_z[:, :, h], retain_graph=True)
            found.inputs[part] = own
            total = total if skipped else total + own
        return total

    def _heads(self, layer: int) -> list[Part]:
        return [part for part in self.writers if part.hook == f"blocks.{layer}.attn.hook_z"]

    def _leaf(self, part: Part) -> Tensor:
        return self._with({}, [part])[0].detach().clone().requires_grad_()

    def written(self, part: Part, value: Tensor) -> Stream:
        """Return what a writer with some value adds to the stream, up to a constant of the run.

        Args:
            part: the writer.
            value: its value, as `Bound.read` gives it.
        """
        if part.hook.endswith("hook_mlp_out"):
            return value
        if part.hook == "hook_embed":
            whole = value.new_zeros(len(value), self.sizes.n_ctx, value.shape[-1])
            whole[:, list(part.positions)] = value
            return whole
        layer = part.hook.removesuffix(".attn.hook_z")
        return self.bound.run(self.rows, {part: value}, [self.bound.part(f"{layer}.hook_attn_out")])[0]

    def output_map(self, layer: int) -> Float[Tensor, "head d_head d_model"]:
        """Return what each number of each head of a block adds to the stream at its position."""
        z, out = (self.bound.part(f"blocks.{layer}.{name}") for name in ("attn.hook_z", "hook_attn_out"))
        like = self.bound.read(z, self.rows[:1])
        n_heads, d_head = like.shape[2:]
        units = torch.eye(n_heads * d_head, dtype=like.dtype, device=like.device)
        each = units.reshape(-1, 1, n_heads, d_head).expand(-1, like.shape[1], -1, -1)
        rows = self.rows[:1].expand(len(units))
        told = self.bound.run(rows, {z: each}, [out])[0]
        nothing = self.bound.run(rows[:1], {z: torch.zeros_like(like)}, [out])[0]
        return (told - nothing)[:, -1].reshape(n_heads, d_head, -1)

    def before(self, reader: Part) -> list[Part]:
        """Return the writers whose output a reader sees, in the order of computation."""
        if reader not in self.writers:
            return list(self.writers)
        at = self.writers.index(reader)
        first = next(i for i, part in enumerate(self.writers) if part.hook == reader.hook)
        return self.writers[: min(at, first)]
