"""Surgery on program graphs: what rewrites and distractors are made of."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

import networkx as nx
import numpy as np
import torch
from torch import Tensor

from scrubkit.core.feature import parse
from scrubkit.errors import ProgramError
from scrubkit.families.programs.express import substitute
from scrubkit.families.programs.graph import Program
from scrubkit.families.programs.reading import read_program


class Composed:
    """A function in which one argument is computed from others.

    Args:
        outer: the function.
        argument: the argument that is computed.
        inner: an expression over other names, or a function of them.
        names: the names that the inner function takes.
        kept: the names that the outer function takes, the argument apart.
    """

    def __init__(
        self,
        outer: Callable[..., Any],
        argument: str,
        inner: str | Callable[..., Any],
        names: Sequence[str],
        kept: Sequence[str],
    ) -> None:
        self.outer, self.argument, self.inner = outer, argument, inner
        self.names, self.kept = tuple(names), tuple(kept)

    def __call__(self, **given: Tensor) -> Any:
        """Compute the argument, and the function of it and of what is kept."""
        inner = {name: given[name] for name in self.names}
        if isinstance(self.inner, str):
            columns = {name: np.asarray(value) for name, value in inner.items()}
            value = torch.from_numpy(np.array(parse(self.inner).values(columns, {})[0]))
        else:
            value = torch.as_tensor(self.inner(**inner))
        return self.outer(**{name: given[name] for name in self.kept}, **{self.argument: value})


def editable(program: Program) -> nx.DiGraph:
    """Return a copy of a program's graph that may be changed, with its output and dataset written out."""
    graph = nx.DiGraph(program.graph)
    graph.graph |= {"output": dict(program.outputs), "n_ctx": program.n_ctx}
    for name in program.inputs:
        graph.nodes[name]["pos"] = program.position[name]
    return graph


def reread(graph: nx.DiGraph, reader: str, old: str, inner: Any, parents: Sequence[str]) -> None:
    """Make a reader compute one parent itself, from other nodes.

    Args:
        graph: changed in place.
        reader: a node that reads `old`, of kind table.
        old: the parent that it reads no more.
        inner: an expression or a function that gives the old parent's value.
        parents: the nodes that `inner` names.
    """
    node = graph.nodes[reader]
    if node.get("via", "table") != "table":
        raise ProgramError(f"node {reader!r} is computed via {node['via']}; only tables are rewritten")
    kept = [parent for parent in graph.predecessors(reader) if parent != old]
    if "feature" in node and isinstance(inner, str):
        node["feature"] = substitute(node["feature"], {old: inner})
    else:
        outer = node.pop("fn", None) or expression(node.pop("feature"))
        node["fn"] = Composed(outer, old, inner, parents, kept)
    graph.remove_edge(old, reader)
    graph.add_edges_from((parent, reader) for parent in parents)


def expression(text: str) -> Callable[..., Tensor]:
    """Return an expression as a function of the names in it."""

    def fn(**values: Tensor) -> Tensor:
        columns = {name: np.asarray(value) for name, value in values.items()}
        return torch.from_numpy(np.array(parse(text).values(columns, {})[0]))

    return fn


def meaning(graph: nx.DiGraph, name: str) -> Any:
    """Return a table node's expression, or else its function."""
    node = graph.nodes[name]
    return node["feature"] if "feature" in node else node["fn"]


def fresh(graph: nx.DiGraph, stem: str) -> str:
    """Return a name that the graph does not have."""
    names = (f"{stem}{i or ''}" for i in range(len(graph) + 1))
    return next(name for name in names if name not in graph)


def reread_program(graph: nx.DiGraph, program: Program, *, same: bool = True) -> Program:
    """Read a changed graph on the same dataset; raises ProgramError unless its answers are the `same`."""
    changed = read_program(graph, program.rows)
    if same and not np.array_equal(changed.labels, program.labels):
        raise ProgramError("the rewrite changes the answers", title=program.name)
    return changed


def names_in(text: str) -> list[str]:
    """Return the names in an expression, each once."""
    found = [n.id for n in ast.walk(ast.parse(text, mode="eval")) if isinstance(n, ast.Name)]
    return list(dict.fromkeys(found))
