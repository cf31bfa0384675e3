"""Small graphs in each of which one rule of the definition matters, as cores of random hypotheses.

Every motif tries random sites until the rule can matter, by trial with noise, and adds nothing where it does
not find any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import networkx as nx
import numpy as np

from tests.oracle.net import owner
from tests.oracle.parts import disjoint, within
from tests.oracle.sitemaker import SiteMaker

TRIES = 60
COARSE = ("0", "a", "b", "(a + b) % p", "a % 2")
Motif = Callable[[np.random.Generator, nx.DiGraph, SiteMaker], None]


def nothing(rng: np.random.Generator, graph: nx.DiGraph, maker: SiteMaker) -> None:
    """Leave everything to chance."""


def held(rng: np.random.Generator, graph: nx.DiGraph, maker: SiteMaker) -> None:
    """A mapped site that the root does not read, on a path from what it reads: it is held."""
    for early, middle, beside in _triples(rng, maker):
        if not (maker.reaches(early, middle) and maker.reaches(middle, beside)):
            continue
        if not _read_together(maker, [early, beside]):
            continue
        if maker.part(middle).hook == "logits" or not _clear(maker, [middle], [early, beside]):
            continue
        blocked = maker.moved([early], [middle, beside], "logits")
        if np.abs(maker.moved([early], [beside], "logits") - blocked).max() < 1e-6 and rng.random() < 0.9:
            continue
        graph.add_node("early", site=early, feature=str(rng.choice(COARSE)))
        graph.add_node("middle", site=middle)
        graph.add_node("beside", site=beside)
        graph.add_edge("early", "root", paths="direct" if rng.random() < 0.1 else "all")
        graph.add_edges_from([("middle", "beside"), ("beside", "root")])
        graph.nodes["root"]["other"] = str(rng.choice(["exact", "uniform"]))
        return


def nested(rng: np.random.Generator, graph: nx.DiGraph, maker: SiteMaker) -> None:
    """A part of a hook that a node on the whole of it, or on more of it, reads."""
    kinds = ["hook_embed", "hook_embed", "logits"] if rng.random() < 0.8 else maker.hooks
    for _ in range(TRIES):
        hook = str(rng.choice(kinds))
        small, big = maker.draw(rng, hook), maker.draw(rng, hook)
        if not maker.reaches(small, big) or not maker.reaches(big, "logits"):
            continue
        graph.add_node("small", site=small, feature=str(rng.choice(COARSE)))
        graph.add_node("big", site=big)
        graph.add_edges_from([("small", "big"), ("big", "root")])
        graph.nodes["big"]["other"] = graph.nodes["root"]["other"] = "exact"
        return


def whole_over_part(rng: np.random.Generator, graph: nx.DiGraph, maker: SiteMaker) -> None:
    """A part that one node reads and the whole that another does: what is not read is held."""
    for _ in range(TRIES):
        hook = "hook_embed" if rng.random() < 0.3 else str(rng.choice(maker.hooks))
        one, two, beside = maker.draw(rng, hook), maker.draw(rng, hook), maker.draw(rng)
        nested_parts = within(maker.part(one), maker.part(two)) and not within(
            maker.part(two), maker.part(one)
        )
        if not nested_parts or not maker.reaches(two, beside) or not maker.reaches(one, beside):
            continue
        own, others = (one, two) if rng.random() < 0.5 else (two, one)
        if not maker.reaches(own, "logits") or not _read_together(maker, [own, beside]):
            continue
        graph.add_node("own", site=own, feature=str(rng.choice(COARSE)))
        graph.add_node("others", site=others)
        graph.add_node("beside", site=beside)
        graph.add_edges_from([("own", "root"), ("others", "beside"), ("beside", "root")])
        graph.nodes["root"]["other"] = "exact"
        return


def mixed_depth(rng: np.random.Generator, graph: nx.DiGraph, maker: SiteMaker) -> None:
    """Two or three direct edges of different depth into one reader, one of them past what lies between."""
    reader = "root"
    if rng.random() < 0.5:
        # Inside of an attention or MLP the component itself feels a direct edge.
        site = maker.draw(rng, str(rng.choice([hook for hook in maker.hooks if owner(hook)])))
        if maker.reaches(site, "logits"):
            reader = "reader"
            graph.add_node(reader, site=site, feature=str(rng.choice(COARSE)))
            graph.add_edge(reader, "root")
    to = graph.nodes[reader]["site"]
    chosen: list[str] = []
    for _ in range(TRIES):
        site = maker.draw(rng, str(rng.choice(maker.before(maker.part(to).hook))))
        known = [maker.part(other) for other in chosen]
        deep = {(owner(part.hook), part.hook) for part in known}
        fresh = (owner(maker.part(site).hook), maker.part(site).hook) not in deep
        if fresh and maker.reaches(site, to) and _clear(maker, [site], chosen):
            chosen.append(site)
        if len(chosen) == 2 + (rng.random() < 0.3):
            break
    for i, site in enumerate(chosen):
        graph.add_node(f"d{i}", site=site, feature=str(rng.choice([*COARSE, "(a, b)"])))
        graph.add_edge(f"d{i}", reader, paths="direct" if rng.random() < 0.85 else "all")
    if chosen:
        graph.nodes[reader]["other"] = str(rng.choice(["exact", "uniform"]))


def shared(rng: np.random.Generator, graph: nx.DiGraph, maker: SiteMaker) -> None:
    """A node that two readers read: it is drawn afresh for each."""
    for low, one, two in _triples(rng, maker):
        if not (maker.reaches(low, one) and maker.reaches(low, two)) or not _read_together(maker, [one, two]):
            continue
        graph.add_node("low", site=low, feature=str(rng.choice(COARSE)))
        graph.add_nodes_from([("one", {"site": one}), ("two", {"site": two})])
        graph.add_edges_from([("low", "one"), ("low", "two"), ("one", "root"), ("two", "root")])
        for name in ("one", "two"):
            graph.nodes[name].update(feature=str(rng.choice(["(a, b)", "a", "0"])), other="exact")
        graph.nodes["root"]["other"] = "exact"
        return


def together(rng: np.random.Generator, graph: nx.DiGraph, maker: SiteMaker) -> None:
    """Two readers whose rests are drawn together."""
    for low, one, two in _triples(rng, maker):
        if not maker.reaches(low, one) or not _read_together(maker, [one, two]):
            continue
        graph.add_node("low", site=low, feature=str(rng.choice(["0", "a"])))
        graph.add_node("one", site=one, feature="(a, b)", other="together:g")
        graph.add_edges_from([("low", "one"), ("one", "root")])
        graph.nodes["root"]["other"] = "together:g"
        if maker.reaches(low, two) and rng.random() < 0.7:
            graph.add_node("two", site=two, feature="(a, b)", other="together:g")
            graph.add_edges_from([("low", "two"), ("two", "root")])
        return


def dispensable(rng: np.random.Generator, graph: nx.DiGraph, maker: SiteMaker) -> None:
    """A site that is called unimportant, behind one that is read: it is pinned to the other draw."""
    for early, late, beside in _triples(rng, maker):
        if not maker.reaches(early, late) or not _read_together(maker, [early, late]):
            continue
        graph.add_node("early", site=early, feature=str(rng.choice(COARSE)))
        graph.add_node("late", site=late, unimportant=True)
        graph.add_edges_from([("early", "root"), ("late", "root")])
        if _read_together(maker, [early, late, beside]):
            graph.add_node("beside", site=beside, feature=str(rng.choice(COARSE)))
            graph.add_edge("beside", "root")
        graph.nodes["root"]["other"] = str(rng.choice(["exact", "uniform", "uniform", "together:g"]))
        return


def _triples(rng: np.random.Generator, maker: SiteMaker) -> Iterator[tuple[str, str, str]]:
    """Yield three sites in the order in which their hooks are computed."""
    for _ in range(TRIES):
        places = sorted(int(i) for i in rng.integers(len(maker.hooks) - 1, size=3))
        one, two, three = (maker.draw(rng, maker.hooks[i]) for i in places)
        yield one, two, three


def _read_together(maker: SiteMaker, sites: list[str]) -> bool:
    """Say whether the root can read all of some sites at once."""
    if not all(maker.reaches(site, "logits") for site in sites):
        return False
    return all(_clear(maker, [site], sites[:i]) for i, site in enumerate(sites))


def _clear(maker: SiteMaker, some: list[str], others: list[str]) -> bool:
    return all(disjoint(maker.part(one), maker.part(two)) for one in some for two in others)


MOTIFS: tuple[Motif, ...] = (
    *(nothing, nothing),
    *(held, held, held, nested, nested, nested, whole_over_part),
    *(mixed_depth, mixed_depth, shared, shared, together, together, dispensable),
)
