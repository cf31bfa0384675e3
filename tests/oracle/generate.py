"""Random hypotheses over every hook, key, policy and kind of edge, and random graphs of functions."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import networkx as nx
import numpy as np

from tests.oracle.adapter import Subject, bases, functions_subject
from tests.oracle.machine import FunctionMachine, NetMachine, Set
from tests.oracle.net import hooks
from tests.oracle.parts import disjoint, within

FEATURES: tuple[dict[str, Any], ...] = (
    *({"feature": text} for text in ("a", "b", "(a + b) % p", "(a - b) % p", "(a, b)", "0", "a % 2")),
    *({"feature": text} for text in ("min(a, b)", "a * b % p", "max(a, b) // 2", "a < b", "(a % 2, b % 2)")),
    {"feature": "cos(2 * pi * (a + b) / p)"},
    {"feature": "cos(2 * pi * (a + b) / p)", "tolerance": 0.53},
    {"feature": "((a + b) % p, abs(cos(pi * (a - b) / p)))", "tolerance": [None, 0.31]},
    {"feature": "a", "tolerance": 1},
    {"feature": "(a, b)", "tolerance": [1, None]},
    {"feature": "b", "tolerance": 1, "period": "p"},
    {"feature": "(a, b)", "tolerance": [1.5, 1], "period": ["p", None]},
)
FUNCTION_FEATURES = ("x", "y", "0", "x + y", "(x, y)", "x % 2", "x * y", "x - y")


def spans(n: int) -> str:
    """All indices as a range."""
    return f"0-{n - 1}"


class SiteMaker:
    """Draws sites of one subject, and knows by trial what reaches what."""

    def __init__(self, machine: NetMachine) -> None:
        self.machine, self.sizes = machine, machine.sizes
        self.hooks = hooks(len(machine.net.blocks))
        s = self.sizes
        self.named = {**bases("d", s.d_model), **bases("h", s.d_head), **bases("c", s.n_classes)}
        self._reach: dict[tuple[str, str], bool] = {}
        self._noise = np.random.default_rng(0)

    def draw(self, rng: np.random.Generator, hook: str | None = None) -> str:
        """Draw a site, of one hook if that is given."""
        hook = hook or str(rng.choice(self.hooks))
        kind = hook.split(".", 2)[2] if hook.startswith("blocks.") else hook
        keys = {}
        if hook != "logits" and rng.random() < 0.8:
            n = self.sizes.n_ctx
            keys["pos"] = str(rng.choice(["-1", "-1", "-1", "0", "1", "0,1", f"0-{n - 1}", "-2"]))
        if ".attn." in hook and rng.random() < 0.7:
            keys["head"] = str(rng.choice(["0", "1", "0,1", spans(self.sizes.n_heads)]))
        if kind.startswith("mlp.") and rng.random() < 0.85:
            choices = ["0-3", "2-5", "0", "~0-3", "1,4-6", "~2-5"]
            if getattr(self.machine.truth, "clusters", None):
                choices += ["cluster:1", "cluster:1", "rest", "~cluster:1", "cluster:1,rest"]
            keys["neurons"] = str(rng.choice(choices))
        if kind in ("hook_embed", "logits") and rng.random() < 0.7:
            high = self.machine.domain.order // 2
            keys["frequencies"] = str(
                rng.choice(
                    ["0", "1", "2", "1,2", "~1", "key", "key", "key", "key", "~key", "0-1", f"0-{high}"]
                )
            )
        elif not kind.startswith("mlp.") and "pattern" not in kind and rng.random() < 0.4:
            prefix = "c" if hook == "logits" else "h" if ".attn." in hook else "d"
            if prefix == "h":
                keys["head"] = str(rng.choice(["0", "1"]))
            keys["subspace"] = str(rng.choice([n for n in self.named if n.startswith(f"{prefix}_")]))
            if prefix == "d" and rng.random() < 0.1 and "plane" in (self.machine.truth.subspaces or {}):
                keys["subspace"] = "plane"
        inner = ", ".join(f"{key}={value}" for key, value in keys.items())
        return f"{hook}[{inner}]" if inner else hook

    def part(self, site: str) -> Any:
        """Read a site."""
        return self.machine.part(site, self.named)

    def reaches(self, source: str, reader: str) -> bool:
        """Say whether noise at a site is felt at another one; of one hook, whether it lies inside."""
        one, two = self.part(source), self.part(reader)
        if one.hook == two.hook:
            return within(one, two) and not within(two, one)
        if (source, reader) not in self._reach:
            rows = np.arange(self.machine.domain.n)
            clean = self.machine.clean(one)
            noisy = np.abs(clean) + self._noise.standard_normal(clean.shape)
            moved = self.machine.run(rows, [Set(one, noisy)], [], two) - self.machine.clean(two)
            self._reach[source, reader] = bool(np.abs(moved).max() > 1e-7)
        return self._reach[source, reader]


_makers: dict[str, SiteMaker] = {}


def random_claim(rng: np.random.Generator, subject: Subject) -> nx.DiGraph:
    """Draw a hypothesis on a transformer, with up to six nodes below the root."""
    maker = _makers.setdefault(subject.name, SiteMaker(subject.machine))
    task = "modular_addition"
    graph = nx.DiGraph(name="random", task=subject.extra.get("task", task))
    graph.add_node("root", site="logits")
    for i in range(int(rng.integers(1, 7))):
        near = [graph.nodes[n]["site"].split("[")[0] for n in list(graph)[1:]] if rng.random() < 0.4 else []
        near = near or [None]
        site = maker.draw(rng, near[int(rng.integers(len(near)))])
        _attach(rng, graph, f"n{i}", site, maker)
    p = subject.machine.domain.constants["p"]
    _finish(rng, graph, [_with_p(dict(f), p) for f in FEATURES], subject.machine.domain.n)
    used = {n for n in maker.named if any(f"subspace={n}]" in graph.nodes[m]["site"] for m in graph)}
    graph.graph["subspaces"] = {name: maker.named[name] for name in sorted(used)}
    return graph


def _with_p(attributes: dict[str, Any], p: float) -> dict[str, Any]:
    period = attributes.get("period")
    if period is not None:
        attributes["period"] = [p if k == "p" else k for k in period] if isinstance(period, list) else p
    return attributes


def _attach(rng: np.random.Generator, graph: nx.DiGraph, name: str, site: str, maker: SiteMaker) -> None:
    """Add a node below one or two of the readers that it reaches, if there are any."""
    part = maker.part(site)
    readers = [
        n
        for n in graph
        if not graph.nodes[n].get("unimportant")
        and maker.reaches(site, graph.nodes[n]["site"])
        and all(disjoint(part, maker.part(graph.nodes[m]["site"])) for m in graph.predecessors(n))
    ]
    if not readers:
        return
    graph.add_node(name, site=site)
    if rng.random() < 0.12:
        graph.nodes[name]["unimportant"] = True
    count = 1 + (rng.random() < 0.3)
    for reader in rng.permutation(readers)[:count]:
        graph.add_edge(name, str(reader), paths="direct" if rng.random() < 0.3 else "all")


def _finish(
    rng: np.random.Generator, graph: nx.DiGraph, features: Sequence[dict[str, Any]], n_inputs: int
) -> None:
    """Give every node its feature and policies."""
    for name in graph:
        node = graph.nodes[name]
        if graph.in_degree(name) and not node.get("unimportant"):
            node["other"] = str(
                rng.choice(
                    ["uniform", "exact", "exact", "together:g", "together:h"], p=[0.25, 0.3, 0.25, 0.15, 0.05]
                )
            )
        if name == "root":
            node |= features[int(rng.integers(len(features)))] if rng.random() < 0.5 else {}
            continue
        if node.get("unimportant"):
            continue
        node |= features[int(rng.integers(len(features)))]
        kind = rng.random()
        if kind < 0.1:
            node["sampler"] = "uniform"
        elif kind < 0.32:
            node["sampler"] = "exact"
        elif kind < 0.4:
            node["sampler"] = [int(r) for r in rng.integers(n_inputs, size=3)]
        if "sampler" in node and rng.random() < 0.5 and kind < 0.32:
            for key in ("feature", "tolerance", "period"):
                node.pop(key, None)


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


def random_function_claim(rng: np.random.Generator, subject: Subject) -> nx.DiGraph:
    """Draw a hypothesis on a graph of functions."""
    machine: FunctionMachine = subject.machine
    wires = nx.DiGraph()
    wires.add_nodes_from(machine.domain.columns)
    for node, (parents, _) in machine.functions.items():
        wires.add_edges_from((parent, node) for parent in parents)
    graph = nx.DiGraph(name="random")
    graph.add_node("root", site="out")
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
    _finish(rng, graph, [{"feature": f} for f in FUNCTION_FEATURES], machine.domain.n)
    return graph
