"""Pruning edges one by one: automatic circuit discovery (ACDC).

Conmy et al. 2023, "Towards Automated Circuit Discovery for Mechanistic Interpretability", arXiv:2304.14997,
algorithm 1: from the logits backwards, every edge is set to its value on a corrupt input, and stays removed
unless the KL divergence from the model's own output grows by more than a threshold. Nodes are the embeddings,
the heads and the MLPs of every block; what an edge costs is kept as its importance.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Int
from torch import Tensor

from scrubkit import Bound, Budget, Importances, Model, Part, Task, bind

PAIRS = 256
"""Pairs of a clean and a corrupt input."""
THRESHOLD = 0.01
"""KL, nats per input, that an edge has to cost to stay."""
Edge = tuple[Part, Part]


@dataclass(frozen=True)
class Pruning:
    """Importance of an edge = the KL that its removal adds, nats per input; of a site, its largest edge's.

    Attributes:
        device: where models are run.
    """

    device: str = "cpu"
    name = "acdc"

    def find(self, model: Model, *, task: Task, generator: torch.Generator, budget: Budget) -> Importances:
        """Prune all edges of a model and return what each costs."""
        bound = bind(model, task=task, device=self.device)
        clean, corrupt = (bound.others(torch.arange(PAIRS), generator) for _ in range(2))
        runs = PairRuns(bound, clean, corrupt)
        removed: frozenset[Edge] = frozenset()
        now, costs = 0.0, {}
        for edge in runs.edges:
            kl = runs.divergence(removed | {edge})
            costs[edge] = max(kl - now, 0.0)
            if kl - now < THRESHOLD:
                removed, now = removed | {edge}, kl
        sites: dict[str, float] = {}
        for (source, _), cost in costs.items():
            sites[str(source)] = max(sites.get(str(source), 0.0), cost)
        edges = {(str(source), str(reader)): cost for (source, reader), cost in costs.items()}
        return Importances(sites, edges, evaluations=bound.evaluations)


@dataclass(frozen=True)
class PairRuns:
    """Runs in which each edge carries its current or its corrupt value.

    Attributes:
        bound: the model.
        clean: the inputs that are run.
        corrupt: for each of them the input that removed edges come from.
    """

    bound: Bound
    clean: Int[Tensor, " pair"]
    corrupt: Int[Tensor, " pair"]

    @cached_property
    def stages(self) -> list[list[Part]]:
        """What writes into the stream, in the order of computation, one list per stage; the logits last."""
        found: dict[str, list[Part]] = {}
        for part in self.bound.components():
            found.setdefault(part.hook, []).append(part)
        return [*found.values(), [self.bound.whole_output]]

    @cached_property
    def sources(self) -> dict[Part, list[Part]]:
        """For each reader what reaches it directly, the latest first."""
        found: dict[Part, list[Part]] = {}
        for i, stage in enumerate(self.stages[1:], start=1):
            before = [source for earlier in reversed(self.stages[:i]) for source in earlier]
            found |= {reader: [s for s in before if self._adjacent(s, reader)] for reader in stage}
        return found

    @cached_property
    def edges(self) -> list[Edge]:
        """All edges, those nearest to the logits first."""
        readers = [reader for stage in reversed(self.stages[1:]) for reader in stage]
        return [(source, reader) for reader in readers for source in self.sources[reader]]

    def divergence(self, removed: frozenset[Edge]) -> float:
        """Return the mean KL from the model's output with some edges removed, nats per input."""
        output = self.value(self.bound.whole_output, removed)
        return float(self.bound.figures(output, self.clean)["kl"].mean())

    def value(self, part: Part, removed: frozenset[Edge]) -> Tensor:
        """Return what a part holds with some edges removed; where none counts, its clean value."""
        above = self._above[part]
        key = (part, frozenset(edge for edge in removed if edge[1] in above))
        if key not in self._known:
            settings: dict[Part, Tensor] = {}
            for source in self.sources.get(part, []):
                gone = (source, part) in removed
                value = self._corrupt(source) if gone else self.value(source, removed)
                if value is not self.value(source, frozenset()):
                    settings[source] = value
            self._known[key] = (
                self.bound.run(self.clean, settings, [part], direct=True)[0] if settings else self._own(part)
            )
        return self._known[key]

    @cached_property
    def _above(self) -> dict[Part, set[Part]]:
        """For each part itself and all that it depends on."""
        found: dict[Part, set[Part]] = {part: {part} for part in self.stages[0]}
        for part, sources in self.sources.items():
            found[part] = {part}.union(*(found[source] for source in sources))
        return found

    def _adjacent(self, source: Part, reader: Part) -> bool:
        """Say whether a direct path leads on: attention reads what it sees, all else its own position."""
        sizes = self.bound.architecture
        assert sizes is not None
        if not reader.hook.endswith("attn.hook_z"):
            return bool(set(source.positions) & set(reader.positions))
        return not sizes.causal or min(source.positions) <= max(reader.positions)

    def _own(self, part: Part) -> Tensor:
        return self._remembered(part, self.clean)

    def _corrupt(self, part: Part) -> Tensor:
        return self._remembered(part, self.corrupt)

    def _remembered(self, part: Part, rows: Int[Tensor, " pair"]) -> Tensor:
        key = (part, rows is self.clean)
        if key not in self._known:
            self._known[key] = self.bound.read(part, rows)
        return self._known[key]

    @cached_property
    def _known(self) -> dict[object, Tensor]:
        return {}
