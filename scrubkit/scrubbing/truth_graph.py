"""The truth graph: which sites of a model matter, what they carry, and which reads which."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np
from jaxtyping import Int

from scrubkit.core.feature import class_ids
from scrubkit.core.feature import parse as parse_feature
from scrubkit.core.site import Part
from scrubkit.errors import ScrubkitError
from scrubkit.subjects.sites import Sites


@dataclass(frozen=True)
class Claimed:
    """A site with what it carries.

    Attributes:
        part: the site, resolved.
        classes: class of each input under the feature; None where nothing is said.
        of: name of the variable that it holds; "" where none is named.
    """

    part: Part
    classes: Int[np.ndarray, " input"] | None
    of: str = ""


def truth_graph(subject: Sites) -> nx.DiGraph | None:
    """Return the truth as a graph, or None where nothing is known.

    Nodes are the sites that the truth's statements name and that matter, under attribute ``claimed``. Where
    the truth says which variable is computed from which, edges join their sites; elsewhere an edge joins two
    of which one reads the other with no third in between.
    """
    if subject.truth is None:
        return None
    graph = nx.DiGraph()
    for statement in subject.truth.statements:
        if not statement.causal:
            continue
        try:
            part = subject.part(statement.site, {})
            values = parse_feature(statement.feature).values(subject.columns, subject.constants)
        except ScrubkitError:
            continue
        ids = class_ids(values)
        if ids.max() > 0 and part.key not in graph:
            # A site that carries a constant plays no part in the computation.
            graph.add_node(part.key, claimed=Claimed(part, ids, statement.of))
    known = subject.truth.reads
    if known is not None:
        holds = {key: graph.nodes[key]["claimed"].of for key in graph}
        graph.add_edges_from((m, n) for m in graph for n in graph if holds[m] in known.get(holds[n], ()))
        return graph
    reads = nx.DiGraph()
    reads.add_nodes_from(graph)
    parts = {key: graph.nodes[key]["claimed"].part for key in graph}
    reads.add_edges_from(
        (m, n) for m in parts for n in parts if m != n and subject.upstream(parts[m], parts[n])
    )
    if nx.is_directed_acyclic_graph(reads):
        reads = nx.transitive_reduction(reads)
    graph.add_edges_from(reads.edges)
    return graph


def minimal_circuits(subject: Sites, graph: nx.DiGraph) -> list[nx.DiGraph]:
    """Return the minimal circuits of a model as parts of its truth graph; the graph where none are known.

    Args:
        subject: the model.
        graph: its truth graph.

    Returns:
        One graph for each minimal circuit that the truth lists: the sites of the variables at the ends of its
        edges, joined where it has an edge.
    """
    assert subject.truth is not None
    found = []
    holds = {key: graph.nodes[key]["claimed"].of for key in graph}
    for edges in subject.truth.minimal:
        kept, joined = {end for edge in edges for end in edge}, set(edges)
        part = nx.DiGraph(graph.subgraph([key for key in graph if holds[key] in kept]))
        part.remove_edges_from([(m, n) for m, n in part.edges if (holds[m], holds[n]) not in joined])
        found.append(part)
    return found or [graph]
