"""Any DAG of functions as a subject: the semantics of scrubbing on graphs of a few nodes."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import networkx as nx
import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from scrubkit.errors import ScrubError, SiteError, nearest
from scrubkit.subjects.subject import Edit

Loss = Callable[[Tensor, Tensor], Tensor]


def absolute_difference(output: Tensor, label: Tensor) -> Tensor:
    """Return |output - label| of each row."""
    return (output - label).abs()


class FunctionGraph:
    """A computation given as a graph of functions over a finite dataset.

    Args:
        g: a DAG. Its source nodes are named like the inputs; every other node carries ``fn``, which is
            called with its parents' values by name, each a tensor with one row per item.
        inputs: for each source node, its value on each row of the dataset; repeated rows count. Further
            variables, which no function reads, may serve features.
        weights: weight of each row, positive; None for equal weights.
        label: what the output should be, an expression over the inputs or a callable on rows of them; None
            where nothing is right or wrong, and only faithfulness to the graph's own output is asked.
        loss: ``loss(output, label)``, one number per row; a score to maximise works as well. By default the
            absolute difference.

    Raises:
        ScrubError: with every fault of the graph, the inputs and the weights.

    Examples:
        >>> g = nx.DiGraph([("x", "y")])
        >>> g.nodes["y"]["fn"] = lambda x: 2 * x
        >>> FunctionGraph(g, {"x": torch.tensor([1.0, 2.0])}).clean("y", torch.tensor([0, 1]))
        tensor([2., 4.])
    """

    title = "the function graph"
    task = ""

    def __init__(
        self,
        g: nx.DiGraph,
        inputs: Mapping[str, Tensor],
        weights: Sequence[float] | Tensor | None = None,
        *,
        label: str | Callable[[Any], Any] | None = None,
        loss: Loss = absolute_difference,
    ) -> None:
        self.inputs = {name: torch.as_tensor(value) for name, value in inputs.items()}
        self.weights = None if weights is None else np.asarray(weights, dtype=float)
        self.label, self.loss = label, loss
        self.device = torch.device("cpu")
        faults = _faults(g, self.inputs, self.weights)
        if faults:
            raise ScrubError(faults, title=self.title)
        self.graph = nx.freeze(nx.DiGraph(g))
        self.order = list(nx.topological_sort(self.graph))
        flat = {name: value for name, value in self.inputs.items() if value.ndim == 1}
        self._columns = {name: value.numpy() for name, value in flat.items()}
        self.constants: Mapping[str, int | float] = {}

    @property
    def columns(self) -> Mapping[str, np.ndarray]:
        """Value of each input on each row; features cannot name inputs of several numbers per row."""
        return self._columns

    @property
    def tokens(self) -> np.ndarray:
        """The inputs as rows, for features that are callables."""
        return (
            np.stack(list(self._columns.values()), axis=1) if self._columns else np.empty((self.n_inputs, 0))
        )

    @property
    def n_inputs(self) -> int:
        """Number of rows of the dataset."""
        return len(next(iter(self.inputs.values())))

    @property
    def output(self) -> str | None:
        """The node that is computed and that nothing reads, None where there is more than one."""
        sinks = [name for name in self.graph if self.is_output(name)]
        return sinks[0] if len(sinks) == 1 else None

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the graph's shape and of every node's value on every row."""
        values = self._values(torch.arange(self.n_inputs), {})
        digest = hashlib.sha256(repr(sorted(map(repr, self.graph.edges))).encode())
        for name in self.order:
            array = values[name].detach().double().contiguous().numpy()
            digest.update(f"{name}{array.shape}".encode() + array.tobytes())
        return digest.hexdigest()

    def copy(self) -> FunctionGraph:
        """Return a graph of the same functions that shares no memory with this one."""
        inputs = {name: value.clone() for name, value in self.inputs.items()}
        weights = None if self.weights is None else self.weights.tolist()
        return FunctionGraph(self.graph, inputs, weights, label=self.label, loss=self.loss)

    def part(self, site: str, subspaces: Mapping[str, Any]) -> str:
        """Return the site itself, a node of the graph; raises SiteError naming the nodes."""
        if site not in self.graph:
            known = ", ".join(map(str, self.order))
            raise SiteError(
                f"site {site!r}: the graph has no such node{nearest(site, self.order)}; it has {known}"
            )
        return site

    def overlap(self, one: str, other: str) -> bool:
        """Say whether two sites are the same node."""
        return one == other

    def upstream(self, source: str, reader: str) -> bool:
        """Say whether a path leads from source to reader."""
        return source != reader and nx.has_path(self.graph, source, reader)

    def is_output(self, part: str) -> bool:
        """Say whether a node is computed and nothing reads it."""
        return self.graph.out_degree(part) == 0 and self.graph.in_degree(part) > 0

    def reads_other(self, closed: Sequence[str], held: Sequence[str], reader: str) -> bool:
        """Say whether the row that is run reaches reader past closed nodes, or through held ones."""
        sources = [*self.inputs, *held]
        open_graph = self.graph.subgraph(set(self.graph) - set(closed))
        return any(nx.has_path(open_graph, name, reader) for name in sources if name in open_graph)

    def clean(self, part: str, rows: Int[Tensor, " item"]) -> Tensor:
        """Return a node's value on unedited runs."""
        return self._values(rows, {})[part]

    def run(
        self, others: Int[Tensor, " item"], edits: Sequence[Edit], holds: Sequence[str], reader: str
    ) -> Tensor:
        """Run on the other rows with edits set and holds kept clean, and read one node."""
        return self.read(others, edits, holds, [reader])[0]

    def read(
        self,
        others: Int[Tensor, " item"],
        edits: Sequence[Edit],
        holds: Sequence[str],
        readers: Sequence[str],
    ) -> list[Tensor]:
        """Do the same and read some nodes."""
        clean = self._values(others, {}) if holds else {}
        given = {name: clean[name] for name in holds}
        given |= {edit.part: edit.value for edit in edits if not edit.direct}
        values = self._values(others, given)
        direct = {edit.part: edit.value for edit in edits if edit.direct}
        if not direct:
            return [values[reader] for reader in readers]
        found = []
        for reader in readers:
            arguments = {name: direct.get(name, values[name]) for name in self.graph.predecessors(reader)}
            found.append(self.graph.nodes[reader]["fn"](**arguments))
        return found

    def _values(self, rows: Int[Tensor, " item"], given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        values: dict[str, Tensor] = {}
        for name in self.order:
            if name in given:
                values[name] = given[name]
            elif name in self.inputs:
                values[name] = self.inputs[name][rows]
            else:
                arguments = {parent: values[parent] for parent in self.graph.predecessors(name)}
                values[name] = self.graph.nodes[name]["fn"](**arguments)
        return values


def _faults(g: nx.DiGraph, inputs: Mapping[str, Tensor], weights: np.ndarray | None) -> list[str]:
    """Return everything that is wrong with a function graph."""
    if not isinstance(g, nx.DiGraph) or not nx.is_directed_acyclic_graph(g) or not len(g):
        return ["g must be a networkx.DiGraph without cycles and with at least one node"]
    faults = []
    for name in g:
        if g.in_degree(name) == 0 and name not in inputs:
            faults.append(f"source node {name!r} has no input; inputs are {', '.join(inputs)}")
        elif g.in_degree(name) and name in inputs:
            faults.append(f"node {name!r} is an input, and has parents")
        elif g.in_degree(name):
            faults += _function_faults(g, name)
    sizes = {len(value) if value.ndim else 0 for value in inputs.values()}
    if len(sizes) != 1 or 0 in sizes:
        faults.append(f"inputs must all have the same number of rows, at least one; found {sorted(sizes)}")
    elif weights is not None and (weights.shape != (sizes.pop(),) or not (weights > 0).all()):
        faults.append("weights must be one positive number per row")
    return faults


def _function_faults(g: nx.DiGraph, name: str) -> list[str]:
    function = g.nodes[name].get("fn")
    if not callable(function):
        return [f"node {name!r} needs fn, a function of {', '.join(map(str, g.predecessors(name)))}"]
    try:
        inspect.signature(function).bind(**{str(parent): None for parent in g.predecessors(name)})
    except TypeError as error:
        return [f"node {name!r}: fn cannot be called with its parents by name: {error}"]
    except ValueError:
        return []
    return []
