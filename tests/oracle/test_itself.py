"""The oracle against values that were found without it: exact fractions, and its own random draws."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import networkx as nx
import numpy as np
import pytest

from tests.oracle.adapter import Subject, build, numbers
from tests.oracle.compare import oracle_figures, sampled_figures
from tests.oracle.domain import Domain
from tests.oracle.machine import FunctionMachine

DIGITS = np.array(list(itertools.product(range(10), repeat=2)))
BITS = np.array([[0], [1]])
SIGNS = np.array(list(itertools.product((-1, 1), repeat=2)))
PAIRS = np.array([(0, 0)] * 19 + [(0, 1)] + [(1, 1)] * 19 + [(1, 0)])
SEPARATE = {"A": (["x0"], lambda x: 2 * x), "B": (["x1"], lambda x: 3 * x), "out": ("AB", lambda a, b: a + b)}
MIXED = {
    "A": (["x0", "x1"], lambda x, y: 2 * x + y),
    "B": (["x0", "x1"], lambda x, y: x + 2 * y),
    "out": ("AB", lambda a, b: a + b),
}
INHIBITION = {"n": (["h"], lambda h: h), "out": (["h", "n"], lambda h, n: h * (2 * h - n))}
NOISY = {
    "e1": (["e"], lambda e: e),
    "e2": (["e"], lambda e: e),
    "out": (["s", "e1", "e2"], lambda s, x, y: 3 * s + x + y),
}
COPY = {"A": (["x0"], lambda x: x), "out": (["A"], lambda a: a)}


def distance(output: Any, label: Any) -> Any:
    return abs(output - label)


def squared(output: Any, label: Any) -> Any:
    return (output - label) ** 2


def product(output: Any, label: Any) -> Any:
    return output * label


def hit(output: Any, label: Any) -> Any:
    return (output == label).astype(float)


def claim(
    nodes: dict[str, tuple[str, str]], edges: Sequence[str], root: dict[str, Any] | None = None, **edge: Any
) -> nx.DiGraph:
    """A hypothesis; an edge is written "parent reader", and nodes are (site, feature)."""
    graph = nx.DiGraph()
    graph.add_node("root", site="out", **(root or {}))
    for name, (site, feature) in nodes.items():
        graph.add_node(name, site=site, feature=feature)
    graph.add_edges_from((tuple(e.split()) for e in edges), **edge)
    return graph


ONE_EACH = {"A": ("A", "x0"), "B": ("B", "x1")}
SWAPPED = {"A": ("A", "x0 + 2*x1"), "B": ("B", "x0 + x1")}
TO_ROOT = ["A root", "B root"]
SUM = "2*x0 + 3*x1"
ROWS = [
    ("identical", SEPARATE, DIGITS, SUM, distance, claim(ONE_EACH, TO_ROOT), "0", "14831/1250", {}),
    (
        "swapped",
        MIXED,
        DIGITS,
        "3*x0 + 3*x1",
        distance,
        claim(SWAPPED, TO_ROOT),
        "1534763/420000",
        "34749/2500",
        {},
    ),
    (
        "redrawn",
        MIXED,
        DIGITS,
        "3*x0 + 3*x1",
        distance,
        claim(SWAPPED, TO_ROOT, {"feature": SUM}),
        "14718443/3780000",
        "34749/2500",
        {"resample_root": True},
    ),
    (
        "unspecified",
        SEPARATE,
        DIGITS,
        SUM,
        distance,
        claim({"A": ("A", "x0")}, ["A root"]),
        "99/10",
        "14831/1250",
        {},
    ),
    (
        "other exact",
        SEPARATE,
        DIGITS,
        SUM,
        distance,
        claim({"A": ("A", "x0")}, ["A root"], {"other": "exact"}),
        "0",
        "14831/1250",
        {},
    ),
    (
        "direct",
        INHIBITION,
        BITS,
        "h",
        product,
        claim({"h": ("h", "h")}, ["h root"], paths="direct"),
        "3/4",
        "1/4",
        {},
    ),
    ("all paths", INHIBITION, BITS, "h", product, claim({"h": ("h", "h")}, ["h root"]), "1/2", "1/4", {}),
    ("shared draw", NOISY, SIGNS, "3*s", squared, claim({"s": ("s", "s")}, ["s root"]), "4", "22", {}),
    (
        "separate draws",
        NOISY,
        SIGNS,
        "3*s",
        squared,
        claim({"s": ("s", "s"), "1": ("e1", "0"), "2": ("e2", "0")}, ["s root", "1 root", "2 root"]),
        "2",
        "22",
        {},
    ),
    ("multiset", COPY, PAIRS, "x0", hit, claim({"A": ("A", "x1")}, ["A root"]), "181/200", "1/2", {}),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_oracle_gives_the_exact_fractions(row: tuple[Any, ...]) -> None:
    _, functions, rows, label, loss, graph, scrubbed, baseline, options = row
    names = sorted({p for parents, _ in functions.values() for p in parents} - set(functions))
    names = ["s", "e"] if "s" in names else (["x0", "x1"][: rows.shape[1]] if "x0" in names else names)
    columns = {name: rows[:, i] for i, name in enumerate(names)}
    domain = Domain(columns, {}, rows, np.full(len(rows), 1 / len(rows)))
    right = np.array([value[0] for value in domain.feature(label)])
    subject = Subject("row", print, FunctionMachine(functions, domain), label=right, loss=loss)
    found = oracle_figures(subject, graph, most=200_000, **options)
    assert found["scrubbed_loss"] == pytest.approx(float(Fraction(scrubbed)), abs=1e-10)
    assert found["baseline_loss"] == pytest.approx(float(Fraction(baseline)), abs=1e-10)


def deep() -> nx.DiGraph:
    """Too many joint draws to go through: four layers of nodes, a shared node and a shared draw."""
    graph = nx.DiGraph(name="deep", task="modular_addition")
    graph.add_node("root", site="logits")
    graph.add_node("post", site="blocks.0.mlp.hook_post[pos=-1, neurons=0-3]", feature="(a + b) % p")
    graph.add_node("mid", site="blocks.0.hook_resid_mid[pos=-1]", feature="a", other="together:g")
    graph.add_node("z", site="blocks.0.attn.hook_z[pos=-1, head=0]", feature="b", other="together:g")
    graph.add_node("v", site="blocks.0.attn.hook_v[head=0]", feature="a % 2")
    graph.add_node("e", site="hook_embed[pos=0]", feature="a", sampler="uniform")
    graph.add_edges_from(
        [("e", "v"), ("v", "z"), ("z", "mid"), ("z", "root"), ("mid", "post"), ("post", "root")]
    )
    return graph


@pytest.mark.parametrize("name", ["untrained-p7", "bridge-two-layers-norm"])
def test_two_samplings_of_a_deep_tree_agree_within_six_standard_errors(name: str) -> None:
    subject, draws = build(name), 48
    mine = sampled_figures(subject, deep(), draws=draws, seed=1)
    theirs = numbers(subject.theirs(deep(), draws=draws))
    for figure in ("scrubbed_loss", "kl", "fidelity", "agreement", "accuracy", "abs_loss_change"):
        value, low, high = theirs[figure]
        expected, error = mine[figure]
        both = np.hypot(error, (high - low) / 4)
        assert abs(value - expected) < 6 * both + 1e-9, (figure, value, expected, both)


def test_draws_of_the_oracle_have_the_expectation_that_it_enumerates() -> None:
    subject = build("untrained-p5")
    graph = deep()
    graph.remove_nodes_from(["v", "e", "mid", "post"])
    graph.nodes["z"].pop("other")
    graph.nodes["root"]["feature"] = "a"
    exact = oracle_figures(subject, graph, resample_root=True)
    for figure, (value, error) in sampled_figures(
        subject, graph, draws=60, seed=0, resample_root=True
    ).items():
        if figure != "worst_label_loss":
            assert abs(value - exact[figure]) <= 5 * error + 1e-12, figure
