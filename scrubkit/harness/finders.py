"""From a finder's importances to figures: does it rank what the truth graph holds above the rest?

A site that it names is right if it shares numbers with a site of the truth that matters; the output of an MLP
stands for the neurons that write it. A site of the truth that it could have named, because a component of
the model (an embedding, a head, a neuron) or a site that it named shares numbers with it, and did not,
counts as found last. One that no component covers, such as the residual stream between two layers, is no miss
of a finder of components: the share of sites that can be named is stated as *attainable*, and paths through
the others count as edges.

Where the truth has several minimal circuits, as with voters of which any two suffice, the figures are those
against the one that the finder comes nearest to, and what is in others alone is left out of the ranking. What
the answer is computed from and no minimal circuit holds, such as two terms that cancel, is not true.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import networkx as nx
import numpy as np
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from scrubkit.core.site import Part, overlap
from scrubkit.errors import ScrubkitError
from scrubkit.harness.circuits import recovery_areas
from scrubkit.harness.identity import Identity
from scrubkit.harness.intervals import mean_over_models, proportion
from scrubkit.harness.outcome import Fault, Finding
from scrubkit.harness.questions import Given
from scrubkit.harness.report import CircuitFigures, FinderReport
from scrubkit.models.model import Model
from scrubkit.scrubbing.bound import Bound, bind
from scrubkit.scrubbing.truth_graph import minimal_circuits, truth_graph
from scrubkit.subjects.sites import Sites


def finder_report(
    identity: Identity, models: Mapping[str, Given], findings: Mapping[str, Finding]
) -> FinderReport:
    """Return the figures of one finder over all models of a suite whose truth is known."""
    known = {k: m for k, m in models.items() if isinstance(m, Model) and m.truth is not None}
    rows = [circuit_figures(model, findings[key]) for key, model in known.items()]
    mean = {
        name: mean_over_models([getattr(row, name) for row in rows])
        for name in ("sites_auroc", "sites_ap", "edges_auroc", "edges_ap", "cpr", "cmd")
    }
    return FinderReport(
        name=identity.name,
        version=identity.version,
        config=identity.config,
        **mean,
        attainable=proportion(
            [n < row.attainable for row in rows for n in range(row.true_sites)],
            [row.model for row in rows for _ in range(row.true_sites)],
        ),
        faults=proportion([row.finding.fault is not None for row in rows]),
        seconds=float(np.mean([row.finding.seconds for row in rows])) if rows else 0.0,
        models=tuple(rows),
    )


def circuit_figures(model: Model, finding: Finding) -> CircuitFigures:
    """Return the figures of one finder on one model; a fault has the worst of each.

    Of several minimal circuits the one counts that the finder comes nearest to.
    """
    if finding.fault is not None:
        worst = dict.fromkeys(("sites_auroc", "sites_ap", "edges_auroc", "edges_ap", "cpr"), 0.0)
        return CircuitFigures(model=model.name, **worst, cmd=1.0, finding=finding)
    subject = Sites.of(model)
    graph = truth_graph(subject)
    assert graph is not None
    ends = {end for source, target, _ in finding.edges for end in (source, target)}
    try:
        parts = {name: subject.part(name, {}) for name in sorted({*finding.sites, *ends})}
    except ScrubkitError as error:
        fault = Fault(kind="invalid", detail=str(error)[:500])
        return circuit_figures(model, finding.model_copy(update={"fault": fault}))
    named = _Named(finding, subject, bind(model), parts, sorted(ends))
    circuits = minimal_circuits(subject, graph)
    union = nx.compose_all(circuits)
    rows = [_ranked(named, circuit, union) for circuit in circuits]
    best = max(rows, key=lambda row: sum(row[name] or 0.0 for name in ("sites_ap", "edges_ap")))
    cpr, cmd = recovery_areas(model, {parts[name]: value for name, value in finding.sites.items()})
    return CircuitFigures(model=model.name, **best, cpr=cpr, cmd=cmd, circuits=len(circuits), finding=finding)


@dataclass(frozen=True)
class _Named:
    """What a finder named in a model.

    Attributes:
        finding: what it found.
        subject: the model.
        bound: its components.
        parts: the sites of what was named.
        ends: the names that edges join.
    """

    finding: Finding
    subject: Sites
    bound: Bound
    parts: Mapping[str, Part]
    ends: Sequence[str]

    @cached_property
    def held(self) -> Mapping[str, tuple[Part, ...]]:
        """What each site named stands for."""
        return {name: stands_for(self.subject, part) for name, part in self.parts.items()}


def _ranked(named: _Named, circuit: nx.DiGraph, union: nx.DiGraph) -> dict[str, Any]:
    """Return how a finder ranks one minimal circuit; what is only in others counts neither way.

    Args:
        named: what it named.
        circuit: the sites and edges that it should have named.
        union: those of all minimal circuits.
    """
    known, other = _sites(circuit), [part for key, part in _sites(union).items() if key not in circuit]
    own = [part for name in named.finding.sites for part in named.held[name]]
    true = reachable(known, [*named.bound.components(neurons=True), *own])
    sites = rank_sites(named.held, named.finding.sites, list(true.values()), other)
    edges: tuple[list[bool], list[float]] = ([], [])
    if named.ends:
        wide = [*named.bound.components(), named.bound.whole_output, *(named.parts[n] for n in named.ends)]
        spare = nameable(named.subject, union, wide) if union.size() > circuit.size() else None
        edges = rank_edges(
            named.held, named.finding.edges, *nameable(named.subject, circuit, wide), spare=spare
        )
    return {
        "sites_auroc": auroc(*sites),
        "sites_ap": average_precision(*sites),
        "edges_auroc": auroc(*edges),
        "edges_ap": average_precision(*edges),
        "missed": sum(value == -math.inf for value in sites[1]),
        "true_sites": len(known),
        "attainable": len(true),
    }


def _sites(graph: nx.DiGraph) -> dict[Any, Part]:
    return {key: graph.nodes[key]["claimed"].part for key in graph}


def stands_for(subject: Sites, part: Part) -> tuple[Part, ...]:
    """Return the sites whose numbers a site holds: its own, and of an MLP's output those of its neurons."""
    block, found, _ = part.hook.partition("hook_mlp_out")
    if not found:
        return (part,)
    place = part.text.removeprefix(part.hook)
    return part, subject.part(f"{block}mlp.hook_post{place}", {})


