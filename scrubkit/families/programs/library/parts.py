"""Small helpers to write graphs with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import networkx as nx


def tokens(count: int, values: int, name: str, **graph: Any) -> nx.DiGraph:
    """Return a graph of inputs ``x0``, ``x1``, ... that take values from 0 on."""
    g = nx.DiGraph(name=name, **graph)
    g.add_nodes_from(xs(count), values=range(values))
    return g


def xs(count: int) -> list[str]:
    """Return the names of inputs."""
    return [f"x{i}" for i in range(count)]


def add(g: nx.DiGraph, name: str, parents: Iterable[str], **node: Any) -> str:
    """Add a node that reads its parents; return its name."""
    g.add_node(name, **node)
    g.add_edges_from((parent, name) for parent in parents)
    return name
