"""From a circuit to the hypothesis that it stands for.

A circuit claims that the edges outside it do not matter. Its tools test that by running the model with every
edge outside at its value on another input. As a hypothesis: a node of the circuit may depend on the whole
input, so its feature is the identity and it keeps its reader's input; all else, at every node, comes from one
other input; and a component that lies between a node and what it reads, and is not read itself, is marked
unimportant. The scrub then computes what the tools do, with the other input drawn from all of D.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import networkx as nx

from scrubkit.errors import HypothesisError
from scrubkit.formats.components import INPUT, LOGITS, Components, inputs_of, owner
from scrubkit.formats.eap_file import EapGraph
from scrubkit.hypothesis import Hypothesis, from_graph

OTHER = "together:outside"
"""All that is outside the circuit comes from one input, as in the tools that write circuits."""


def from_eap(
    graph: EapGraph,
    *,
    name: str = "circuit",
    task: str = "",
    variables: Sequence[str] = ("a", "b"),
    top: int | None = None,
    title: str = "",
) -> Hypothesis:
    """Return a circuit as a hypothesis.

    Nodes and edges on no way from the input to the logits within the circuit carry nothing and are left out.

    Args:
        graph: the circuit.
        name: name of the hypothesis.
        task: task that it speaks of, "" for any.
        variables: the task's input variables.
        top: take this many edges with the largest absolute scores, instead of those marked as in the graph.
        title: what errors call the circuit, normally its file.

    Raises:
        HypothesisError: no way leads from the input to the logits, or edges to be ranked have no score.
    """
    components = graph.components
    chosen = _marked(graph) if top is None else _ranked(graph, top, title or name)
    reads = _pruned(components, chosen)
    if not reads:
        raise HypothesisError(
            f"none of the {len(chosen)} edges of the circuit lies on a way from {INPUT} to {LOGITS}; "
            "mark more, or take more by their scores",
            title=title or name,
        )
    made = nx.DiGraph(name=name, task=task)
    feature = ", ".join(variables)
    made.add_node(LOGITS, site="logits")
    for source in components.writers:
        if any(source in sources for sources in reads.values()):
            made.add_node(source, site=site_of(source), feature=feature)
    for reader, sources in reads.items():
        _add_reader(made, components, reader, sources, feature)
    return from_graph(made, title=title or name)


def site_of(component: str, letter: str = "z") -> str:
    """Return the site of a component's output, or for a head of its query, key or value."""
    if component == INPUT:
        return "hook_embed"
    if component == LOGITS:
        return "logits"
    layer, _, head = component[1:].partition(".h")
    if component.startswith("m"):
        return f"blocks.{layer}.hook_mlp_out"
    return f"blocks.{layer}.attn.hook_{letter}[head={head}]"


def _add_reader(
    made: nx.DiGraph, components: Components, reader: str, sources: Sequence[str], feature: str
) -> None:
    """Add an input of a component with what it reads, and with what it must not read in between."""
    component = owner(reader)
    made.nodes[component]["other"] = OTHER
    if reader != component:
        made.add_node(reader, site=site_of(component, reader[-2]), feature=feature, other=OTHER)
        made.add_edge(reader, component)
    made.add_edges_from((source, reader) for source in sources)
    for other in components.readers[reader]:
        if other not in sources and _reached(components, sources, other):
            cut = f"{other} cut"
            made.add_node(cut, site=site_of(other), unimportant=True)
            made.add_edge(cut, reader)


def _reached(components: Components, sources: Sequence[str], other: str) -> bool:
    """Say whether the model has a way from one of the sources to a component."""
    return any(source in components.readers[slot] for slot in inputs_of(other) for source in sources)


def _marked(graph: EapGraph) -> set[tuple[str, str]]:
    """Return the edges in the graph whose ends are not marked as outside it."""
    outside = {name for name, node in graph.nodes.items() if not node.in_graph} - {LOGITS}
    edges = (_ends(name) for name, edge in graph.edges.items() if edge.in_graph)
    return {(source, reader) for source, reader in edges if not {source, owner(reader)} & outside}


def _ranked(graph: EapGraph, top: int, title: str) -> set[tuple[str, str]]:
    """Return the edges of the largest absolute scores; of equal ones, the first by name."""
    scores = {name: edge.score for name, edge in graph.edges.items()}
    missing = [name for name, score in scores.items() if score is None or score != score]
    if missing or not 1 <= top <= len(scores):
        faults = [f"edge {name!r} has no score" for name in missing[:5]]
        faults += [] if 1 <= top <= len(scores) else [f"has {len(scores)} edges, not {top} to choose"]
        raise HypothesisError(faults, title=title)
    ranked = sorted(scores, key=lambda name: (-abs(scores[name] or 0.0), name))
    return {_ends(name) for name in ranked[:top]}


def _ends(name: str) -> tuple[str, str]:
    source, _, reader = name.partition("->")
    return source, reader


def _pruned(components: Components, edges: set[tuple[str, str]]) -> Mapping[str, tuple[str, ...]]:
    """Return what each input reads, of the edges on a way from the input to the logits."""
    flow = nx.DiGraph((("out", source), ("in", reader)) for source, reader in edges)
    flow.add_edges_from([(("in", reader), ("out", owner(reader))) for _, reader in edges])
    start, end = ("out", INPUT), ("in", LOGITS)
    if start not in flow or end not in flow:
        return {}
    live = (nx.descendants(flow, start) | {start}) & (nx.ancestors(flow, end) | {end})
    reads = {
        reader: tuple(s for s in sources if (s, reader) in edges and ("out", s) in live)
        for reader, sources in components.readers.items()
        if ("in", reader) in live
    }
    return {reader: sources for reader, sources in reads.items() if sources}