def reachable(known: Mapping[Any, Part], sayable: Sequence[Part]) -> dict[Any, Part]:
    """Return the sites of the truth that share numbers with some others."""
    return {key: part for key, part in known.items() if any(overlap(part, other) for other in sayable)}


def nameable(subject: Sites, graph: nx.DiGraph, ends: Sequence[Part]) -> Nameable:
    """Return the edges of the truth that can be named: two ends hold its sites, one upstream of the other.

    Args:
        subject: the model.
        graph: its truth.
        ends: what edges may join.

    Returns:
        `Nameable`; an edge for each path through sites that no end holds.
    """
    held = {part: stands_for(subject, part) for part in ends}
    known = _sites(graph)
    holders = {key: [end for end in held if _meet(held[end], part)] for key, part in known.items()}
    joined = contracted(graph, {key for key in known if holders[key]})

    def told(m: Any, n: Any) -> bool:
        pairs = product(holders[m], holders[n])
        return any(a != b and subject.upstream(a, b) for a, b in pairs)

    joined.remove_edges_from([(m, n) for m, n in joined.edges if not told(m, n)])
    return joined, {key: known[key] for key in joined}


def contracted(graph: nx.DiGraph, kept: set[Any]) -> nx.DiGraph:
    """Return a graph of some nodes, with an edge for every path that meets no other of them."""
    found = nx.DiGraph()
    found.add_nodes_from(node for node in graph if node in kept)
    for start in found:
        waiting, seen = list(graph.successors(start)), set()
        while waiting:
            node = waiting.pop()
            if node in kept:
                found.add_edge(start, node)
            elif node not in seen:
                seen.add(node)
                waiting += graph.successors(node)
    return found


def rank_sites(
    held: Mapping[str, Sequence[Part]],
    importances: Mapping[str, float],
    true: Sequence[Part],
    spare: Sequence[Part] = (),
) -> tuple[list[bool], list[float]]:
    """Return, for each site named and each true site missed, whether it is true and how it ranks.

    Args:
        held: what each site named stands for.
        importances: of the sites named.
        true: the sites of the truth.
        spare: sites that may be named or not; what shares numbers with them alone is left out.
    """
    truths = {name: any(_meet(held[name], part) for part in true) for name in importances}
    ranked = [n for n, holds in truths.items() if holds or not any(_meet(held[n], part) for part in spare)]
    missed = sum(not any(_meet(held[name], part) for name in importances) for part in true)
    values = [importances[name] for name in ranked]
    return [*(truths[n] for n in ranked), *[True] * missed], [*values, *[-math.inf] * missed]


def _meet(held: Sequence[Part], part: Part) -> bool:
    return any(overlap(one, part) for one in held)


Nameable = tuple[nx.DiGraph, Mapping[Any, Part]]
"""The edges of the truth that can be named, and the sites of their nodes."""


def rank_edges(
    held: Mapping[str, Sequence[Part]],
    edges: Sequence[tuple[str, str, float]],
    graph: nx.DiGraph,
    true: Mapping[Any, Part],
    spare: Nameable | None = None,
) -> tuple[list[bool], list[float]]:
    """Return, for each edge named and each true edge missed, whether it is true and how it ranks.

    Args:
        held: what each end that is named stands for.
        edges: source, target and importance.
        graph: the edges of the truth that can be named.
        true: the sites of its nodes.
        spare: edges that may be named or not; what covers them alone is left out.
    """
    if not edges:
        return [], []

    def covers(edge: tuple[str, str, float], m: Part, n: Part) -> bool:
        return _meet(held[edge[0]], m) and _meet(held[edge[1]], n)

    wanted = [(true[m], true[n]) for m, n in graph.edges]
    others = [(spare[1][m], spare[1][n]) for m, n in spare[0].edges] if spare else []
    truths = [any(covers(edge, *ends) for ends in wanted) for edge in edges]
    ranked = [
        (holds, edge[2])
        for edge, holds in zip(edges, truths, strict=True)
        if holds or not any(covers(edge, *ends) for ends in others)
    ]
    missed = sum(not any(covers(edge, *ends) for edge in edges) for ends in wanted)
    return [*(h for h, _ in ranked), *[True] * missed], [*(v for _, v in ranked), *[-math.inf] * missed]


def auroc(truths: Sequence[bool], scores: Sequence[float]) -> float | None:
    """Return the AUROC, or None where all are true or none is."""
    if all(truths) or not any(truths):
        return None
    return float(roc_auc_score(truths, stats.rankdata(scores)))


def average_precision(truths: Sequence[bool], scores: Sequence[float]) -> float | None:
    """Return the average precision, or None where none is true."""
    return float(average_precision_score(truths, stats.rankdata(scores))) if any(truths) else None
