"""True hypotheses: what is true of a model if its truth is, told at different sites.

Each family tells one part of a known algorithm as a hypothesis. It follows from the truth of a model;
whether it holds of the weights is for `scrubkit.bench.label` to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import networkx as nx

from scrubkit.families.modular.suites.known import POST, TOLERANCE, Known, Z

Maker = Callable[[Known], nx.DiGraph | None]


def true_hypotheses(known: Known) -> dict[str, nx.DiGraph]:
    """Return what can be told of a model, by family."""
    told = {family: make(known) for family, make in FAMILIES.items()}
    return {family: graph for family, graph in told.items() if graph is not None}


def begin(known: Known) -> nx.DiGraph:
    """Return a graph that holds the root alone."""
    graph = nx.DiGraph(name="story", task=known.task.name)
    graph.add_node("logits", site="logits")
    return graph


def operands(graph: nx.DiGraph) -> None:
    """Add the whole embeddings of both operands."""
    graph.add_node("a", site="hook_embed[pos=0]", feature="a")
    graph.add_node("b", site="hook_embed[pos=1]", feature="b")


def claim(known: Known, k: int) -> dict[str, object]:
    """Return the feature of what serves a key frequency, with its tolerance."""
    if known.truth.variant != "pizza":
        return {"feature": known.circles.sum}
    feature = known.circles.pizza(k)
    # Where the operands are renamed the feature is the unordered pair, which is exact.
    return {"feature": feature, **({"tolerance": [None, TOLERANCE]} if "cos" in feature else {})}


def clusters(known: Known) -> nx.DiGraph | None:
    """Each cluster of neurons reads both operands and hands the logits a function of the sum."""
    if not known.truth.clusters:
        return None
    graph = begin(known)
    operands(graph)
    for k in known.truth.clusters:
        graph.add_node(f"cluster_{k}", site=f"{POST}[pos=-1, neurons=cluster:{k}]", **claim(known, k))
        graph.add_edges_from([("a", f"cluster_{k}"), ("b", f"cluster_{k}"), (f"cluster_{k}", "logits")])
    return graph


def planes(known: Known) -> nx.DiGraph:
    """The logits are a sum of key frequencies, each a function of the sum; the others do not matter."""
    graph = begin(known)
    operands(graph)
    for k in known.truth.frequencies:
        graph.add_node(f"plane_{k}", site=f"logits[frequencies={k}]", **claim(known, k))
        graph.add_edges_from([("a", f"plane_{k}"), ("b", f"plane_{k}"), (f"plane_{k}", "logits")])
    return graph


def frequencies(known: Known) -> nx.DiGraph:
    """Of the embedding only the key frequencies are read."""
    graph = begin(known)
    for position, variable in enumerate(known.task.variables):
        for k in known.read:
            name = f"{variable}_{k}"
            graph.add_node(name, site=f"hook_embed[pos={position}, frequencies={k}]", feature=variable)
            graph.add_edge(name, "logits")
    return graph


def heads(known: Known) -> nx.DiGraph | None:
    """The heads in use bring the operands, and no other head and no skip path matters."""
    idle = known.heads("idle", "decoy")
    used = [h for h in range(known.config.n_heads) if h not in idle]
    carried = {c.site: c.feature for c in known.truth.statements}
    graph = begin(known)
    operands(graph)
    for h in used:
        site = f"{Z}[pos=-1, head={h}]"
        feature = carried.get(site, "(a, b)")
        graph.add_node(f"head_{h}", site=site, feature=feature)
        graph.add_edge(f"head_{h}", "logits")
        graph.add_edges_from((variable, f"head_{h}") for variable in ("a", "b") if variable in feature)
    for h in idle:
        graph.add_node(f"idle_{h}", site=f"{Z}[pos=-1, head={h}]", unimportant=True)
        graph.add_edge(f"idle_{h}", "logits")
    return graph


def skip(known: Known) -> nx.DiGraph:
    """One path carries the sum, and what goes past it does not matter.

    The path is a leaf: what goes past the neurons is also what they read, and a site that is mapped keeps its
    value for every reader.
    """
    graph = begin(known)
    feature = known.circles.pair if known.truth.variant == "pizza" else known.circles.sum
    by_neurons = known.truth.variant != "clock-attention"
    path, past = ("hook_mlp_out", "hook_resid_mid") if by_neurons else ("hook_attn_out", "hook_mlp_out")
    graph.add_node("path", site=f"blocks.0.{path}[pos=-1]", feature=feature)
    graph.add_node("past", site=f"blocks.0.{past}[pos=-1]", unimportant=True)
    graph.add_edges_from([("path", "logits"), ("past", "logits")])
    return graph


def full(known: Known) -> nx.DiGraph | None:
    """Each key frequency goes its own way: from its part of the embedding, by its circuit, into its plane."""
    graph = begin(known)
    for k, read in known.embedded.items():
        if known.truth.clusters.get(k):
            site = f"{POST}[pos=-1, neurons=cluster:{k}]"
        elif f"plane:{k}" in known.truth.subspaces:
            site = f"blocks.0.hook_attn_out[pos=-1, subspace=plane:{k}]"
        else:
            return None
        graph.add_node(f"circuit_{k}", site=site, **claim(known, k))
        graph.add_node(f"plane_{k}", site=f"logits[frequencies={k}]", **claim(known, k))
        for position, variable in enumerate(known.task.variables):
            listed = ",".join(map(str, read))
            name = f"{variable}_{k}"
            graph.add_node(name, site=f"hook_embed[pos={position}, frequencies={listed}]", feature=variable)
            graph.add_edge(name, f"circuit_{k}")
        graph.add_edges_from([(f"circuit_{k}", f"plane_{k}"), (f"plane_{k}", "logits")])
    return graph


FAMILIES: Mapping[str, Maker] = {
    "clusters": clusters,
    "planes": planes,
    "frequencies": frequencies,
    "heads": heads,
    "skip": skip,
    "full": full,
}
"""Family to what makes its hypothesis."""
