"""What the makers of hypotheses may know of a model: its truth, its task and its shape.

They work on networkx graphs in the attributes of hypothesis files. They are pure: the graph
that they are given is not changed, and chance comes from the generator that they are given.
"""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx

from scrubkit.core.site import parse
from scrubkit.errors import ModelError
from scrubkit.families.modular.compile.circles import Circles
from scrubkit.families.modular.task import ModularTask, modular
from scrubkit.families.modular.truth import ModularTruth
from scrubkit.models.model import Model
from scrubkit.models.record import ModelConfig, Truth

POST = "blocks.0.mlp.hook_post"
Z = "blocks.0.attn.hook_z"
TOLERANCE = 0.05
"""How far |cos| may differ in the pizza's feature; taken exactly, its classes have two members."""


@dataclass(frozen=True)
class Known:
    """A model as the makers of hypotheses see it.

    Attributes:
        truth: what is known of its algorithm.
        task: its task.
        config: its shape.
        other: the truth of another seed, for claims that belong to another model.
    """

    truth: ModularTruth
    task: ModularTask
    config: ModelConfig
    other: ModularTruth | None = None

    @classmethod
    def of(cls, model: Model, other: Truth | None = None) -> Known:
        """Return what is known of a model; raises ModelError if nothing is."""
        if not isinstance(model.truth, ModularTruth):
            raise ModelError("no truth is known of it; certify it first", title=model.name)
        return cls(
            model.truth, modular(model), model.config, other if isinstance(other, ModularTruth) else None
        )

    @property
    def circles(self) -> Circles:
        """The circles of the task's group, with the features of its label."""
        return Circles.of(self.task)

    @property
    def highest(self) -> int:
        """The highest frequency of the group that has a sine."""
        return (self.task.group.order - 1) // 2

    def folded(self, k: int) -> int:
        """Return the frequency from 1 to order / 2 that equals k up to sign."""
        order = self.task.group.order
        return min(k % order, -k % order)

    @property
    def embedded(self) -> dict[int, tuple[int, ...]]:
        """For each key frequency, those that are read of the embedding: clock-attention doubles its own."""
        keys = self.truth.frequencies
        if self.truth.variant == "clock-attention":
            return {k: tuple(sorted({k, self.folded(2 * k)})) for k in keys}
        return {k: (k,) for k in keys}

    @property
    def read(self) -> tuple[int, ...]:
        """All frequencies that are read of the embedding."""
        return tuple(sorted({k for ks in self.embedded.values() for k in ks}))

    @property
    def unread(self) -> tuple[int, ...]:
        """Frequencies that are neither key nor read of the embedding; the dead ones first."""
        dead = tuple(self.truth.distractors.get("dead_frequencies", ()))
        rest = (
            k for k in range(1, self.highest + 1) if k not in (*self.read, *self.truth.frequencies, *dead)
        )
        return (*dead, *rest)

    def heads(self, *roles: str) -> tuple[int, ...]:
        """Return the heads whose role is one of these."""
        return tuple(head.head for head in self.truth.heads if head.role in roles)


def thaw(graph: nx.DiGraph) -> nx.DiGraph:
    """Return a copy that may be changed."""
    return nx.DiGraph(graph)


def keys_of(site: str) -> dict[str, str]:
    """Return the keys of a site as written."""
    return dict(parse(site).parts)


def with_key(site: str, key: str, value: str | None) -> str:
    """Return a site with one key replaced, added, or (None) taken out."""
    read = parse(site)
    given = dict(read.parts)
    given.pop(key, None)
    if value is not None:
        given[key] = value
    inner = ", ".join(f"{name}={text}" for name, text in given.items())
    return f"{read.hook}[{inner}]" if inner else read.hook


def root_of(graph: nx.DiGraph) -> str:
    """Return the one sink."""
    return next(name for name in graph if graph.out_degree(name) == 0)


def mapped(graph: nx.DiGraph) -> list[str]:
    """Return the nodes that carry a feature, the root left out."""
    return [n for n in graph if graph.out_degree(n) and not graph.nodes[n].get("unimportant")]


def inner(graph: nx.DiGraph) -> list[str]:
    """Return the mapped nodes that do not sit on the embedding."""
    return [n for n in mapped(graph) if not graph.nodes[n]["site"].startswith("hook_embed")]


def pruned(graph: nx.DiGraph) -> nx.DiGraph:
    """Return the graph without nodes from which the logits cannot be reached."""
    root = "logits" if "logits" in graph else root_of(graph)
    return nx.DiGraph(graph.subgraph({root, *nx.ancestors(graph, root)}))
