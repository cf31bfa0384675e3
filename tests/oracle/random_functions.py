"""Random graphs of functions, and random hypotheses on them."""

from __future__ import annotations

import itertools
from typing import Any

import networkx as nx
import numpy as np

from tests.oracle.adapter import Subject, functions_subject
from tests.oracle.generate import finish
from tests.oracle.machine import FunctionMachine


def first_input(rows: Any) -> Any:
    """The first input, as a callable that hypotheses may have for a feature."""
    return rows[:, 0]


FUNCTION_FEATURES: tuple[dict[str, Any], ...] = (
    *({"feature": f} for f in ("x", "y", "0", "x + y", "(x, y)", "x % 2", "x * y", "x - y")),
    {"feature": "x + y", "tolerance": 1},
    {"feature": "x + 2 * y", "tolerance": 1, "period": 4},
    {"feature": "(x, y)", "tolerance": [None, 1]},
    {"feature": first_input},
)
FUNCTIONS = (
    lambda *v: sum(v[1:], v[0]),
    lambda *v: 2 * v[0] - sum(v[1:], 0 * v[0]),
    lambda *v: (sum(v[1:], v[0]) * 2 + 1) % 3,
    lambda *v: v[0] * v[-1],
    lambda *v: (v[0] - v[-1]) ** 2,
    lambda *v: abs(v[0] - 1) + v[-1],
)


def squared(output: Any, label: Any) -> Any:
    return (output - label) ** 2


def distance(output: Any, label: Any) -> Any:
    return abs(output - label)


def product(output: Any, label: Any) -> Any:
    return output * label


def random_functions(rng: np.random.Generator, name: str) -> Subject:
    """Draw a graph of functions on a multiset of rows, weighted more often than not."""
    grid = np.array(list(itertools.product(range(int(rng.integers(2, 4))), repeat=2)))
    if rng.random() < 0.5:
        grid = grid[rng.integers(len(grid), size=int(rng.integers(3, 11)))]
    columns = {"x": grid[:, 0], "y": grid[:, 1]}
    functions: dict[str, Any] = {}
    names = list(columns)
    for i in range(int(rng.integers(2, 6))):
        count = int(rng.integers(1, min(3, len(names)) + 1))
        parents = [str(n) for n in rng.permutation(names)[:count]]
        functions[f"f{i}"] = (parents, FUNCTIONS[int(rng.integers(len(FUNCTIONS)))])
        names.append(f"f{i}")
    unread = [n for n in names if not any(n in parents for parents, _ in functions.values())]
    functions["out"] = (unread, FUNCTIONS[int(rng.integers(3))])
    weights = rng.integers(1, 5, size=len(grid)).astype(float) if rng.random() < 0.7 else None
    loss = (squared, distance, product)[int(rng.integers(3))]
    label = str(rng.choice(["x", "x + y", "2 * x - y"]))
    return functions_subject(name, functions, columns, weights, label, loss)


def _short_cut(rng: np.random.Generator, graph: nx.DiGraph, wires: nx.DiGraph) -> None:
    """Read a node by its wire alone where it reaches the reader past another node as well."""
    found = [
        (source, reader)
        for source, reader in wires.edges
        if reader != "out"
        and any(nx.has_path(wires, n, reader) for n in wires.successors(source) if n != reader)
    ]
    if found:
        source, reader = found[int(rng.integers(len(found)))]
        graph.add_node("reader", site=reader, sampler="exact", other="exact")
        graph.add_node("source", site=source, feature=str(rng.choice(["0", "x % 2", "x * y"])))
        graph.add_edge("source", "reader", paths="direct")
        graph.add_edge("reader", "root")
        graph.nodes["root"]["other"] = "exact"


def random_function_claim(rng: np.random.Generator, subject: Subject) -> nx.DiGraph:
    """Draw a hypothesis on a graph of functions."""
    machine: FunctionMachine = subject.machine
    wires = nx.DiGraph()
    wires.add_nodes_from(machine.domain.columns)
    for node, (parents, _) in machine.functions.items():
        wires.add_edges_from((parent, node) for parent in parents)
    graph = nx.DiGraph(name="random")
    graph.add_node("root", site="out")
    if rng.random() < 0.4:
        _short_cut(rng, graph, wires)
    for i in range(int(rng.integers(1, 6))):
        site = str(rng.choice([n for n in wires if n != "out"]))
        readers = [
            n
            for n in graph
            if not graph.nodes[n].get("unimportant")
            and graph.nodes[n]["site"] != site
            and nx.has_path(wires, site, graph.nodes[n]["site"])
            and all(graph.nodes[m]["site"] != site for m in graph.predecessors(n))
        ]
        if not readers:
            continue
        graph.add_node(f"n{i}", site=site)
        if rng.random() < 0.12:
            graph.nodes[f"n{i}"]["unimportant"] = True
        for reader in rng.permutation(readers)[: 1 + (rng.random() < 0.3)]:
            to = graph.nodes[str(reader)]["site"]
            direct = wires.has_edge(site, to) and rng.random() < 0.3
            graph.add_edge(f"n{i}", str(reader), paths="direct" if direct else "all")
    finish(rng, graph, FUNCTION_FEATURES, machine.domain.n)
    return graph
