"""Random hypotheses over every hook, key, policy and kind of edge, on transformers.

Nodes that are scattered at random seldom make a rare rule of the definition matter: that a mapped site which
its reader does not read is held, say, needs a site between a node and a reader that both leave it out. So
most hypotheses start from a motif (`motifs`) in which one such rule matters, and further nodes are
scattered around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import networkx as nx
import numpy as np

from tests.oracle.adapter import Subject
from tests.oracle.motifs import MOTIFS
from tests.oracle.parts import disjoint
from tests.oracle.sitemaker import SiteMaker


def left_operand(tokens: Any) -> Any:
    """The first token, as a callable that hypotheses may have for a feature."""
    return tokens[:, 0]


def parities(tokens: Any) -> Any:
    """Two components: the parity of each operand."""
    return tokens[:, :2] % 2


def product(tokens: Any) -> Any:
    """The operands multiplied, as real numbers."""
    return tokens[:, 0] * tokens[:, 1] / 2


FEATURES: tuple[dict[str, Any], ...] = (
    *({"feature": text} for text in ("a", "b", "(a + b) % p", "(a - b) % p", "(a, b)", "0", "a % 2")),
    *({"feature": text} for text in ("min(a, b)", "a * b % p", "max(a, b) // 2", "a < b", "(a % 2, b % 2)")),
    {"feature": "cos(2 * pi * (a + b) / p)"},
    {"feature": "cos(2 * pi * (a + b) / p)", "tolerance": 0.53},
    {"feature": "((a + b) % p, abs(cos(pi * (a - b) / p)))", "tolerance": [None, 0.31]},
    {"feature": "a", "tolerance": 1},
    {"feature": "(a, b)", "tolerance": [1, None]},
    {"feature": "b", "tolerance": 1, "period": "p"},
    {"feature": "(a, b)", "tolerance": [1.5, 1], "period": ["p", None]},
    {"feature": left_operand},
    {"feature": parities},
    {"feature": product, "tolerance": 1},
)

_makers: dict[str, SiteMaker] = {}


def random_claim(rng: np.random.Generator, subject: Subject) -> nx.DiGraph:
    """Draw a hypothesis on a transformer: a motif, and up to four nodes around it."""
    maker = _makers.setdefault(subject.name, SiteMaker(subject.machine))
    graph = nx.DiGraph(name="random", task=subject.extra["task"])
    graph.add_node("root", site="logits")
    MOTIFS[int(rng.integers(len(MOTIFS)))](rng, graph, maker)
    fewest = 0 if len(graph) > 1 else 1
    for i in range(int(rng.integers(fewest, 5))):
        near = [graph.nodes[n]["site"].split("[")[0] for n in list(graph)[1:]] if rng.random() < 0.4 else []
        near = near or [None]
        site = maker.draw(rng, near[int(rng.integers(len(near)))])
        _attach(rng, graph, f"n{i}", site, maker)
    p = subject.machine.domain.constants["p"]
    finish(rng, graph, [_with_p(dict(f), p) for f in FEATURES], subject.machine.domain.n)
    used = {n for n in maker.named if any(f"subspace={n}]" in graph.nodes[m]["site"] for m in graph)}
    graph.graph["subspaces"] = {name: maker.named[name] for name in sorted(used)}
    return graph


def _with_p(attributes: dict[str, Any], p: float) -> dict[str, Any]:
    period = attributes.get("period")
    if period is not None:
        attributes["period"] = [p if k == "p" else k for k in period] if isinstance(period, list) else p
    return attributes


def _attach(rng: np.random.Generator, graph: nx.DiGraph, name: str, site: str, maker: SiteMaker) -> None:
    """Add a node below one or two of the readers that it reaches, if there are any."""
    part = maker.part(site)
    readers = [
        n
        for n in graph
        if not graph.nodes[n].get("unimportant")
        and maker.reaches(site, graph.nodes[n]["site"])
        and all(disjoint(part, maker.part(graph.nodes[m]["site"])) for m in graph.predecessors(n))
    ]
    if not readers:
        return
    graph.add_node(name, site=site)
    if rng.random() < 0.12:
        graph.nodes[name]["unimportant"] = True
    count = 1 + (rng.random() < 0.3)
    for reader in rng.permutation(readers)[:count]:
        graph.add_edge(name, str(reader), paths="direct" if rng.random() < 0.3 else "all")


def finish(
    rng: np.random.Generator, graph: nx.DiGraph, features: Sequence[dict[str, Any]], n_inputs: int
) -> None:
    """Give every node the feature and the policies that it does not have yet."""
    for name in graph:
        node = graph.nodes[name]
        if graph.in_degree(name) and not node.get("unimportant") and "other" not in node:
            node["other"] = str(
                rng.choice(
                    ["uniform", "exact", "exact", "together:g", "together:h"], p=[0.25, 0.3, 0.25, 0.15, 0.05]
                )
            )
        if name == "root":
            node |= features[int(rng.integers(len(features)))] if rng.random() < 0.5 else {}
            continue
        if node.get("unimportant") or "feature" in node:
            continue
        node |= features[int(rng.integers(len(features)))]
        kind = rng.random()
        if kind < 0.1:
            node["sampler"] = "uniform"
        elif kind < 0.25:
            node["sampler"] = "exact"
        elif kind < 0.33:
            node["sampler"] = [int(r) for r in rng.integers(n_inputs, size=3)]
        if "sampler" in node and rng.random() < 0.5 and kind < 0.25:
            for key in ("feature", "tolerance", "period"):
                node.pop(key, None)
