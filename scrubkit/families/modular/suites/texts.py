"""What is asked about arranged models: claims that are true of one arrangement, and relatives of them.

Nodes are named by slot, head and frequency, so that what a text says does not depend on the arrangement
that it was written for.
"""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx

from scrubkit.families.modular.suites.arranged import Arranged, slot_members
from scrubkit.families.modular.suites.known import POST, TOLERANCE, Known, Z

Told = tuple[str, nx.DiGraph]


def texts(spec: Arranged, known: Known) -> Iterator[Told]:
    """Yield claims that may be true of an arrangement, each with its grain."""
    yield from _clusters(spec, known)
    yield from _planes(known)
    yield from _heads(known)
    yield from _path(known)
    if spec.p <= 13:
        yield "frequencies", _frequencies(known)


def begin() -> nx.DiGraph:
    """Return a graph that holds the root alone."""
    # No task is named: texts are asked of models of several tasks.
    graph = nx.DiGraph(name="claim")
    graph.add_node("logits", site="logits")
    return graph


def node(graph: nx.DiGraph, name: str, site: str, feature: str | None = None) -> None:
    """Add a node that the logits read; without a feature it is called unimportant."""
    if feature is None:
        graph.add_node(name, site=site, unimportant=True)
    else:
        near = {"tolerance": [None, TOLERANCE]} if "cos" in feature and feature.count(",") == 1 else {}
        graph.add_node(name, site=site, feature=feature, **near)
    graph.add_edge(name, "logits")


def _carried(known: Known, k: int) -> str:
    return known.circles.pizza(k) if known.truth.variant == "pizza" else known.circles.sum


def finer(feature: str, more: str) -> str:
    """Return a feature that says one thing more."""
    return f"({feature[1:-1]}, {more})" if feature.startswith("((") else f"({feature}, {more})"


def _clusters(spec: Arranged, known: Known) -> Iterator[Told]:
    """Yield claims about slots of neurons: all that are used, with one changed, one more, or one less."""
    members = slot_members(spec)
    sites = [f"{POST}[pos=-1, neurons={','.join(map(str, m))}]" for m in members]
    carried = {spec.neurons[i]: _carried(known, k) for i, k in enumerate(sorted(spec.keys))}
    if spec.deciding:
        pairs = known.truth.distractors["memorised_pairs"]
        carried[spec.neurons[-1]] = " + ".join(
            f"{i + 1} * (a == {a} and b == {b})" for i, (a, b) in enumerate(pairs)
        )
    total = known.circles.sum

    def told(said: dict[int, str | None], *, operands: bool = False) -> nx.DiGraph:
        graph = begin()
        for slot, feature in sorted(said.items()):
            node(graph, f"slot_{slot}", sites[slot], feature)
        if operands:
            graph.add_node("a", site="hook_embed[pos=0]", feature="a")
            graph.add_node("b", site="hook_embed[pos=1]", feature="b")
            read = [f"slot_{slot}" for slot, feature in said.items() if feature is not None]
            graph.add_edges_from((x, node) for x in "ab" for node in read)
        return graph

    yield "clusters", told({**carried})
    yield "operands", told({**carried}, operands=True)
    for slot, feature in carried.items():
        if "cos" in feature or feature == total:
            yield "clusters", told({**carried, slot: total})
            yield "clusters", told({**carried, slot: f"({total}) // 2"})
            yield "clusters", told({**carried, slot: finer(feature, "a % 3")})
        yield "clusters", told({**carried, slot: "(a, b)"})
    for slot in range(spec.slots):
        if slot not in carried:
            yield "clusters", told({**carried, slot: None})
            yield "clusters", told({**carried, slot: total})
            yield "operands", told({**carried, slot: None}, operands=True)


def _planes(known: Known) -> Iterator[Told]:
    """Yield claims about planes of the logits."""
    keys, dead = known.truth.frequencies, tuple(known.truth.distractors.get("dead_frequencies", ()))

    def told(said: dict[int, str | None]) -> nx.DiGraph:
        graph = begin()
        for k, feature in sorted(said.items()):
            node(graph, f"plane_{k}", f"logits[frequencies={k}]", feature)
        return graph

    carried = {k: _carried(known, k) for k in keys}
    yield "planes", told({**carried})
    for k in keys:
        yield "planes", told({**carried, k: known.circles.sum})
        yield "planes", told({**carried, k: finer(carried[k], "b % 2")})
    for k in dead:
        yield "planes", told({**carried, k: None})


def _heads(known: Known) -> Iterator[Told]:
    """Yield claims about the heads that copy the operands."""
    copies = {h.role: h.head for h in known.truth.heads if h.role in ("copy-a", "copy-b", "sum")}
    decoys = known.heads("decoy")
    graph = begin()
    if "sum" in copies:
        node(graph, f"head_{copies['sum']}", f"{Z}[pos=-1, head={copies['sum']}]", "(a, b)")
    else:
        for x in "ab":
            node(graph, f"head_{copies[f'copy-{x}']}", f"{Z}[pos=-1, head={copies[f'copy-{x}']}]", x)
    yield "heads", graph
    more = graph.copy()
    node(more, f"head_{decoys[0]}", f"{Z}[pos=-1, head={decoys[0]}]")
    yield "heads", more


def _path(known: Known) -> Iterator[Told]:
    """Yield claims about all that the neurons write, and what goes past them."""
    for feature in (known.circles.sum, known.circles.pair):
        graph = begin()
        node(graph, "path", "blocks.0.hook_mlp_out[pos=-1]", feature)
        yield "path", graph
        past = graph.copy()
        node(past, "past", "blocks.0.hook_resid_mid[pos=-1]")
        yield "path", past


def _frequencies(known: Known) -> nx.DiGraph:
    graph = begin()
    for position, variable in enumerate("ab"):
        for k in known.truth.frequencies:
            node(graph, f"{variable}_{k}", f"hook_embed[pos={position}, frequencies={k}]", variable)
    return graph


def vacuous() -> Iterator[Told]:
    """Yield claims that hold whatever the weights are: nothing that is drawn can reach the output."""
    for where in ("blocks.0.hook_resid_mid[pos=-1]", "blocks.0.hook_resid_post[pos=-1]"):
        graph = begin()
        node(graph, "all", where, "(a, b)")
        yield "path", graph
    for first in ("a", "(a, b)"):
        graph = begin()
        node(graph, "first", "hook_embed[pos=0]", first)
        node(graph, "second", "hook_embed[pos=1]", "b")
        yield "operands", graph
