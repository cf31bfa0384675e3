"""Small programs by name."""

import networkx as nx


def inputs(count: int, values: int = 3, **graph) -> nx.DiGraph:
    g = nx.DiGraph(**graph)
    g.add_nodes_from([f"x{i}" for i in range(count)], values=range(values))
    return g


def add(g: nx.DiGraph, name: str, parents, **node) -> nx.DiGraph:
    g.add_node(name, **node)
    g.add_edges_from((parent, name) for parent in parents)
    return g


def chain() -> nx.DiGraph:
    g = add(inputs(3), "s", ["x0", "x1"], feature="(x0 + x1) % 3")
    return add(g, "out", ["s", "x2"], feature="max(s, x2)")


def parity(bits: int = 4) -> nx.DiGraph:
    g = inputs(bits, 2)
    return add(g, "out", list(g), via="sum", feature="sum % 2")


def reverse(length: int = 3) -> nx.DiGraph:
    g = inputs(length, output={i: f"y{i}" for i in range(length)})
    for i in range(length):
        add(g, f"y{i}", [f"x{length - 1 - i}"], via="copy", family="y", pos=i)
    return g


def induction(length: int = 5) -> nx.DiGraph:
    """The token after the last earlier occurrence of the last token."""
    g = inputs(length)
    for i in range(1, length - 1):
        add(g, f"prev{i}", [f"x{i - 1}"], via="copy", family="prev", pos=i)
    keys, values = [f"prev{i}" for i in range(1, length - 1)], [f"x{i}" for i in range(1, length - 1)]
    query = f"x{length - 1}"
    return add(g, "out", [query, *keys, *values], via="select", query=query, keys=keys, values=values)
