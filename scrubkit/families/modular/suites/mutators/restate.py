"""Restatements: the same truth said in other words.

A true hypothesis stays true when its classes are renamed or refined, when a node is split or two are merged,
when inputs are left implicit, or when what is known to be idle is said to be so. Label and method should
agree on these, and a method that tells them apart looks at the wrong thing.
"""

from __future__ import annotations

import networkx as nx
import numpy as np

from scrubkit.families.modular.suites.known import (
    POST,
    Known,
    inner,
    keys_of,
    pruned,
    root_of,
    thaw,
    with_key,
)


def rename_classes(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Write the sum's classes by other names: shifted, or multiplied by a number prime to p."""
    total = known.circles.sum
    chosen = [n for n in inner(graph) if total in graph.nodes[n]["feature"]]
    if not chosen:
        return None
    c = int(rng.integers(1, known.task.p))
    scale = int(rng.choice([m for m in range(2, known.task.p) if np.gcd(m, known.task.p) == 1]))
    renamed = f"({total} + {c}) % p" if rng.random() < 0.5 else f"({scale} * ({total})) % p"
    result = thaw(graph)
    for name in chosen:
        result.nodes[name]["feature"] = graph.nodes[name]["feature"].replace(total, renamed)
    return result


def refine(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Say a little more than is needed: beside the feature, an operand's residue modulo two or three."""
    del known
    chosen = [n for n in inner(graph) if not graph.nodes[n]["feature"].startswith("(a, b)")]
    if not chosen:
        return None
    more = f"{rng.choice(['a', 'b'])} % {int(rng.choice([2, 3]))}"
    result = thaw(graph)
    for name in chosen:
        feature = graph.nodes[name]["feature"]
        parts = feature[1:-1] if _is_tuple(feature) else feature
        result.nodes[name]["feature"] = f"({parts}, {more})"
    return result


def split_node(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Split a cluster into random halves; where only the whole carries the sum, this makes it false."""
    chosen = [n for n in inner(graph) if "cluster:" in graph.nodes[n]["site"]]
    if not chosen:
        return None
    name = str(rng.choice(chosen))
    site = graph.nodes[name]["site"]
    wanted = keys_of(site)["neurons"].replace("cluster:", "").split(",")
    members = sorted(i for k in wanted for i in known.truth.clusters[int(k)])
    if len(members) < 2:
        return None
    first = set(rng.choice(members, len(members) // 2, replace=False).tolist())
    result = thaw(graph)
    for i, half in enumerate((first, set(members) - first)):
        new = f"{name}_{i}"
        result.add_node(new, **graph.nodes[name])
        result.nodes[new]["site"] = with_key(site, "neurons", ",".join(map(str, sorted(half))))
        result.add_edges_from((m, new) for m in graph.predecessors(name))
        result.add_edges_from((new, n) for n in graph.successors(name))
    result.remove_node(name)
    return result


def merge_nodes(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Merge two nodes on one hook that say the same and are read and fed alike."""
    del known
    groups: dict[object, list[str]] = {}
    for name in graph:
        data = graph.nodes[name]
        keys = keys_of(data["site"])
        axis = next((key for key in ("neurons", "frequencies", "head") if key in keys), None)
        if axis is None or not graph.out_degree(name):
            continue
        fed = (tuple(sorted(graph.predecessors(name))), tuple(sorted(graph.successors(name))))
        rest = with_key(data["site"], axis, None)
        said = (data.get("feature"), str(data.get("tolerance")), data.get("unimportant", False))
        groups.setdefault((axis, rest, said, fed), []).append(name)
    chosen = [(key, names) for key, names in groups.items() if len(names) > 1]
    if not chosen:
        return None
    (axis, *_), names = chosen[int(rng.integers(len(chosen)))]  # pyright: ignore[reportGeneralTypeIssues]
    kept, gone = sorted(rng.choice(names, 2, replace=False).tolist())
    joined = ",".join(keys_of(graph.nodes[n]["site"])[axis] for n in (kept, gone))
    result = thaw(graph)
    result.nodes[kept]["site"] = with_key(graph.nodes[kept]["site"], axis, joined)
    result.remove_node(gone)
    return result


def leaves(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Leave implicit what the inner nodes read: each is evaluated wholly on its own draw."""
    del known, rng
    bare = [n for n in inner(graph) if graph.in_degree(n)]
    if not bare:
        return None
    result = thaw(graph)
    result.remove_edges_from(
        [(m, n) for n in bare for m in graph.predecessors(n) if n not in _readers(graph)]
    )
    smaller = pruned(result)
    return smaller if smaller.number_of_nodes() < graph.number_of_nodes() else None


def rest_unimportant(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Say that what the hypothesis leaves out does not matter: neurons of no cluster, a frequency not key."""
    root, result = root_of(graph), thaw(graph)
    sites = [graph.nodes[n]["site"] for n in graph.predecessors(root)]
    clusters = {i for members in known.truth.clusters.values() for i in members}
    if all(site.startswith(POST) for site in sites) and len(clusters) < known.config.d_mlp:
        site = f"{POST}[pos=-1, neurons=rest]"
    elif all(site.startswith("logits[frequencies") for site in sites) and known.unread:
        site = f"logits[frequencies={int(rng.choice(known.unread))}]"
    elif all(site.startswith("hook_embed") for site in sites) and known.unread:
        k = int(rng.choice(known.unread))
        site = f"hook_embed[pos={int(rng.integers(2))}, frequencies={k}]"
    else:
        return None
    result.add_node("rest", site=site, unimportant=True)
    result.add_edge("rest", root)
    return result


def _readers(graph: nx.DiGraph) -> set[str]:
    """Return the inner nodes that read other inner nodes."""
    within = set(inner(graph))
    return {n for m, n in graph.edges if m in within and n in within}


def _is_tuple(feature: str) -> bool:
    """Say whether a feature as written here is a tuple: a comma outside of inner brackets."""
    depth = 0
    for i, character in enumerate(feature):
        depth += (character == "(") - (character == ")")
        if depth == 0 and i < len(feature) - 1:
            return False
        if depth == 1 and character == ",":
            return True
    return False
