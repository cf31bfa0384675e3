"""Make a hypothesis that two sides disagree on as small as it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import networkx as nx


def minimise(
    graph: nx.DiGraph, still_wrong: Callable[[nx.DiGraph], bool], identity: str = "(a, b)"
) -> nx.DiGraph:
    """Drop nodes, edges and attributes while the disagreement stays."""
    changed = True
    while changed:
        changed = False
        for smaller in _smaller(graph, identity):
            if still_wrong(smaller):
                graph, changed = smaller, True
                break
    return graph


def _smaller(graph: nx.DiGraph, identity: str) -> Iterator[nx.DiGraph]:
    root = next(n for n in graph if graph.out_degree(n) == 0)
    for name in list(graph):
        if name != root:
            yield _tidy(graph, root, nodes=[name])
    for edge in list(graph.edges):
        yield _tidy(graph, root, edges=[edge])
    for edge in list(graph.edges):
        if graph.edges[edge].get("paths") == "direct":
            smaller = graph.copy()
            smaller.edges[edge]["paths"] = "all"
            yield smaller
    for name in list(graph):
        node = graph.nodes[name]
        for change in _simpler(node, name == root, bool(graph.in_degree(name)), identity):
            smaller = graph.copy()
            smaller.nodes[name].clear()
            smaller.nodes[name].update(change)
            yield smaller


def _simpler(node: dict, root: bool, inner: bool, identity: str) -> Iterator[dict]:
    for key in ("other", "tolerance", "period", "sampler"):
        if key in node and (key != "sampler" or "feature" in node):
            yield {k: v for k, v in node.items() if k != key and not (key == "tolerance" and k == "period")}
    if inner and node.get("other") not in (None, "exact"):
        yield {**node, "other": "exact"}
    if root and "feature" in node:
        yield {k: v for k, v in node.items() if k not in ("feature", "tolerance", "period")}
    if node.get("unimportant"):
        yield {"site": node["site"], "feature": "0"}
    if not root and not node.get("unimportant"):
        for simple in (identity, "0"):
            if node.get("feature") not in (identity, "0"):
                kept = {k: v for k, v in node.items() if k not in ("tolerance", "period", "sampler")}
                yield {**kept, "feature": simple}


def _tidy(graph: nx.DiGraph, root: str, nodes: list | None = None, edges: list | None = None) -> nx.DiGraph:
    smaller = graph.copy()
    smaller.remove_nodes_from(nodes or [])
    smaller.remove_edges_from(edges or [])
    keep = {root, *nx.ancestors(smaller, root)}
    smaller.remove_nodes_from([n for n in list(smaller) if n not in keep])
    for name in smaller:
        if not smaller.in_degree(name):
            smaller.nodes[name].pop("other", None)
    return smaller
