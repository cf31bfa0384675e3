"""What a finder could have attained: the row of one that is told the truth, at the granularity of components.

It gives 1 to every embedding, head and neuron that shares numbers with a site of the truth and 0 to all
others, and the same to every pair of embeddings, heads, MLPs and the output that holds an edge of the truth.
Of several minimal circuits it is told the first. What it does not reach no ranking of components reaches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

import networkx as nx

from scrubkit.core.site import Part, overlap
from scrubkit.harness.finders import finder_report, nameable, rank_edges, stands_for
from scrubkit.harness.identity import Identity
from scrubkit.harness.outcome import Finding
from scrubkit.harness.report import FinderReport
from scrubkit.models.model import Model
from scrubkit.scrubbing.bound import bind
from scrubkit.scrubbing.truth_graph import minimal_circuits, truth_graph
from scrubkit.subjects.sites import Sites

NAME = "oracle"
"""What tables call it."""


def oracle_report(models: Mapping[str, object]) -> FinderReport | None:
    """Return the figures of the oracle over the models whose truth is known, or None where there is none.

    Args:
        models: those that finders were asked about, by key.
    """
    known = {
        key: model for key, model in models.items() if isinstance(model, Model) and model.truth is not None
    }
    if not known:
        return None
    report = finder_report(Identity(NAME, "", ""), known, {key: told(model) for key, model in known.items()})
    # It answers no questions, so its answers are not counted among those of methods.
    return report.model_copy(update={"models": ()})


def told(model: Model) -> Finding:
    """Return the importances that the truth of a model gives to its components.

    Args:
        model: with its truth.
    """
    subject, bound = Sites.of(model), bind(model)
    graph = truth_graph(subject)
    assert graph is not None
    graph = minimal_circuits(subject, graph)[0]
    known = {key: graph.nodes[key]["claimed"].part for key in graph}
    named = bound.components(neurons=True)
    sites = {str(part): float(any(overlap(part, other) for other in known.values())) for part in named}
    ends = [*bound.components(), bound.whole_output]
    edges = _edges(subject, ends, *nameable(subject, graph, ends))
    return Finding(key=NAME, sites=sites, edges=tuple(edges))


def _edges(
    subject: Sites, ends: list[Part], graph: nx.DiGraph, true: Mapping[object, Part]
) -> Iterator[tuple[str, str, float]]:
    """Yield every pair of components of which the first is read by the second, and whether that is true."""
    held = {str(part): stands_for(subject, part) for part in ends}
    pairs = [
        (str(source), str(target), 1.0)
        for source, target in combinations(ends, 2)
        if subject.upstream(source, target)
    ]
    for (source, target, _), holds in zip(pairs, rank_edges(held, pairs, graph, true)[0], strict=False):
        yield source, target, float(holds)
