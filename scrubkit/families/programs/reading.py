"""From a networkx graph to a program: every node's rule and domain, every fault at once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import networkx as nx
import numpy as np
from jaxtyping import Int

from scrubkit.errors import ProgramError, nearest
from scrubkit.families.programs.graph import Program, Variable
from scrubkit.families.programs.nodes import read_node

MAX_ROWS = 200_000
MAX_TOKEN = 4096
RESERVED = ("token", "position", "sum", "query", "key", "pi")
_GRAPH_KEYS = ("name", "task", "output", "n_ctx", "rows")


def read_program(graph: nx.DiGraph | Program, rows: Any = None) -> Program:
    """Read and check a program.

    Args:
        graph: the program, in the language of `scrubkit.families.programs.graph`.
        rows: the dataset, one value per input in each row, in order of declaration; by default the graph's
            ``rows``, or all combinations of the inputs' values.

    Returns:
        The checked program.

    Raises:
        ProgramError: with every fault of the graph.
    """
    return graph if isinstance(graph, Program) else _read(graph, rows)


def _read(graph: nx.DiGraph, rows: Any) -> Program:
    if not isinstance(graph, nx.DiGraph) or not len(graph):
        raise ProgramError("a program must be a networkx.DiGraph without cycles and with at least one node")
    title = f"program {graph.graph.get('name', '')}".strip()
    if not nx.is_directed_acyclic_graph(graph):
        cycle = [str(source) for source, _ in nx.find_cycle(graph)]
        raise ProgramError(f"must be without cycles; found {' -> '.join([*cycle, cycle[0]])}", title=title)
    faults = [
        f"graph attribute {key!r} is unknown{nearest(str(key), _GRAPH_KEYS)}"
        for key in graph.graph
        if key not in _GRAPH_KEYS
    ]
    faults += [
        f"node {name!r}: a name must be a Python identifier, and none of {', '.join(RESERVED)}"
        for name in graph
        if not _is_name(name)
    ]
    if faults:
        raise ProgramError(faults, title=title)
    variables, faults = _read_inputs(graph)
    # Depth first in order of declaration, so that equal graphs give equal programs.
    for name in nx.lexicographical_topological_sort(graph, key=list(graph).index):
        if graph.in_degree(name):
            missing = [parent for parent in graph.predecessors(name) if parent not in variables]
            if missing:
                continue  # A parent's fault is reported once, at the parent.
            try:
                variables[name] = read_node(graph, name, variables)
            except ProgramError as error:
                faults += error.faults
    if faults:
        raise ProgramError(faults, title=title)
    n_ctx = graph.graph.get("n_ctx", 1 + max(v.pos or 0 for v in variables.values()))
    program = Program(
        str(graph.graph.get("name", "program")),
        nx.freeze(nx.DiGraph(graph)),
        variables,
        _read_outputs(graph, n_ctx, faults),
        _read_rows(variables, graph.graph.get("rows") if rows is None else rows, faults),
        n_ctx,
    )
    faults += _layout_faults(program)
    if faults:
        raise ProgramError(faults, title=title)
    return program


def _is_name(name: object) -> bool:
    return isinstance(name, str) and name.isidentifier() and name not in RESERVED


def _read_inputs(graph: nx.DiGraph) -> tuple[dict[str, Variable], list[str]]:
    variables: dict[str, Variable] = {}
    faults: list[str] = []
    sources = [name for name in graph if graph.in_degree(name) == 0]
    for place, name in enumerate(sources):
        node = graph.nodes[name]
        faults += [
            f"input {name!r}: attribute {key!r} is unknown; an input takes values and pos"
            for key in node
            if key not in ("values", "pos")
        ]
        try:
            domain = tuple(sorted({int(value) for value in node["values"]}))
        except (KeyError, TypeError, ValueError):
            faults.append(f"input {name!r} needs values, the tokens it takes, e.g. values=range(3)")
            continue
        if not domain or domain[0] < 0 or domain[-1] >= MAX_TOKEN:
            faults.append(f"input {name!r}: values must be whole numbers from 0 to {MAX_TOKEN - 1}")
            continue
        variables[name] = Variable(name, domain, (), None, "input", int(node.get("pos", place)), "token")
    return variables, faults


def _read_outputs(graph: nx.DiGraph, n_ctx: int, faults: list[str]) -> Mapping[int, str]:
    given = graph.graph.get("output")
    if given is None:
        sinks = [name for name in graph if graph.out_degree(name) == 0]
        if len(sinks) != 1:
            faults.append(f"name the output, output=...: the sinks are {', '.join(sinks)}")
            return {}
        given = sinks[0]
    outputs = dict(given) if isinstance(given, Mapping) else {n_ctx - 1: given}
    for pos, name in outputs.items():
        if name not in graph:
            faults.append(f"output {name!r} is not a node{nearest(str(name), graph)}")
        if not isinstance(pos, int) or not 0 <= pos < n_ctx:
            faults.append(f"output {name!r} is asked for at position {pos!r}; positions are 0 to {n_ctx - 1}")
    return outputs


def _read_rows(
    variables: Mapping[str, Variable], given: Any, faults: list[str]
) -> Int[np.ndarray, "row input"]:
    inputs = [v for v in variables.values() if v.rule is None]
    if given is None:
        count = math.prod(v.size for v in inputs)
        if count > MAX_ROWS:
            faults.append(f"the inputs have {count} combinations, at most {MAX_ROWS}; give rows=")
            return np.empty((0, len(inputs)), dtype=np.int64)
        return np.array(list(itertools.product(*(v.domain for v in inputs))), dtype=np.int64)
    rows = np.asarray(given)
    if rows.ndim != 2 or rows.shape[1] != len(inputs) or not len(rows) or rows.dtype.kind not in "iu":
        faults.append(
            f"rows must be whole numbers, {len(inputs)} a row, at least one row; found {rows.shape}"
        )
        return np.empty((0, len(inputs)), dtype=np.int64)
    for column, variable in zip(rows.T, inputs, strict=True):
        strange = sorted(set(column.tolist()) - set(variable.domain))
        if strange:
            faults.append(f"rows: input {variable.name!r} takes {strange[0]}, which is not among its values")
    return rows.astype(np.int64)


def _layout_faults(program: Program) -> list[str]:
    faults = []
    taken: dict[tuple[str, int], str] = {}
    for variable in program.variables.values():
        if variable.pos is not None and not 0 <= variable.pos < program.n_ctx:
            faults.append(f"node {variable.name!r}: pos is {variable.pos}, n_ctx {program.n_ctx}")
        if variable.pos is None and variable.family != variable.name:
            faults.append(f"node {variable.name!r} of family {variable.family!r} needs pos")
        seat = (variable.family, variable.pos if variable.pos is not None else -1)
        if seat in taken:
            faults.append(f"nodes {taken[seat]!r} and {variable.name!r} share family and position")
        taken[seat] = variable.name
    for pos, name in program.outputs.items():
        if name in program.variables and program.variables[name].domain[0] < 0:
            faults.append(f"output {name!r} at position {pos} takes negative values; classes start at 0")
    return faults
