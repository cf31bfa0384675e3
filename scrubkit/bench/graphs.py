"""Graphs of a few functions on which causal scrubbing is known by enumeration, as labelled cases.

They hold the failure modes that Chan et al. 2022 describe in their appendix on limitations: large deviations,
cancellation, correlated features, neglected inhibition, interference removed by separate draws. Plain loss
recovered is fooled by most of them; no model is needed to see it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import networkx as nx
import torch
from jaxtyping import Float
from torch import Tensor

from scrubkit.errors import BenchError, nearest
from scrubkit.subjects.function_graph import FunctionGraph

Functions = Mapping[str, Callable[..., Tensor]]
Claim = tuple[Mapping[str, tuple[str, str | None]], tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class GraphTask:
    """A function graph with what it should compute.

    Attributes:
        graph: the functions on their dataset, with label and loss.
        label: what the output should be, an expression over the inputs.
        loss: ``loss(output, label)``, one number per row; for "hit" and "product" more is better.
    """

    graph: FunctionGraph
    label: str
    loss: Callable[[Tensor, Tensor], Float[Tensor, " row"]]


@dataclass(frozen=True)
class _Definition:
    functions: Functions
    inputs: str
    rows: Sequence[tuple[int, ...]]
    label: str
    loss: str = "distance"


LOSSES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "distance": lambda output, label: (output - label).abs().double(),
    "squared": lambda output, label: (output - label).square().double(),
    "hit": lambda output, label: (output == label).double(),
    "product": lambda output, label: (output * label).double(),
}
"""Losses and scores by name."""

_DIGITS = tuple((v,) for v in range(10))
_PAIRS = tuple(itertools.product(range(10), repeat=2))
_A = {"A": lambda x0: 2 * x0}
_OUT = {"out": lambda A, B: A + B}  # noqa: N803 - parents are found by the names of parameters
GRAPHS: Mapping[str, _Definition] = {
    "separate": _Definition({**_A, "B": lambda x1: 3 * x1, **_OUT}, "x0 x1", _PAIRS, "2*x0 + 3*x1"),
    "deviation": _Definition(
        {"A": lambda x0, x1: 2 * x0 + x1, "B": lambda x1: 3 * x1, **_OUT}, "x0 x1", _PAIRS, "2*x0 + 3*x1"
    ),
    "residual": _Definition(
        {"A": lambda x0, x1: x0 + x1, "out": lambda A, x1: A + x1},  # noqa: N803
        "x0 x1",
        _PAIRS,
        "x0 + 2*x1",
    ),
    "twice": _Definition({**_A, "B": lambda x0: 3 * x0, **_OUT}, "x0", _DIGITS, "5*x0"),
    "mixed": _Definition(
        {"A": lambda x0, x1: 2 * x0 + x1, "B": lambda x0, x1: x0 + 2 * x1, **_OUT},
        "x0 x1",
        _PAIRS,
        "3*x0 + 3*x1",
    ),
    "shared": _Definition(
        {"A": lambda x0, x2: x0 + x2, "B": lambda x1, x2: x1 - x2, **_OUT},
        "x0 x1 x2",
        tuple(itertools.product(range(10), repeat=3)),
        "x0 + x1",
    ),
    "correlated": _Definition(
        {"out": lambda x0, x1: x0 + x1}, "x0 x1", tuple((v, 2 * v) for v in range(10)), "x0 + x1"
    ),
    "xor": _Definition(
        {"g": lambda b, c: b * c, "out": lambda a, g: (a + g) % 2},
        "a b c",
        tuple(itertools.product((0, 1), repeat=3)),
        "a",
        "hit",
    ),
    "copy": _Definition(
        {"A": lambda x0: 1 * x0, "out": lambda A: 1 * A},  # noqa: N803
        "x0 x1",
        ((0, 0),) * 19 + ((0, 1),) + ((1, 1),) * 19 + ((1, 0),),
        "x0",
        "hit",
    ),
    "inhibition": _Definition(
        {"n": lambda h: 1 * h, "out": lambda h, n: h * (2 * h - n)}, "h", ((0,), (1,)), "h", "product"
    ),
    "interference": _Definition(
        {"e1": lambda e: 1 * e, "e2": lambda e: 1 * e, "out": lambda s, e1, e2: 3 * s + e1 + e2},
        "s e",
        tuple(itertools.product((-1, 1), repeat=2)),
        "3*s",
        "squared",
    ),
    "parity": _Definition(
        {"A": lambda x0: x0 % 2, "B": lambda x1: x1 // 5, **_OUT}, "x0 x1", _PAIRS, "x0 % 2 + x1 // 5"
    ),
    "idle": _Definition({**_A, "B": lambda x1: 0 * x1, **_OUT}, "x0 x1", _PAIRS, "2*x0"),
    "representation": _Definition(
        {"T1": lambda z: 1 * z, "T2": lambda z: -z, "out": lambda s, T1, T2: s + T1 + T2},  # noqa: N803
        "s z",
        _PAIRS,
        "s",
    ),
}
"""Name to graph."""

_ONE_EACH: Claim = ({"A": ("A", "x0"), "B": ("B", "x1")}, (("A", "root"), ("B", "root")))
_INPUTS: Claim = (
    {"A": ("A", "x0"), "B": ("B", "x1"), "a": ("x0", "x0"), "b": ("x1", "x1")},
    (("a", "A"), ("b", "B"), ("A", "root"), ("B", "root")),
)
_ONLY_A: Claim = ({"A": ("A", "x0")}, (("A", "root"),))


_FED = _INPUTS[1]


def _fed(one: str, other: str) -> Claim:
    return ({"A": ("A", one), "B": ("B", other), "a": ("x0", "x0"), "b": ("x1", "x1")}, _FED)


def _leaf(site: str, feature: str) -> Claim:
    return ({"leaf": (site, feature)}, (("leaf", "root"),))


def _both(one: str, other: str) -> Claim:
    return ({"A": ("A", one), "B": ("B", other)}, (("A", "root"), ("B", "root")))


CLAIMS: Sequence[tuple[str, str, Claim]] = (
    ("identical", "separate", _INPUTS),
    ("leaves", "separate", _ONE_EACH),
    ("refined", "separate", _both("(x0, x1 % 2)", "(x0 % 2, x1)")),
    ("renamed", "separate", _both("x0 + 5", "7 * x1")),
    ("swapped_features", "separate", _both("x1", "x0")),
    ("coarser", "separate", _both("x0 // 5", "x1")),
    ("unspecified", "separate", _ONLY_A),
    ("identity", "separate", _both("(x0, x1)", "(x0, x1)")),
    ("large_deviation", "deviation", _ONE_EACH),
    ("whole_deviation", "deviation", _both("2*x0 + x1", "x1")),
    ("spread_over_two", "twice", _ONLY_A),
    ("both_of_two", "twice", _both("x0", "x0")),
    ("cancel", "shared", _ONE_EACH),
    ("right_parts", "shared", _both("x0 + x2", "x1 - x2")),
    ("swapped_parts", "mixed", _both("x0 + 2*x1", "x0 + x1")),
    ("right_mixture", "mixed", _both("2*x0 + x1", "x0 + 2*x1")),
    (
        "spread_over_residual",
        "residual",
        ({"A": ("A", "x0"), "b": ("x1", "x1")}, _ONE_EACH[1][:1] + (("b", "root"),)),
    ),
    (
        "right_residual",
        "residual",
        ({"A": ("A", "x0 + x1"), "b": ("x1", "x1")}, _ONE_EACH[1][:1] + (("b", "root"),)),
    ),
    ("right_classes", "parity", _fed("x0 % 2", "x1 // 5")),
    ("renamed_classes", "parity", _fed("1 - x0 % 2", "3 * (x1 // 5)")),
    ("refined_classes", "parity", _fed("x0 % 4 % 2 + 2 * (x0 // 5)", "(x1 // 5, x1 % 2)")),
    ("other_modulus", "parity", _fed("x0 % 3", "x1 // 5")),
    ("swapped_classes", "parity", _fed("x0 // 5", "x1 % 2")),
    ("shifted_classes", "parity", _fed("x0 % 2", "(x1 + 1) // 5")),
    ("idle_left_out", "idle", _ONLY_A),
    ("idle_matters", "idle", _ONE_EACH),
    ("idle_is_constant", "idle", _both("x0", "0")),
    ("correlated_data", "correlated", _leaf("x0", "x0")),
    ("cancellation", "xor", _leaf("a", "a")),
    ("whole_xor", "xor", ({"a": ("a", "a"), "g": ("g", "b*c")}, (("a", "root"), ("g", "root")))),
    ("correlated_feature", "copy", _leaf("A", "x1")),
    ("right_copy", "copy", _leaf("A", "x0")),
    ("interference", "interference", _leaf("s", "s")),
    (
        "separate_draws",
        "interference",
        (
            {"s": ("s", "s"), "e1": ("e1", "0"), "e2": ("e2", "0")},
            (("s", "root"), ("e1", "root"), ("e2", "root")),
        ),
    ),
    (
        "whole_interference",
        "interference",
        (
            {"s": ("s", "s"), "e1": ("e1", "e"), "e2": ("e2", "e")},
            (("s", "root"), ("e1", "root"), ("e2", "root")),
        ),
    ),
    ("cancelling_pair", "representation", _leaf("s", "s")),
    (
        "cancelling_apart",
        "representation",
        (
            {"s": ("s", "s"), "T1": ("T1", "0"), "T2": ("T2", "0")},
            (("s", "root"), ("T1", "root"), ("T2", "root")),
        ),
    ),
    ("direct_inhibition", "inhibition", _leaf("h", "h")),
)
"""Name of a claim, the graph that it is about, and its nodes (site, feature) and edges."""
MEANINGS: Mapping[str, str] = {
    "identical": "The graph itself is claimed, down to its inputs, so that nothing can be resampled.",
    "leaves": "Both terms of a sum are named, each with the input that it is made of.",
    "refined": "Each term is given its own input and more besides, which is true and tests nothing.",
    "renamed": "Features are other names for the same classes.",
    "swapped_features": "Each term is said to depend on the input of the other.",
    "coarser": "Half of what a term depends on is left out of its feature.",
    "unspecified": "One of two terms that matter is not named.",
    "identity": "Both terms are said to depend on the whole input, which is true of anything.",
    "large_deviation": "A term is said to depend on one input, and depends a little on another.",
    "spread_over_two": "A value stands in two places, of which one is named.",
    "both_of_two": "A value stands in two places, and both are named.",
    "cancel": "Two terms share an input that cancels between them; neither feature names it.",
    "swapped_parts": "Two terms are each described by what the two of them add up to, split in another way.",
    "spread_over_residual": "A term is said to depend on one input, and holds the one read beside it too.",
    "other_modulus": "A parity is said to be a remainder of another modulus.",
    "swapped_classes": "The features of two inputs are exchanged.",
    "shifted_classes": "The classes of a feature are moved by one.",
    "idle_matters": "A node that is always 0 is said to matter.",
    "idle_is_constant": "A node that is always 0 is named, with the true claim that it is constant.",
    "correlated_data": "One of two inputs that always go together is named, and the other is read too.",
    "cancellation": "Inputs get better and worse in equal number: the mean loss stays as it is.",
    "correlated_feature": "A feature that agrees with the true one on 95 % of the inputs stands in for it.",
    "right_copy": "The one node that is read is named with its own input.",
    "interference": "Noise that the claim does not name costs the graph loss, and scrubbing takes it away.",
    "separate_draws": "Two nodes that hold one noise are called constant, so that it averages out.",
    "whole_interference": "All that the sum reads is named, each with its own input.",
    "cancelling_apart": "Two nodes that cancel are each called constant.",
    "direct_inhibition": "A path that inhibits the output is not named: without it the output is better.",
}
"""What each claim that is not true does, in a sentence."""


def find(name: str) -> GraphTask:
    """Return a function graph by name.

    Raises:
        BenchError: there is no such graph.
    """
    if name not in GRAPHS:
        raise BenchError(f"no function graph {name!r}{nearest(name, GRAPHS)}; there are: {', '.join(GRAPHS)}")
    definition = GRAPHS[name]
    graph = nx.DiGraph()
    for node, function in definition.functions.items():
        code = function.__code__
        graph.add_edges_from((parent, node) for parent in code.co_varnames[: code.co_argcount])
        graph.nodes[node]["fn"] = function
    table = torch.tensor(definition.rows)
    inputs = {variable: table[:, i] for i, variable in enumerate(definition.inputs.split())}
    for variable in inputs:
        # An input that nothing reads is still a variable that features may name.
        graph.add_node(variable)
    label, loss = definition.label, LOSSES[definition.loss]
    return GraphTask(FunctionGraph(graph, inputs, label=label, loss=loss), label, loss)


def claims() -> Iterator[tuple[str, str, nx.DiGraph]]:
    """Yield the name of each claim, its function graph's name, and the hypothesis as a graph."""
    for name, about, (nodes, edges) in CLAIMS:
        graph = nx.DiGraph(name=name)
        graph.add_node("root", site="out")
        for node, (site, feature) in nodes.items():
            graph.add_node(node, site=site, feature=feature)
        direct = {"paths": "direct"} if name.startswith("direct") else {}
        graph.add_edges_from(edges, **direct)
        yield name, about, graph
