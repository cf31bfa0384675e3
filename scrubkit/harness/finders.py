"""From a finder's importances to figures: does it rank what the truth graph holds above the rest?

A site that it names is right if it shares numbers with a site of the truth that matters. A site of the truth
that it could have named, because a component of the model (an embedding, a head, a neuron) or a site that it
named shares numbers with it, and did not, counts as found last. One that no component covers, such as the
residual stream between two layers, is no miss of a finder of components: the share of sites that can be named
is stated as *attainable*, and paths through the others count as edges.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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
from scrubkit.scrubbing.bound import bind
from scrubkit.scrubbing.truth_graph import truth_graph
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
    """Return the figures of one finder on one model; a fault has the worst of each."""
    if finding.fault is not None:
        worst = dict.fromkeys(("sites_auroc", "sites_ap", "edges_auroc", "edges_ap", "cpr"), 0.0)
        return CircuitFigures(model=model.name, **worst, cmd=1.0, finding=finding)
    subject = Sites.of(model)
    graph = truth_graph(subject)
    assert graph is not None
    known = {key: graph.nodes[key]["claimed"].part for key in graph}
    names = {*finding.sites, *(end for source, target, _ in finding.edges for end in (source, target))}
    try:
        parts = {name: subject.part(name, {}) for name in sorted(names)}
    except ScrubkitError as error:
        fault = Fault(kind="invalid", detail=str(error)[:500])
        return circuit_figures(model, finding.model_copy(update={"fault": fault}))
    sayable = [*bind(model).components(neurons=True), *parts.values()]
    true = {key: part for key, part in known.items() if any(overlap(part, other) for other in sayable)}
    graph = contracted(graph, set(true))
    sites = rank_sites(parts, finding.sites, list(true.values()))
    edges = rank_edges(parts, finding.edges, graph, true)
    cpr, cmd = recovery_areas(model, {parts[name]: value for name, value in finding.sites.items()})
    return CircuitFigures(
        model=model.name,
        sites_auroc=auroc(*sites),
        sites_ap=average_precision(*sites),
        edges_auroc=auroc(*edges),
        edges_ap=average_precision(*edges),
        cpr=cpr,
        cmd=cmd,
        missed=sum(value == -math.inf for value in sites[1]),
        true_sites=len(known),
        attainable=len(true),
        finding=finding,
    )


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
    parts: Mapping[str, Part], importances: Mapping[str, float], true: Sequence[Part]
) -> tuple[list[bool], list[float]]:
    """Return, for each site named and each true site missed, whether it is true and how it ranks."""
    truths = [any(overlap(parts[name], part) for part in true) for name in importances]
    missed = sum(not any(overlap(parts[name], part) for name in importances) for part in true)
    return [*truths, *[True] * missed], [*importances.values(), *[-math.inf] * missed]


def rank_edges(
    parts: Mapping[str, Part],
    edges: Sequence[tuple[str, str, float]],
    graph: nx.DiGraph,
    true: Mapping[object, Part],
) -> tuple[list[bool], list[float]]:
    """Return, for each edge named and each true edge missed, whether it is true and how it ranks."""
    if not edges:
        return [], []

    def covers(edge: tuple[str, str, float], m: object, n: object) -> bool:
        return overlap(parts[edge[0]], true[m]) and overlap(parts[edge[1]], true[n])

    truths = [any(covers(edge, m, n) for m, n in graph.edges) for edge in edges]
    missed = sum(not any(covers(edge, m, n) for edge in edges) for m, n in graph.edges)
    return [*truths, *[True] * missed], [*(value for _, _, value in edges), *[-math.inf] * missed]


def auroc(truths: Sequence[bool], scores: Sequence[float]) -> float | None:
    """Return the AUROC, or None where all are true or none is."""
    if all(truths) or not any(truths):
        return None
    return float(roc_auc_score(truths, stats.rankdata(scores)))


def average_precision(truths: Sequence[bool], scores: Sequence[float]) -> float | None:
    """Return the average precision, or None where none is true."""
    return float(average_precision_score(truths, stats.rankdata(scores))) if any(truths) else None
