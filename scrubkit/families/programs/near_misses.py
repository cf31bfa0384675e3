"""Near misses: claims that differ from a given one in one thing.

Whether a near miss is false is for its label to say: some changes make no difference.
"""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx

from scrubkit.core.feature import parse
from scrubkit.families.programs.claims import ROOT, changed
from scrubkit.families.programs.express import express
from scrubkit.families.programs.graph import Program


def near_misses(program: Program, claim: nx.DiGraph) -> Iterator[tuple[str, nx.DiGraph]]:
    """Yield changed claims, each with the name of the change.

    - ``constant``: a node's feature is constant, so that its value is drawn from all;
    - ``coarser``: a feature of one component is taken mod 2;
    - ``other``: a feature is that of another variable;
    - ``elsewhere``: a node names another variable, its feature unchanged;
    - ``dropped``: a node is left out, and its parents feed its readers;
    - ``unimportant``: a node is called unimportant;
    - ``idle``: a variable is added that nothing mentions, read by the root alone.
    """
    nodes = [node for node in claim if node != ROOT]
    free = [name for name in program.variables if name not in {claim.nodes[n]["variable"] for n in nodes}]
    for node in nodes:
        yield f"constant {node}", changed(claim, node, feature="0")
        feature = claim.nodes[node]["feature"]
        components, _ = parse(feature).size
        if components == 1 and program.variables[claim.nodes[node]["variable"]].size > 2:
            yield f"coarser {node}", changed(claim, node, feature=f"({feature}) % 2")
        for other in nodes:
            if other != node:
                yield f"other {node} {other}", changed(claim, node, feature=claim.nodes[other]["feature"])
        for name in free:
            if _fits(program, claim, node, name):
                yield f"elsewhere {node} {name}", changed(claim, node, variable=name)
        if len(nodes) > 1:
            yield f"dropped {node}", _without(claim, node)
            yield f"unimportant {node}", changed(claim, node, unimportant=True)
    for name in free:
        added = claim.copy()
        added.add_node(name, variable=name, feature=express(program, name))
        added.add_edge(name, ROOT)
        yield f"idle {name}", added


def _without(claim: nx.DiGraph, node: str) -> nx.DiGraph:
    left = claim.copy()
    left.add_edges_from((m, r) for m in claim.predecessors(node) for r in claim.successors(node))
    left.remove_node(node)
    return left


def _fits(program: Program, claim: nx.DiGraph, node: str, name: str) -> bool:
    """Say whether a variable lies downstream of a node's parents and upstream of its readers."""
    parents = [claim.nodes[m]["variable"] for m in claim.predecessors(node)]
    readers = [claim.nodes[r]["variable"] for r in claim.successors(node) if r != ROOT]
    return all(p in program.ancestors[name] for p in parents) and all(
        name in program.ancestors[r] for r in readers
    )
