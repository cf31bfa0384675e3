"""Operators on the shape of a claim: what is read, what is left out, what is said not to matter."""

from __future__ import annotations

import networkx as nx
import numpy as np

from scrubkit.families.modular.suites.known import Known, mapped, pruned, root_of, thaw


def drop_node(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Leave a node out: its readers are claimed not to need it."""
    del known
    chosen = mapped(graph)
    if len(chosen) < 2:
        return None
    result = thaw(graph)
    result.remove_node(str(rng.choice(chosen)))
    return pruned(result) if result.in_degree(root_of(graph)) else None


def drop_edge(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Leave an edge out: one reader is claimed not to need what another may still read."""
    del known
    chosen = [
        (m, n) for m, n in graph.edges if graph.in_degree(n) > 1 and not graph.nodes[m].get("unimportant")
    ]
    if not chosen:
        return None
    result = thaw(graph)
    result.remove_edge(*chosen[int(rng.integers(len(chosen)))])
    return pruned(result) if result.in_degree(root_of(graph)) else None


def needed_unimportant(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Reverse the claim of relevance: something needed is said not to matter."""
    del known
    chosen = [n for n in mapped(graph) if graph.out_degree(n) == 1]
    if len(chosen) < 2:
        return None
    name = str(rng.choice(chosen))
    result = thaw(graph)
    site = graph.nodes[name]["site"]
    reader = next(iter(graph.successors(name)))
    result.remove_node(name)
    result.add_node(name, site=site, unimportant=True)
    result.add_edge(name, reader)
    result = pruned(result)
    return (
        result if any(not result.nodes[m].get("unimportant") for m in result.predecessors(reader)) else None
    )


def skip_matters(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Reverse the claim of irrelevance: what is said not to matter is said to carry both operands."""
    chosen = [n for n in graph if graph.nodes[n].get("unimportant")]
    if not chosen:
        return None
    result = thaw(graph)
    name = str(rng.choice(chosen))
    site = graph.nodes[name]["site"]
    result.nodes[name].clear()
    result.nodes[name].update(site=site, feature=known.circles.sum)
    return result


def everything_in_one(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Put everything in one node with both operands known, or in the root alone: nothing is tested."""
    del known
    result = nx.DiGraph(**graph.graph)
    root = root_of(graph)
    result.add_node(root, **graph.nodes[root])
    if rng.random() < 0.7:
        site = str(rng.choice(["blocks.0.hook_resid_mid[pos=-1]", "blocks.0.hook_resid_post[pos=-1]"]))
        result.add_node("all", site=site, feature=str(rng.choice(["(a, b)", "a + p * b"])))
        result.add_edge("all", root)
    return result
