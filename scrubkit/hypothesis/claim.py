"""The claim that a hypothesis makes, checked and frozen.

A hypothesis is a graph. Its nodes carry a site and a feature; an edge from m to n claims that the site of n
reads the site of m. Nothing but the claim decides a score: node names, their order and all prose are
left out of its hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import networkx as nx
import numpy as np

from scrubkit.core.feature import Feature
from scrubkit.core.site import Part
from scrubkit.hypothesis.drawing import Drawing, dot, draw, mermaid
from scrubkit.shown import Shown

Sampler = Literal["feature", "uniform", "exact"] | tuple[int, ...]


@dataclass(frozen=True)
class Node:
    """One node of a hypothesis.

    Attributes:
        name: the node's name in the graph; nothing but messages depends on it.
        site: the site as text.
        feature: what the node may depend on; None at a root and at unimportant nodes.
        tolerance: for each component of the feature, how far exchangeable inputs may differ; None is exactly
            equal. Empty where no component has one.
        period: for each component, the period of a circular value, or None.
        sampler: how the node's own input is drawn: by its feature, uniformly, exactly its reader's, or from
            fixed rows.
        other: where what the hypothesis leaves out comes from: "uniform", "exact", or "together:GROUP".
        unimportant: the node claims that its reader does not depend on it.
        parents: names of the nodes it reads, with the kind of path, "all" or "direct".
    """

    name: str
    site: str
    feature: Feature | None = None
    tolerance: tuple[float | None, ...] = ()
    period: tuple[float | None, ...] = ()
    sampler: Sampler = "feature"
    other: str = "uniform"
    unimportant: bool = False
    parents: tuple[tuple[str, Literal["all", "direct"]], ...] = ()


@dataclass(frozen=True, repr=False)
class Hypothesis(Shown):
    """A checked, frozen hypothesis.

    Attributes:
        name: its name, from the graph or the file.
        task: the task it speaks of, "" for any.
        nodes: nodes by name, every node after the nodes it reads.
        root: name of the one sink.
        expect: the verdicts that its author expects, by variant of model; never shown to a method.
        subspaces: orthonormal bases that sites may name.
        doc: what the claim says, in words.
        source: file it was read from, "" if none.
    """

    name: str
    task: str
    nodes: Mapping[str, Node]
    root: str
    expect: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    subspaces: Mapping[str, tuple[tuple[float, ...], ...]] = field(default_factory=dict)
    doc: str = ""
    source: str = ""

    @cached_property
    def keys(self) -> Mapping[str, str]:
        """A name for each node made of what it claims: equal in hypotheses that differ in node names only."""
        keys: dict[str, str] = {}
        for name, node in self.nodes.items():
            parents = sorted((keys[parent], paths) for parent, paths in node.parents)
            feature = node.feature.identity if node.feature else None
            claim = [node.site, feature, node.tolerance, node.period, node.sampler, node.other]
            text = json.dumps([*claim, node.unimportant, parents])
            keys[name] = hashlib.sha256(text.encode()).hexdigest()
        return keys

    def settled(self, values: Mapping[str, tuple[np.ndarray, ...]]) -> Hypothesis:
        """Return the claim with every feature that is a function known by its values.

        Args:
            values: value of each node's feature on every input.
        """
        functions = {
            n.name for n in self.nodes.values() if n.feature and n.feature.function and n.name in values
        }
        if not functions:
            return self
        nodes = {
            name: replace(node, feature=node.feature.settled(values[name]))
            if node.feature and name in functions
            else node
            for name, node in self.nodes.items()
        }
        return replace(self, nodes=nodes)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the claim: independent of names, order, expectations and prose.

        A feature that is a function counts by its values once the hypothesis is bound, and before that as
        itself: no two functions are the same.
        """
        text = json.dumps(
            [self.task, self.keys[self.root], {k: v for k, v in sorted(self.subspaces.items())}]
        )
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def graph(self) -> nx.DiGraph:
        """The hypothesis as a frozen networkx graph, in the attributes that files use."""
        graph = nx.DiGraph(name=self.name, task=self.task)
        for key, value in (("expect", self.expect), ("subspaces", self.subspaces), ("doc", self.doc)):
            if value:
                graph.graph[key] = value
        for node in self.nodes.values():
            graph.add_node(node.name, **_node_attributes(node))
        for node in self.nodes.values():
            for parent, paths in node.parents:
                graph.add_edge(parent, node.name, **({"paths": paths} if paths == "direct" else {}))
        return nx.freeze(graph)

    def __repr__(self) -> str:
        return (
            f"Hypothesis({self.name!r}, {len(self.nodes)} nodes, {self.graph.number_of_edges()} edges, "
            f"hash {self.hash[:12]})"
        )

    def _repr_html_(self) -> str:
        return self.draw().svg

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each node, every node after the nodes it reads."""
        return [
            {
                "node": node.name,
                "site": node.site,
                "feature": None if node.feature is None else node.feature.text,
                "tolerance": ", ".join("exact" if t is None else f"{t:g}" for t in node.tolerance),
                "unimportant": node.unimportant,
                "reads": [parent for parent, _ in node.parents],
            }
            for node in self.nodes.values()
        ]

    def to_frame(self) -> Any:
        """Return the nodes as a pandas DataFrame, one row each."""
        import pandas

        return pandas.DataFrame(self.rows())

    def draw(self, explanation: Any = None) -> Drawing:
        """Return a picture of the graph in layers, which notebooks show and `save` writes as SVG.

        Args:
            explanation: what `scrubkit.explain` found, to colour edges and nodes by their verdicts: green
                supported, red refuted, yellow inconclusive, grey untestable. A node has the worse verdict of
                its own claim and of the claim that it reads nothing else.
        """
        return draw(self, {} if explanation is None else explanation.verdicts)

    def to_mermaid(self) -> str:
        """Return the graph as a Mermaid flowchart."""
        return mermaid(self)

    def to_dot(self) -> str:
        """Return the graph in Graphviz's language."""
        return dot(self)

    def stripped(self, resolve: Callable[[str], Part] | None = None) -> Hypothesis:
        """Return the claim alone, as a method under test is given it.

        Name, expectations, prose and file are gone, node names carry no meaning, and sites give indices
        instead of names such as ``cluster:14`` or ``key``, which only the truth could resolve.

        Args:
            resolve: finds the part of the model that a site means, such as `Subject.part`; None where sites
                have no names but their own, as in a graph of functions.
        """
        spelled = self if resolve is None else self._spelled_out(resolve)
        nodes = spelled.nodes
        names = {old: new for new, old in spelled.names_when_stripped().items()}
        renamed = {
            new: replace(
                nodes[old],
                name=new,
                parents=tuple(sorted((names[p], paths) for p, paths in nodes[old].parents)),
            )
            for old, new in names.items()
        }
        return Hypothesis("hypothesis", self.task, renamed, names[self.root], subspaces=spelled.subspaces)

    def names_when_stripped(self, resolve: Callable[[str], Part] | None = None) -> dict[str, str]:
        """Return for each name of a node of `stripped` the name that the node has here.

        Args:
            resolve: as `stripped` was given it.
        """
        spelled = self if resolve is None else self._spelled_out(resolve)
        return {f"n{i}": old for i, old in enumerate(spelled.canonical_order())}

    def _spelled_out(self, resolve: Callable[[str], Part]) -> Hypothesis:
        """Return the claim with indices in its sites in place of names."""
        nodes, subspaces = {}, {}
        for name, node in self.nodes.items():
            part = resolve(node.site)
            basis = f"basis{len(subspaces)}"
            if part.basis is not None:
                subspaces[basis] = part.basis
            nodes[name] = replace(node, site=part.spelled_out(basis))
        return replace(self, nodes=nodes, subspaces=subspaces)

    def canonical_order(self) -> list[str]:
        """Return the node names in a topological order that depends on the claim alone."""
        rank = {name: i for i, name in enumerate(sorted(self.nodes, key=lambda n: (self.keys[n], n)))}
        return list(nx.lexicographical_topological_sort(self.graph, rank.__getitem__))


def _node_attributes(node: Node) -> dict[str, Any]:
    attributes: dict[str, Any] = {"site": node.site}
    if node.feature is not None:
        attributes["feature"] = node.feature.function or node.feature.text
    for key, default in (("tolerance", ()), ("period", ()), ("sampler", "feature"), ("other", "uniform")):
        value = getattr(node, key)
        if value != default:
            attributes[key] = list(value) if isinstance(value, tuple) else value
    if node.unimportant:
        attributes["unimportant"] = True
    return attributes
