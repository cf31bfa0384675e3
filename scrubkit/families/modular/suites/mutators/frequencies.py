"""Operators on the frequencies that a hypothesis names.

Frequency is invisible to partitions, so these move sites: components of the embedding, planes of the logits,
clusters.
"""

from __future__ import annotations

import networkx as nx
import numpy as np

from scrubkit.families.modular.suites.known import (
    POST,
    Known,
    keys_of,
    mapped,
    pruned,
    root_of,
    thaw,
    with_key,
)


def drop_frequency(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Leave one key frequency out wherever it is named: what it carries is claimed not to matter."""
    k = int(rng.choice(known.truth.frequencies))
    gone = known.embedded[k]
    result = thaw(graph)
    changed = False
    for name in mapped(graph):
        named = _named(graph.nodes[name]["site"])
        if not named or not set(named) & {k, *gone}:
            continue
        changed = True
        kept = [j for j in named if j not in (k, *gone)]
        if kept and "frequencies" in keys_of(graph.nodes[name]["site"]):
            result.nodes[name]["site"] = _naming(graph.nodes[name]["site"], kept)
        else:
            result.remove_node(name)
    return pruned(result) if changed and "logits" in result and result.in_degree("logits") else None


def wrong_frequency(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Name a frequency that is not key in the place of one that is, at the embedding and at the logits."""
    if not known.unread:
        return None
    right = int(rng.choice(known.truth.frequencies))
    wrong = int(rng.choice(known.unread))
    gone = known.embedded[right]
    result, changed = thaw(graph), False
    for name in mapped(graph):
        site = graph.nodes[name]["site"]
        if "frequencies" not in keys_of(site):
            continue
        named = _named(site)
        instead = sorted({wrong if j in (right, *gone) else j for j in named})
        changed |= instead != named
        result.nodes[name]["site"] = _naming(site, instead)
    return result if changed else None


def extra_frequency(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Name a frequency that is not key beside the right ones, as one that matters."""
    if not known.unread:
        return None
    extra = int(rng.choice(known.unread[: 1 + len(known.unread) // 2]))
    result, root = thaw(graph), root_of(graph)
    added = False
    models: dict[str, str] = {}
    for name in graph.predecessors(root):
        site = graph.nodes[name]["site"]
        if "frequencies" in keys_of(site) and not graph.nodes[name].get("unimportant"):
            models.setdefault(with_key(site, "frequencies", None), name)
    for name in models.values():
        new = f"extra_{name}"
        attributes = dict(graph.nodes[name])
        attributes["site"] = _naming(attributes["site"], [extra])
        result.add_node(new, **attributes)
        # Only whole operands are read by the newcomer: another frequency's circuit is no source of it.
        result.add_edges_from((source, new) for source in graph.predecessors(name) if source in ("a", "b"))
        result.add_edge(new, root)
        added = True
    return result if added else None


def other_seed(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Take frequencies and clusters from the truth of another seed."""
    del rng
    if known.other is None:
        return None
    pairs = dict(zip(known.truth.frequencies, known.other.frequencies, strict=False))
    result = thaw(graph)
    for name in mapped(graph):
        site = graph.nodes[name]["site"]
        named = _named(site)
        if not named:
            continue
        if any(known.truth.frequencies and j not in pairs for j in named):
            result.remove_node(name)
        elif "frequencies" in keys_of(site):
            result.nodes[name]["site"] = _naming(site, sorted(pairs[j] for j in named))
        else:
            neurons = sorted({i for j in named for i in known.other.clusters.get(pairs[j], ())})
            if not neurons or max(neurons) >= known.config.d_mlp:
                return None
            result.nodes[name]["site"] = with_key(site, "neurons", ",".join(map(str, neurons)))
    same = dict(graph.nodes(data="site")) == dict(result.nodes(data="site"))
    return pruned(result) if not same and result.in_degree("logits") else None


def _named(site: str) -> list[int]:
    """Return the frequencies that a site names, itself or by its cluster."""
    keys = keys_of(site)
    if "frequencies" in keys:
        return [int(k) for k in keys["frequencies"].split(",")]
    if site.startswith(POST) and keys.get("neurons", "").startswith("cluster:"):
        return [int(k) for k in keys["neurons"].replace("cluster:", "").split(",")]
    return []


def _naming(site: str, frequencies: list[int]) -> str:
    return with_key(site, "frequencies", ",".join(map(str, frequencies)))
