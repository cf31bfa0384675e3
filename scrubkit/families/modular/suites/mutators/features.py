"""Operators on features: the right site is said to carry something else.

Those of the sum replace the task's own sum wherever a feature holds it, at one node or at all of them.
"""

from __future__ import annotations

import networkx as nx
import numpy as np

from scrubkit.families.modular.suites.known import TOLERANCE, Known, inner, thaw


def difference(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Say a - b for a + b (and the reverse for subtraction, a quotient's stand-in for the product)."""
    wrong = {"(a + b) % p": "(a - b) % p", "(a - b) % p": "(a + b) % p"}
    return _replace(graph, known, rng, wrong.get(known.circles.sum, "(a + b) % p"))


def one_operand(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Say one operand for the sum."""
    return _replace(graph, known, rng, str(rng.choice(["a", "b"])))


def scaled_operand(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Say 2a + b for a + b."""
    return _replace(graph, known, rng, "(2 * a + b) % p")


def coarser(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Say the sum to the nearest two, three or five: too little for the site, if not by much."""
    return _replace(graph, known, rng, f"({known.circles.sum}) // {int(rng.choice([2, 3, 5]))}")


def shifted(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Say a + b + 1: another name for the same classes, and so an equivalent mutant."""
    if not any(known.circles.sum in graph.nodes[n]["feature"] for n in inner(graph)):
        return None
    return _replace(graph, known, rng, f"({known.circles.sum} + 1) % p", pairs=False)


def clock_for_pizza(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Say of a pizza what is true of a clock: each frequency depends on the sum alone."""
    del rng
    if known.truth.variant != "pizza":
        return None
    result, changed = thaw(graph), False
    for name in inner(graph):
        attributes = result.nodes[name]
        if attributes["feature"] in _pizza_features(known):
            attributes["feature"] = known.circles.sum
            attributes.pop("tolerance", None)
            changed = True
    return result if changed else None


def pizza_for_clock(graph: nx.DiGraph, known: Known, rng: np.random.Generator) -> nx.DiGraph | None:
    """Say of a frequency the |cos| of a pizza; of a pizza, that of another frequency.

    Beside the sum, |cos| is a finer feature that a clock does not need and that makes nothing false. Instead
    of the sum it leaves the answer out.
    """
    if known.circles.pizza(1) == known.circles.pair:
        return None
    result = thaw(graph)
    named = {known.circles.pizza(k): k for k in range(1, known.highest + 1)}
    chosen = [n for n in inner(graph) if graph.nodes[n]["feature"] in {*named, known.circles.sum}]
    if not chosen:
        return None
    for name in chosen:
        attributes = result.nodes[name]
        own = named.get(attributes["feature"])
        k = int(rng.choice([j for j in range(1, known.highest + 1) if j != own]))
        whole = known.circles.pizza(k)
        only = own is None and rng.random() < 0.5
        attributes["feature"] = whole[len(f"({known.circles.sum}, ") : -1] if only else whole
        attributes["tolerance"] = [TOLERANCE] if only else [None, TOLERANCE]
    return result


def _replace(
    graph: nx.DiGraph, known: Known, rng: np.random.Generator, feature: str, *, pairs: bool = True
) -> nx.DiGraph | None:
    """Replace the sum (and the pair) by another feature at one node that names it, or at all of them."""
    total = known.circles.sum
    chosen = [n for n in inner(graph) if total in graph.nodes[n]["feature"]]
    if pairs:
        said = {n: graph.nodes[n]["feature"] for n in inner(graph) if n not in chosen}
        chosen += [n for n, own in said.items() if own == known.circles.pair]
    if not chosen:
        return None
    if rng.random() < 0.5:
        chosen = [str(rng.choice(chosen))]
    result = thaw(graph)
    for name in chosen:
        own = graph.nodes[name]["feature"]
        result.nodes[name]["feature"] = own.replace(total, feature) if total in own else feature
    return result


def _pizza_features(known: Known) -> set[str]:
    return {known.circles.pair, *(known.circles.pizza(k) for k in known.truth.frequencies)}
