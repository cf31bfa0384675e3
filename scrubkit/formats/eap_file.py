"""The JSON that edge attribution patching tools write: a circuit as the edges between a model's components.

The format is that of ``Graph.to_json`` in EAP-IG, which the circuit track of the Mechanistic Interpretability
Benchmark takes too. Components are ``input``, the heads ``a0.h3``, the MLPs ``m0`` and ``logits``; an edge is
``input->m0``, and into a head it says which input of the head it feeds: ``input->a0.h3<q>``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from scrubkit.core.reading import parse_json, read_bytes, validation_faults
from scrubkit.errors import HypothesisError
from scrubkit.formats.components import Components

MAX_FILE_BYTES = 64 * 2**20
"""Largest file that is read; a graph of GPT-2 small, 32,491 edges, is about 2 MB."""
MAX_VALUES = 2_000_000
"""Most values in it; that graph has 100,000."""
MAX_COMPONENTS = 1_000
"""Most heads and MLPs that a graph may have."""


class EapConfig(BaseModel):
    """Sizes of the model that a circuit is of."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    n_layers: int = Field(ge=1, le=MAX_COMPONENTS)
    n_heads: int = Field(ge=1, le=MAX_COMPONENTS)
    d_model: int = Field(ge=1, le=2**20)
    parallel_attn_mlp: bool = False


class EapNode(BaseModel):
    """One component.

    Attributes:
        in_graph: whether the circuit has it.
        score: how important a tool found it; NaN for not scored.
        neurons: for each dimension of its output, whether the circuit has it.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    in_graph: bool
    score: float | None = None
    neurons: tuple[bool, ...] | None = None


class EapEdge(BaseModel):
    """One edge.

    Attributes:
        score: how important a tool found it.
        in_graph: whether the circuit has it.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    score: float | None = None
    in_graph: bool


class EapGraph(BaseModel):
    """A circuit, as edge attribution patching tools write it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    cfg: EapConfig
    nodes: dict[str, EapNode]
    edges: dict[str, EapEdge]

    @field_validator("nodes", mode="before")
    @classmethod
    def _flags_alone(cls, value: Any) -> Any:
        """Accept the older form, in which a node is its flag."""
        if not isinstance(value, dict):
            return value
        return {name: {"in_graph": node} if isinstance(node, bool) else node for name, node in value.items()}

    @property
    def components(self) -> Components:
        """The components and all edges that a model of these sizes has."""
        return Components(self.cfg.n_layers, self.cfg.n_heads)


def read_eap(path: str | Path) -> EapGraph:
    """Read a circuit; no code is run.

    Raises:
        HypothesisError: with every fault found: not JSON, sizes out of range, nodes or edges that a model of
            those sizes does not have.
    """
    title = str(path)
    data = read_bytes(path, MAX_FILE_BYTES, error=HypothesisError)
    document = parse_json(data, MAX_VALUES, error=HypothesisError, title=title)
    try:
        graph = EapGraph.model_validate(document)
    except ValidationError as error:
        raise HypothesisError(validation_faults(error, ": ".join), title=title) from None
    faults = _check(graph)
    if faults:
        raise HypothesisError(faults, title=title)
    return graph


def _check(graph: EapGraph) -> list[str]:
    """Return what does not fit a model of the sizes given."""
    cfg = graph.cfg
    if cfg.n_layers * (cfg.n_heads + 1) > MAX_COMPONENTS:
        return [
            f"cfg: {cfg.n_layers} layers of {cfg.n_heads} heads are more than {MAX_COMPONENTS} components"
        ]
    if cfg.parallel_attn_mlp:
        return ["cfg: parallel_attn_mlp is true; only models whose MLP reads the attention can be scrubbed"]
    known, edges = set(graph.components.names), set(graph.components.edge_names)
    size = f"a model of {cfg.n_layers} layers of {cfg.n_heads} heads"
    faults = [f"nodes: {size} has no node {name[:80]!r}" for name in graph.nodes if name not in known]
    faults += [f"edges: {size} has no edge {name[:80]!r}" for name in graph.edges if name not in edges]
    for name, node in graph.nodes.items():
        if node.neurons is not None and node.in_graph and not all(node.neurons):
            faults.append(
                f"node {name!r}: {sum(node.neurons)} of {len(node.neurons)} dimensions of its output are in "
                "the graph; only circuits of whole components can be read"
            )
    return faults
