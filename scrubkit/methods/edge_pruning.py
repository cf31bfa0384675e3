"""Edge pruning: a mask over the edges of the residual stream is learned by gradient descent.

Bhaskar, Wettig, Friedman and Chen 2024, "Finding Transformer Circuits with Edge Pruning", arXiv:2406.16778:
every reader gets a sum over the writers before it in which each writer's output is interpolated between its
value in this run and its value on a corrupt input, by a hard concrete gate of the edge; the KL divergence
from the clean output is minimised under pressure to prune. The paper presses by a Lagrangian with a target
sparsity, and masks the writers as well; here every edge that is kept costs the same, since nobody knows the
sparsity that a model has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from scrubkit import Bound, Budget, Importances, Model, Part, Task, bind
from scrubkit.methods.edge_attribution import site_names
from scrubkit.methods.masks import Gates, kept, learn
from scrubkit.methods.residual import Residual, Rows, Stream

PAIRS = 64
STEPS, RATE = 60, 0.25
PRICE = 0.02
"""Nats that an edge has to be worth."""


@dataclass(frozen=True)
class EdgePruning:
    """Importance of an edge = the probability that the learned mask keeps it; of a site, its largest edge's.

    Attributes:
        device: where models are run.
        price: what an edge that is kept costs, nats.
    """

    device: str = "cpu"
    price: float = PRICE
    name = "edge-pruning"

    def find(self, model: Model, *, task: Task, generator: torch.Generator, budget: Budget) -> Importances:
        """Return the importance of every edge between embeddings, heads, MLPs and the output."""
        bound = bind(model, task=task, device=self.device)
        clean, corrupt = (bound.others(torch.arange(PAIRS), generator) for _ in range(2))
        runs = MaskedRuns(bound, clean, corrupt)
        odds = learn(
            {name: len(runs.sources[reader]) for name, reader in runs.readers.items()},
            runs.outputs,
            bound.clean(clean),
            price=self.price,
            steps=STEPS,
            rate=RATE,
            generator=generator,
        )
        names = dict(zip(runs.stream.writers, site_names(bound), strict=True))
        edges: dict[tuple[str, str], float] = {}
        for name, reader in runs.readers.items():
            shares = kept(odds[name]).tolist()
            for source, share in zip(runs.sources[reader], shares, strict=True):
                edges[names[source], names.get(reader, "logits")] = share
        sites: dict[str, float] = {}
        for (source, _), share in edges.items():
            sites[source] = max(sites.get(source, 0.0), share)
        return Importances(sites, edges, evaluations=bound.evaluations)


@dataclass(frozen=True)
class MaskedRuns:
    """Runs in which every edge carries a mixture of its own and its corrupt value.

    Attributes:
        bound: the model.
        clean: the inputs that are run.
        corrupt: for each of them the input that corrupt values come from.
    """

    bound: Bound
    clean: Rows
    corrupt: Rows

    @cached_property
    def stream(self) -> Residual:
        """The residual stream on the clean inputs."""
        return Residual(self.bound, self.clean)

    @cached_property
    def readers(self) -> Mapping[str, Part]:
        """Heads, MLPs and the output by name, in the order of computation."""
        found = [part for part in self.stream.writers if part.hook != "hook_embed"]
        return {str(part): part for part in [*found, self.bound.whole_output]}

    @cached_property
    def sources(self) -> Mapping[Part, list[Part]]:
        """The writers that each reader sees."""
        return {reader: self.stream.before(reader) for reader in self.readers.values()}

    @cached_property
    def _maps(self) -> dict[str, Tensor]:
        return {f"blocks.{layer}.attn.hook_z": self.stream.output_map(layer) for layer in self.stream.blocks}

    def _written(self, part: Part, value: Tensor) -> Stream:
        """Return what a writer adds to the stream, up to a constant."""
        if part.hook in self._maps:
            return value[:, :, 0] @ self._maps[part.hook][(part.heads or (0,))[0]]
        return self.stream.written(part, value)

    @cached_property
    def _own(self) -> dict[Part, Stream]:
        return {part: self._written(part, self.bound.read(part, self.clean)) for part in self.stream.writers}

    @cached_property
    def _given(self) -> dict[Part, Stream]:
        return {
            part: self._written(part, self.bound.read(part, self.corrupt)) for part in self.stream.writers
        }

    def outputs(self, gates: Gates) -> Tensor:
        """Return the logits under gates: for each reader one for each of its sources."""
        now = {part: self._own[part] for part in self.stream.writers if part.hook == "hook_embed"}
        for name, reader in self.readers.items():
            entering = self._site(reader)
            x = self.stream.read(str(entering))
            for gate, source in zip(gates[name], self.sources[reader], strict=True):
                mixed = gate * now[source] + (1 - gate) * self._given[source]
                x = x + mixed - self._own[source]
            value = self.bound.run(self.clean, {entering: x}, [reader])[0]
            if reader is self.bound.whole_output:
                return value
            now[reader] = self._written(reader, value)
        raise AssertionError("the output is the last reader")

    def _site(self, reader: Part) -> Part:
        """Return where the stream enters a reader."""
        if reader is self.bound.whole_output:
            return self.bound.part(f"blocks.{self.stream.blocks[-1]}.hook_resid_post")
        block, _, kind = reader.hook.partition("hook_mlp_out")
        if block != reader.hook:
            return self.bound.part(f"{block}hook_resid_mid")
        return self.bound.part(f"{reader.hook.removesuffix('.attn.hook_z')}.hook_resid_pre")
