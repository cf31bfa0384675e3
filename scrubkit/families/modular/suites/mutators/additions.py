"""Operators that add what does not belong: decoys claimed as important, one half of a pair that cancels."""

from __future__ import annotations

import networkx as nx
import numpy as np

from scrubkit.families.modular.suites.known import POST, Known, Z, inner, root_of, thaw, with_key


def decoy_neurons(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Add neurons that do not reach the logits as ones that matter: a superset of the truth."""
    decoys = known.truth.neuron_roles.get("decoy", ())
    if not decoys:
        claimed = {i for members in known.truth.clusters.values() for i in members}
        claimed |= {i for members in known.truth.neuron_roles.values() for i in members}
        decoys = tuple(i for i in range(known.config.d_mlp) if i not in claimed)
    root = root_of(graph)
    taken = [graph.nodes[n]["site"] for n in graph.predecessors(root)]
    if not decoys or not any(site.startswith(POST) and "neurons" in site for site in taken):
        return None
    chosen = sorted(rng.choice(decoys, min(len(decoys), int(rng.integers(2, 7))), replace=False).tolist())
    result = thaw(graph)
    site = with_key(f"{POST}[pos=-1]", "neurons", ",".join(map(str, chosen)))
    result.add_node("decoys", site=site, feature=known.circles.sum)
    result.add_edges_from([(source, "decoys") for source in ("a", "b") if source in graph])
    result.add_edge("decoys", root)
    return result


def decoy_head(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Say of a head that writes nothing that it matters."""
    decoys = known.heads("decoy", "idle")
    names = {graph.nodes[n]["site"]: n for n in graph}
    if not decoys or not any(site.startswith(Z) for site in names):
        return None
    head = int(rng.choice(decoys))
    site, result = f"{Z}[pos=-1, head={head}]", thaw(graph)
    name = names.get(site, f"head_{head}")
    result.add_node(name, site=site, feature="(a, b)")
    result.nodes[name].pop("unimportant", None)
    result.add_edge(name, root_of(graph))
    return result


def one_of_cancelling(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Leave one head of a pair that cancels out of the claim, or give it a feature that is too coarse."""
    pairs = known.heads("cancelling")
    chosen = [n for n in inner(graph) if graph.nodes[n]["site"] in {f"{Z}[pos=-1, head={h}]" for h in pairs}]
    if not chosen:
        return None
    name, result = str(rng.choice(chosen)), thaw(graph)
    if rng.random() < 0.5:
        result.remove_node(name)
    else:
        result.nodes[name]["feature"] = known.circles.sum
    return result
