"""From a hypothesis to the circuit that it runs through.

A circuit knows whole components only. An edge is in the circuit if the hypothesis lets something through it
that is not the other draw: the edges on ways from what a node reads to the node that avoid other mapped
components, and all edges before a leaf, which is evaluated wholly on its own draw. A component counts as
mapped if a part of it is. Features, positions, neurons, frequencies and subspaces have no place in a circuit
and are lost.
"""

from __future__ import annotations

from collections.abc import Mapping

import networkx as nx

from scrubkit.core.site import Part
from scrubkit.errors import HypothesisError, SiteError
from scrubkit.formats.components import INPUT, LOGITS, Components, inputs_of
from scrubkit.formats.eap_file import EapConfig, EapEdge, EapGraph, EapNode
from scrubkit.hypothesis import Hypothesis, Node
from scrubkit.subjects.sites import Sites

Place = tuple[str, str]
"""A node of `Components.flow`."""


def to_eap(hypothesis: Hypothesis, sites: Sites) -> EapGraph:
    """Return the circuit of a hypothesis on a model; scores are 1 for what is in it, and 0 else.

    Args:
        hypothesis: the claim.
        sites: the sites of the model.

    Raises:
        HypothesisError: a site is not one of the model's.
    """
    a = sites.architecture
    components = Components(a.n_layers, a.n_heads)
    projection = _Projection(hypothesis, _parts(hypothesis, sites), components)
    edges = projection.edges()
    sources = {source for source, _ in edges}
    readers = {reader.partition("<")[0] for _, reader in edges}
    nodes = {
        name: EapNode(in_graph=name == LOGITS or (name in sources and (name == INPUT or name in readers)))
        for name in components.names
    }
    return EapGraph(
        cfg=EapConfig(n_layers=a.n_layers, n_heads=a.n_heads, d_model=a.d_model),
        nodes=nodes,
        edges={
            f"{source}->{reader}": EapEdge(
                score=float((source, reader) in edges), in_graph=(source, reader) in edges
            )
            for source, reader in components.edges
        },
    )


def _parts(hypothesis: Hypothesis, sites: Sites) -> dict[str, Part]:
    parts, faults = {}, []
    for node in hypothesis.nodes.values():
        try:
            parts[node.name] = sites.part(node.site, hypothesis.subspaces)
        except SiteError as error:
            faults += [f"node {node.name!r}: {fault}" for fault in error.faults]
    if faults:
        raise HypothesisError(faults, title=hypothesis.source or hypothesis.name)
    return parts


class _Projection:
    """Where the nodes of a hypothesis sit among the components of a model."""

    def __init__(self, hypothesis: Hypothesis, parts: Mapping[str, Part], components: Components) -> None:
        self.hypothesis = hypothesis
        self.parts = parts
        self.components = components
        self.mapped = {place for name in parts for place in self.exits(name) if place[0] == "out"}

    def edges(self) -> set[tuple[str, str]]:
        """Return the edges in the circuit."""
        found: set[tuple[str, str]] = set()
        for node in self.hypothesis.nodes.values():
            if node.unimportant:
                continue
            if not node.parents:
                found |= self.between({("out", INPUT)}, self.before(node), set())
            elif not self.on_stream(node.name):
                for parent, paths in node.parents:
                    found |= self.carried(parent, node, paths)
        return found

    def carried(self, parent: str, node: Node, paths: str) -> set[tuple[str, str]]:
        """Return the edges through which a node reads one of its parents."""
        if self.hypothesis.nodes[parent].unimportant:
            return set()
        starts, ends = self.sources(parent), self.entries(node.name)
        if paths == "direct":
            return {(s, e) for s, e in self.components.edges if ("out", s) in starts and ("in", e) in ends}
        return self.between(starts, ends, self.mapped - starts)

    def between(self, starts: set[Place], ends: set[Place], avoided: set[Place]) -> set[tuple[str, str]]:
        """Return the edges on ways from one of the starts to one of the ends."""
        flow = self.components.flow
        open_flow = flow.subgraph(set(flow) - avoided)
        after = {p for s in starts & set(open_flow) for p in nx.descendants(open_flow, s)} | starts
        ahead = {p for e in ends & set(open_flow) for p in nx.ancestors(open_flow, e)} | ends
        return {
            (one[1], other[1])
            for one, other in open_flow.edges
            if one[0] == "out" and one in after and other in ahead
        }

    def sources(self, name: str) -> set[Place]:
        """Return where a node's value sets out from.

        The residual stream is no component. Whatever passes it comes from what was read into it, so a node on
        it stands for its parents; a leaf on it, for all components before it.
        """
        if not self.on_stream(name):
            return self.exits(name)
        node = self.hypothesis.nodes[name]
        if node.parents:
            read = (p for p, _ in node.parents if not self.hypothesis.nodes[p].unimportant)
            return {place for parent in read for place in self.sources(parent)}
        return self.before(node)

    def before(self, node: Node) -> set[Place]:
        """Return all that a leaf is computed from, at its end."""
        if not self.on_stream(node.name):
            return self.entries(node.name)
        _, layer, hook = self.parts[node.name].hook.split(".", 2)
        writers = self.components.writers
        first = 1 + int(layer) * (self.components.n_heads + 1)
        count = {"hook_resid_pre": 0, "hook_resid_mid": self.components.n_heads}
        return {("out", name) for name in writers[: first + count.get(hook, self.components.n_heads + 1)]}

    def on_stream(self, name: str) -> bool:
        """Say whether a node sits on the residual stream."""
        return ".hook_resid_" in self.parts[name].hook

    def at(self, name: str) -> tuple[str, ...]:
        """Return the components that a node sits on."""
        part = self.parts[name]
        if part.hook in ("hook_embed", "logits"):
            return (INPUT,) if part.hook == "hook_embed" else (LOGITS,)
        if part.hook == "hook_pos_embed" or self.on_stream(name):
            return ()
        layer, hook = part.hook.split(".", 2)[1:]
        if "mlp" in hook:
            return (f"m{layer}",)
        heads = self.components.heads(int(layer))
        return heads if part.heads is None else tuple(heads[head] for head in part.heads)

    def entries(self, name: str) -> set[Place]:
        """Return the inputs of components through which a node is reached."""
        letters = {"q": "q", "k": "k", "v": "v", "pattern": "qk"}.get(self._kind(name), "qkv")
        return {
            ("in", slot)
            for component in self.at(name)
            for slot in inputs_of(component)
            if "<" not in slot or slot[-2] in letters
        }

    def exits(self, name: str) -> set[Place]:
        """Return from where a node's value goes on; a query, key or value has its head still before it."""
        if self._kind(name) in ("q", "k", "v"):
            return self.entries(name)
        return {("out", component) for component in self.at(name) if component != LOGITS}

    def _kind(self, name: str) -> str:
        return self.parts[name].hook.rpartition("attn.hook_")[2]
