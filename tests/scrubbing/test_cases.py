"""Exact values of causal scrubbing on small graphs, found by exhaustive enumeration in fractions.

A row is a graph of functions, a label, a hypothesis, and the losses of model, scrub and baseline. Among
them are the failure modes that Chan et al. 2022 describe: large deviations, cancellation, neglected
inhibition, interference, correlated features.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import networkx as nx
import pytest
import torch
from torch import Tensor

from scrubkit.scrubbing.functions import scrub
from scrubkit.subjects.function_graph import FunctionGraph


def digits(n: int) -> dict[str, Tensor]:
    """All rows of n digits."""
    rows = torch.tensor(list(itertools.product(range(10), repeat=n)))
    return {f"x{i}": rows[:, i] for i in range(n)}


def rows(names: str, values: Sequence[tuple[int, ...]]) -> dict[str, Tensor]:
    """A dataset given row by row."""
    table = torch.tensor(values)
    return {name: table[:, i] for i, name in enumerate(names.split())}


def functions(**made: Callable[..., Tensor]) -> nx.DiGraph:
    """A graph of functions; parents are read off their parameters."""
    graph = nx.DiGraph()
    for name, function in made.items():
        for parent in function.__code__.co_varnames[: function.__code__.co_argcount]:
            graph.add_edge(parent, name)
        graph.nodes[name]["fn"] = function
    return graph


def claim(nodes: dict[str, dict[str, Any]], *edges: tuple[str, str], paths: str = "all") -> nx.DiGraph:
    """A hypothesis; node "root" is its root."""
    graph = nx.DiGraph()
    for name, attributes in nodes.items():
        graph.add_node(name, **attributes)
    graph.add_edges_from(edges, **({"paths": paths} if paths != "all" else {}))
    return graph


def distance(output: Tensor, label: Tensor) -> Tensor:
    return (output - label).abs()


def squared(output: Tensor, label: Tensor) -> Tensor:
    return (output - label) ** 2


def hit(output: Tensor, label: Tensor) -> Tensor:
    return (output == label).double()


def product(output: Tensor, label: Tensor) -> Tensor:
    return (output * label).double()


@dataclass(frozen=True)
class Row:
    """One exact value."""

    name: str
    graph: nx.DiGraph
    inputs: dict[str, Tensor]
    label: str
    hypothesis: nx.DiGraph
    model: str
    scrubbed: str
    baseline: str
    percent: float
    loss: Callable[[Tensor, Tensor], Tensor] = distance
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


def node(site: str, feature: str | None = None, **more: Any) -> dict[str, Any]:
    return {"site": site, **({"feature": feature} if feature else {}), **more}


SEPARATE = functions(A=lambda x0: 2 * x0, B=lambda x1: 3 * x1, out=lambda A, B: A + B)
MIXED = functions(A=lambda x0, x1: 2 * x0 + x1, B=lambda x0, x1: x0 + 2 * x1, out=lambda A, B: A + B)
DEVIATION = functions(A=lambda x0, x1: 2 * x0 + x1, B=lambda x1: 3 * x1, out=lambda A, B: A + B)
RESIDUAL = functions(A=lambda x0, x1: x0 + x1, out=lambda A, x1: A + x1)
TWICE = functions(A=lambda x0: 2 * x0, B=lambda x0: 3 * x0, out=lambda A, B: A + B)
SHARED = functions(A=lambda x0, x2: x0 + x2, B=lambda x1, x2: x1 - x2, out=lambda A, B: A + B)
SUM = functions(out=lambda x0, x1: x0 + x1)
XOR = functions(g=lambda b, c: b * c, out=lambda a, g: (a + g) % 2)
COPY = functions(A=lambda x0: 1 * x0, out=lambda A: 1 * A)
INHIBITION = functions(n=lambda h: 1 * h, out=lambda h, n: h * (2 * h - n))
NOISY = functions(e1=lambda e: 1 * e, e2=lambda e: 1 * e, out=lambda s, e1, e2: 3 * s + e1 + e2)
CANCELLING = functions(T1=lambda z: 1 * z, T2=lambda z: -z, out=lambda s, T1, T2: s + T1 + T2)

BITS = rows("a b c", list(itertools.product((0, 1), repeat=3)))
PAIRS = rows("x0 x1", [(0, 0)] * 19 + [(0, 1)] + [(1, 1)] * 19 + [(1, 0)])
SIGNS = rows("s e", list(itertools.product((-1, 1), repeat=2)))
DIGIT_PAIRS = rows("s z", list(itertools.product(range(10), repeat=2)))

ROOT = {"root": node("out")}
LEAF_A_B = (("A", "root"), ("B", "root"))
IDENTICAL = claim(
    {**ROOT, "A": node("A", "x0"), "B": node("B", "x1"), "a": node("x0", "x0"), "b": node("x1", "x1")},
    ("a", "A"),
    ("b", "B"),
    *LEAF_A_B,
)
SWAPPED = claim({**ROOT, "A": node("A", "x0 + 2*x1"), "B": node("B", "x0 + x1")}, *LEAF_A_B)
RIGHT = claim({**ROOT, "A": node("A", "2*x0 + x1"), "B": node("B", "x0 + 2*x1")}, *LEAF_A_B)
ONE_EACH = claim({**ROOT, "A": node("A", "x0"), "B": node("B", "x1")}, *LEAF_A_B)
ONLY_A = claim({**ROOT, "A": node("A", "x0")}, ("A", "root"))
ONLY_A_EXACT = claim({"root": node("out", other="exact"), "A": node("A", "x0")}, ("A", "root"))
A_AND_REST = claim(
    {**ROOT, "A": node("A", "x0"), "a": node("x0", "x0"), "b": node("x1", "x1")},
    ("a", "A"),
    ("A", "root"),
    ("b", "root"),
)
A_FROM_X0 = claim({**ROOT, "A": node("A", "x0"), "a": node("x0", "x0")}, ("a", "A"), ("A", "root"))


def only(site: str, feature: str | None = None, paths: str = "all") -> nx.DiGraph:
    return claim({**ROOT, "leaf": node(site, feature or site)}, ("leaf", "root"), paths=paths)


ONLY_S = only("s")
S_E1_E2 = claim(
    {**ROOT, "s": node("s", "s"), "e1": node("e1", "0"), "e2": node("e2", "0")},
    ("s", "root"),
    ("e1", "root"),
    ("e2", "root"),
)
S_T1_T2 = claim(
    {**ROOT, "s": node("s", "s"), "T1": node("T1", "0"), "T2": node("T2", "0")},
    ("s", "root"),
    ("T1", "root"),
    ("T2", "root"),
)

CASES = [
    Row("identical", SEPARATE, digits(2), "2*x0 + 3*x1", IDENTICAL, "0", "0", "14831/1250", 100),
    Row(
        "spread over the residual",
        RESIDUAL,
        digits(2),
        "x0 + 2*x1",
        A_AND_REST,
        "0",
        "33/10",
        "18437/2500",
        55.2530,
    ),
    Row("spread over two nodes", TWICE, digits(1), "5*x0", A_FROM_X0, "0", "99/10", "33/2", 40),
    Row("large deviation", DEVIATION, digits(2), "2*x0 + 3*x1", ONE_EACH, "9/2", "9/2", "69407/5000", 100),
    Row("intermediates cancel", SHARED, digits(3), "x0 + x1", ONE_EACH, "0", "33/10", "11583/2500", 28.7749),
    Row(
        "swapped intermediates",
        MIXED,
        digits(2),
        "3*x0 + 3*x1",
        SWAPPED,
        "0",
        "1534763/420000",
        "34749/2500",
        73.7101,
    ),
    Row(
        "swapped intermediates with the root redrawn",
        MIXED,
        digits(2),
        "3*x0 + 3*x1",
        SWAPPED,
        "0",
        "14718443/3780000",
        "34749/2500",
        71.9865,
        options={"resample_root": "2*x0 + 3*x1"},
    ),
    Row("right intermediates", MIXED, digits(2), "3*x0 + 3*x1", RIGHT, "0", "0", "34749/2500", 100),
    Row(
        "correlated data",
        SUM,
        rows("x0 x1", [(v, 2 * v) for v in range(10)]),
        "x0 + x1",
        only("x0"),
        "0",
        "33/5",
        "99/10",
        33.3333,
    ),
    Row("unspecified node", SEPARATE, digits(2), "2*x0 + 3*x1", ONLY_A, "0", "99/10", "14831/1250", 16.5599),
    Row(
        "unspecified node, other exact",
        SEPARATE,
        digits(2),
        "2*x0 + 3*x1",
        ONLY_A_EXACT,
        "0",
        "0",
        "14831/1250",
        100,
    ),
    Row("cancellation", XOR, BITS, "a", only("a"), "3/4", "3/4", "1/2", 100, loss=hit),
    Row(
        "cancellation, agreement with the model's own output",
        XOR,
        BITS,
        "(a + b*c) % 2",
        only("a"),
        "1",
        "5/8",
        "1/2",
        25,
        loss=hit,
    ),
    Row("correlated feature", COPY, PAIRS, "x0", only("A", "x1"), "1", "181/200", "1/2", 81, loss=hit),
    Row(
        "neglected inhibition",
        INHIBITION,
        rows("h", [(0,), (1,)]),
        "h",
        only("h", paths="direct"),
        "1/2",
        "3/4",
        "1/4",
        200,
        loss=product,
    ),
    Row(
        "inhibition, all paths",
        INHIBITION,
        rows("h", [(0,), (1,)]),
        "h",
        only("h"),
        "1/2",
        "1/2",
        "1/4",
        100,
        loss=product,
    ),
    Row("interference", NOISY, SIGNS, "3*s", ONLY_S, "4", "4", "22", 100, loss=squared),
    Row("interference, separate draws", NOISY, SIGNS, "3*s", S_E1_E2, "4", "2", "22", 111.1111, loss=squared),
    Row("representation", CANCELLING, DIGIT_PAIRS, "s", ONLY_S, "0", "0", "33/10", 100),
    Row("representation, separate draws", CANCELLING, DIGIT_PAIRS, "s", S_T1_T2, "0", "33/10", "33/10", 0),
]


@pytest.mark.parametrize("row", CASES, ids=str)
def test_exact_scrub_equals_the_value_by_enumeration(row: Row) -> None:
    graph = FunctionGraph(row.graph, row.inputs)
    score = scrub(graph, row.hypothesis, label=row.label, loss=row.loss, exact=True, **row.options)
    assert score.model_loss == pytest.approx(float(Fraction(row.model)), abs=1e-9)
    assert score.scrubbed_loss.value == pytest.approx(float(Fraction(row.scrubbed)), abs=1e-9)
    assert score.baseline_loss == pytest.approx(float(Fraction(row.baseline)), abs=1e-9)
    assert 100 * score.loss_recovered.value == pytest.approx(row.percent, abs=5e-5)
    assert score.scrubbed_loss.low == score.scrubbed_loss.high


@pytest.mark.parametrize("row", CASES, ids=str)
def test_interval_of_a_sampled_scrub_holds_the_exact_value(row: Row) -> None:
    """With 25 values at 99.9 % and fixed seeds; a wrong engine is far outside."""
    graph = FunctionGraph(row.graph, row.inputs)
    score = scrub(
        graph, row.hypothesis, label=row.label, loss=row.loss, exact=False, draws=200, seed=1, **row.options
    )
    exact = float(Fraction(row.scrubbed))
    half = (score.scrubbed_loss.high - score.scrubbed_loss.low) / 2
    assert abs(score.scrubbed_loss.value - exact) <= 1.7 * half + 1e-12


def test_repeated_rows_and_weights_are_the_same_thing() -> None:
    weighted = rows("x0 x1", [(0, 0), (0, 1), (1, 1), (1, 0)])
    hypothesis = only("A", "x1")
    by_rows = scrub(FunctionGraph(COPY, PAIRS), hypothesis, label="x0", loss=hit)
    by_weight = scrub(FunctionGraph(COPY, weighted, weights=[19, 1, 19, 1]), hypothesis, label="x0", loss=hit)
    assert by_weight.scrubbed_loss.value == pytest.approx(by_rows.scrubbed_loss.value, abs=1e-12)
    assert by_weight.baseline_loss == pytest.approx(by_rows.baseline_loss, abs=1e-12)
    sampled = scrub(
        FunctionGraph(COPY, weighted, weights=[19, 1, 19, 1]),
        hypothesis,
        label="x0",
        loss=hit,
        exact=False,
        draws=2000,
    )
    assert sampled.scrubbed_loss.low <= 181 / 200 <= sampled.scrubbed_loss.high


def test_a_hypothesis_that_resamples_nothing_is_untestable() -> None:
    score = scrub(FunctionGraph(SEPARATE, digits(2)), IDENTICAL, label="2*x0 + 3*x1", loss=distance)
    assert score.verdict == "untestable"
