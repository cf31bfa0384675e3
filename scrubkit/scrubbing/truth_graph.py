"""The truth graph: which sites of a model matter, what they carry, and which reads which."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np
from jaxtyping import Int

from scrubkit.core.feature import class_ids
from scrubkit.core.feature import parse as parse_feature
from scrubkit.core.site import Anatomy, Part, parse, resolve, upstream
from scrubkit.errors import ScrubkitError
from scrubkit.models.model import Model


@dataclass(frozen=True)
class Claimed:
    """A site with what it carries.

    Attributes:
        part: the site, resolved.
        classes: class of each input under the feature; None where nothing is said.
    """

    part: Part
    classes: Int[np.ndarray, " input"] | None


def truth_graph(model: Model, anatomy: Anatomy) -> nx.DiGraph | None:
    """Return the truth as a graph, or None where nothing is known.

    Nodes are the sites of `Truth.statements` that matter, under attribute ``claimed``; an edge joins two of
    which one reads the other with no third in between.
    """
    if model.truth is None:
        return None
    graph = nx.DiGraph()
    task = model.task
    for carried in model.truth.statements:
        if not carried.causal:
            continue
        try:
            part = resolve(parse(carried.site), anatomy, truth=model.truth)
            values = parse_feature(carried.feature).values(task.columns, task.constants)
        except ScrubkitError:
            continue
        ids = class_ids(values)
        if ids.max() > 0 and part.key not in graph:
            # A site that carries a constant plays no part in the computation.
            graph.add_node(part.key, claimed=Claimed(part, ids))
    reads = nx.DiGraph()
    reads.add_nodes_from(graph)
    parts = {key: graph.nodes[key]["claimed"].part for key in graph}
    reads.add_edges_from(
        (m, n) for m in parts for n in parts if m != n and upstream(parts[m], parts[n], anatomy.n_layers)
    )
    if nx.is_directed_acyclic_graph(reads):
        reads = nx.transitive_reduction(reads)
    graph.add_edges_from(reads.edges)
    return graph
