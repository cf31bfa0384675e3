"""A transformer as components that write to the residual stream and inputs that read from it.

Every component reads the sum of what those before it wrote. An edge goes from a component to an input of
a later one: a head has three inputs, its query, key and value; an MLP and the logits have one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import networkx as nx

INPUT = "input"
LOGITS = "logits"


@dataclass(frozen=True)
class Components:
    """The components of a transformer with sequential blocks, by their names in EAP graphs."""

    n_layers: int
    n_heads: int

    @cached_property
    def writers(self) -> tuple[str, ...]:
        """Components that write to the residual stream, in the order of computation."""
        return (INPUT, *(name for layer in range(self.n_layers) for name in self.block(layer)))

    @property
    def names(self) -> tuple[str, ...]:
        """All components."""
        return (*self.writers, LOGITS)

    def heads(self, layer: int) -> tuple[str, ...]:
        """Return the heads of a layer."""
        return tuple(f"a{layer}.h{head}" for head in range(self.n_heads))

    def block(self, layer: int) -> tuple[str, ...]:
        """Return the components of a layer."""
        return (*self.heads(layer), f"m{layer}")

    @cached_property
    def readers(self) -> Mapping[str, tuple[str, ...]]:
        """For each input of a component, the components that it reads."""
        before: tuple[str, ...] = (INPUT,)
        readers: dict[str, tuple[str, ...]] = {}
        for layer in range(self.n_layers):
            readers |= {slot: before for head in self.heads(layer) for slot in inputs_of(head)}
            before += self.heads(layer)
            readers[f"m{layer}"] = before
            before += (f"m{layer}",)
        return {**readers, LOGITS: before}

    @property
    def edges(self) -> Iterator[tuple[str, str]]:
        """All edges, from a component to an input of another."""
        return ((source, reader) for reader, sources in self.readers.items() for source in sources)

    @property
    def edge_names(self) -> Iterator[str]:
        """Names of all edges."""
        return (f"{source}->{reader}" for source, reader in self.edges)

    @cached_property
    def flow(self) -> nx.DiGraph:
        """The way of values: nodes are ("out", component) and ("in", input of a component)."""
        flow = nx.DiGraph()
        flow.add_edges_from((("out", source), ("in", reader)) for source, reader in self.edges)
        flow.add_edges_from((("in", reader), ("out", owner(reader))) for reader in self.readers)
        return flow


def owner(reader: str) -> str:
    """Return the component that an input belongs to: ``a0.h3`` for ``a0.h3<q>``."""
    return reader.partition("<")[0]


def inputs_of(component: str) -> tuple[str, ...]:
    """Return the inputs of a component; ``input`` itself has none."""
    if component == INPUT:
        return ()
    if component.startswith("a"):
        return tuple(f"{component}<{letter}>" for letter in "qkv")
    return (component,)
