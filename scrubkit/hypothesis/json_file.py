"""Hypotheses as node-link JSON, networkx's own format: safe to take from strangers, since no code is run."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Literal

import networkx as nx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scrubkit.core.reading import parse_json, shown, validation_faults
from scrubkit.errors import HypothesisError
from scrubkit.hypothesis.checks import GRAPH_KEYS, MAX_NODES, from_graph
from scrubkit.hypothesis.claim import Hypothesis

MAX_FILE_BYTES = 5_000_000
MAX_VALUES = 500_000
"""Most values in a file: 2,000 nodes and 40,000 edges, and subspaces of 100,000 numbers, take less."""


class NodeFile(BaseModel):
    """One node in a hypothesis file."""

    model_config = ConfigDict(extra="allow")

    id: str | int
    site: str = Field(description="hook[key=value, ...], with a TransformerLens hook name")
    feature: str | None = Field(default=None, description="expression over the task's variables")
    tolerance: float | list[float | None] | None = None
    period: float | list[float | None] | None = None
    sampler: Literal["feature", "uniform", "exact"] | list[int] = "feature"
    other: str = Field(default="uniform", description='"uniform", "exact" or "together:GROUP"')
    unimportant: bool = False


class EdgeFile(BaseModel):
    """One edge in a hypothesis file: target reads source."""

    model_config = ConfigDict(extra="allow")

    source: str | int
    target: str | int
    paths: Literal["all", "direct"] = "all"


class HypothesisFile(BaseModel):
    """A hypothesis as node-link JSON, networkx's own format."""

    model_config = ConfigDict(extra="forbid")

    directed: Literal[True] = True
    multigraph: Literal[False] = False
    graph: dict[str, Any] = Field(default_factory=dict, description=f"attributes: {', '.join(GRAPH_KEYS)}")
    nodes: list[NodeFile] = Field(max_length=MAX_NODES)
    edges: list[EdgeFile] = Field(max_length=MAX_NODES * 20)


def to_json(hypothesis: Hypothesis) -> str:
    """Return a hypothesis as node-link JSON; `from_json` gives the same hypothesis back.

    Raises:
        HypothesisError: a feature is a Python callable, which JSON cannot hold.
    """
    faults = [
        f"node {node.name!r}: its feature is the callable {node.feature.text}; write it as an expression"
        for node in hypothesis.nodes.values()
        if node.feature is not None and node.feature.function is not None
    ]
    if faults:
        raise HypothesisError(faults, title=hypothesis.source or hypothesis.name)
    return json.dumps(nx.node_link_data(hypothesis.graph, edges="edges"), indent=1)


def from_json(text: str | bytes, *, title: str = "hypothesis", source: str = "") -> Hypothesis:
    """Read a hypothesis from node-link JSON; no code is run.

    Raises:
        HypothesisError: with every fault found.
    """
    if len(text) > MAX_FILE_BYTES:
        raise HypothesisError(
            f"the file has {len(text):,} characters; at most {MAX_FILE_BYTES:,} are read", title=title
        )
    data = parse_json(text, MAX_VALUES, error=HypothesisError, title=title)
    if isinstance(data, dict) and "links" in data and "edges" not in data:
        data["edges"] = data.pop("links")
    try:
        record = HypothesisFile.model_validate(data)
    except ValidationError as error:
        raise HypothesisError(
            validation_faults(error, lambda path: _place(data, path)), title=title
        ) from None
    graph, faults = _build(record)
    if faults:
        raise HypothesisError(faults, title=title)
    return from_graph(graph, title=title, source=source)


def _build(record: HypothesisFile) -> tuple[nx.DiGraph, list[str]]:
    """Return the graph of a file, and what is wrong with its names.

    Attributes go into their dicts and not through keyword arguments, since a stranger may call one ``self``.
    """
    graph = nx.DiGraph()
    graph.graph.update(record.graph)
    counts = Counter(node.id for node in record.nodes)
    faults = [f"node {name!r} is given twice" for name, count in counts.items() if count > 1]
    for node in record.nodes:
        graph.add_node(node.id)
        graph.nodes[node.id].update(node.model_dump(exclude={"id"}, exclude_unset=True))
    for edge in record.edges:
        faults += [
            f"edge {edge.source!r} -> {edge.target!r}: no node {end!r}"
            for end in (edge.source, edge.target)
            if end not in counts
        ]
        graph.add_edge(edge.source, edge.target)
        attributes = edge.model_dump(exclude={"source", "target"}, exclude_unset=True)
        graph.edges[edge.source, edge.target].update(attributes)
    return graph, faults


def _place(data: Any, path: list[str]) -> str:
    """Return what to call a place in the file: by the name of its node or edge, not by its number."""
    if len(path) > 1 and path[0] in ("nodes", "edges") and path[1].isdecimal():
        item = data[path[0]][int(path[1])]
        if isinstance(item, dict):
            ends = [shown(item.get(end)) for end in ("source", "target")]
            path[:2] = [f"node {shown(item['id'])}" if "id" in item else f"edge {' -> '.join(ends)}"]
    return ": ".join(path)
