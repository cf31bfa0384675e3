"""Operators that leave the claims and move the sites: positions, clusters, neurons."""

from __future__ import annotations

import networkx as nx
import numpy as np

from scrubkit.families.modular.suites.known import POST, Known, inner, keys_of, thaw, with_key


def swap_positions(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Exchange the two operands' positions: a is looked for where b stands."""
    del known, rng
    result, changed = thaw(graph), False
    for name in graph:
        site = graph.nodes[name]["site"]
        position = keys_of(site).get("pos")
        if position in ("0", "1"):
            result.nodes[name]["site"] = with_key(site, "pos", "1" if position == "0" else "0")
            changed = True
    return result if changed else None


def exchange_clusters(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Exchange the neurons of two clusters; breaks what is said of each by its frequency."""
    del known
    chosen = _on_neurons(graph)

    def said(name: str) -> object:
        return graph.nodes[name].get("feature"), sorted(graph.predecessors(name)), sorted(graph[name])

    # Where the same is said of both, exchanging them is no change.
    pairs = [(m, n) for m in chosen for n in chosen if m < n and said(m) != said(n)]
    if not pairs:
        return None
    one, other = pairs[int(rng.integers(len(pairs)))]
    result = thaw(graph)
    result.nodes[one]["site"], result.nodes[other]["site"] = (
        graph.nodes[other]["site"],
        graph.nodes[one]["site"],
    )
    return result


def misassign_neurons(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Exchange a quarter, half or all of a cluster's neurons for as many of another or of none."""
    chosen = [n for n in _on_neurons(graph) if _members(graph.nodes[n]["site"], known)]
    claimed = {i for n in chosen for i in _members(graph.nodes[n]["site"], known)}
    if not chosen:
        return None
    name = str(rng.choice(chosen))
    members = _members(graph.nodes[name]["site"], known)
    beside = [n for n in chosen if n != name]
    count = max(1, round(len(members) * float(rng.choice([0.25, 0.5, 1.0]))))
    result = thaw(graph)
    loose = [i for i in range(known.config.d_mlp) if i not in claimed]
    if beside and (len(loose) < count or rng.random() < 0.5):
        other = str(rng.choice(beside))
        theirs = _members(graph.nodes[other]["site"], known)
        count = min(count, len(theirs), len(members))
        given, taken = (set(rng.choice(m, count, replace=False).tolist()) for m in (members, theirs))
        _assign(result, other, (set(theirs) - taken) | given)
    elif loose:
        count = min(count, len(loose))
        given = set(rng.choice(members, count, replace=False).tolist())
        taken = set(rng.choice(loose, count, replace=False).tolist())
    else:
        return None
    _assign(result, name, (set(members) - given) | taken)
    return result


def _on_neurons(graph: nx.DiGraph) -> list[str]:
    return [n for n in inner(graph) if graph.nodes[n]["site"].startswith(POST)]


def _members(site: str, known: Known) -> list[int]:
    """Return the neurons of a site that names clusters or lists indices, none for other sites."""
    members: list[int] = []
    for item in keys_of(site).get("neurons", "").split(","):
        if item.startswith("cluster:"):
            members += known.truth.clusters.get(int(item.removeprefix("cluster:")), ())
        elif item.isdecimal():
            members.append(int(item))
    return sorted(members)


def _assign(graph: nx.DiGraph, name: str, neurons: set[int]) -> None:
    site = graph.nodes[name]["site"]
    graph.nodes[name]["site"] = with_key(site, "neurons", ",".join(map(str, sorted(neurons))))
