"""The same hypotheses on the original implementation of causal scrubbing, rust_circuit (skipped without it).

Graphs of integer functions are written once and built for both. scrubkit enumerates the distribution of the
loss of every input; rust_circuit draws from it, and a chi-squared test over (input, loss) compares them.

rust_circuit is no dependency: ``pip install blake3 cattrs rust_circuit==0.4.12`` into an environment of
Python 3.11.
"""

from __future__ import annotations

import functools
import itertools
import uuid
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from scrubkit.core.feature import parse as parse_feature
from scrubkit.hypothesis import Hypothesis, from_graph
from scrubkit.scrubbing.exact import enumerate_outputs
from scrubkit.scrubbing.plan import bind
from scrubkit.subjects.function_graph import FunctionGraph

# It names no dependencies, and without this one panics at the first array instead of at its import.
pytest.importorskip("blake3", reason="blake3, which rust_circuit needs, is not installed")
rc = pytest.importorskip("rust_circuit")
original = pytest.importorskip("rust_circuit.causal_scrubbing.hypothesis")
datasets = pytest.importorskip("rust_circuit.causal_scrubbing.dataset")
experiments = pytest.importorskip("rust_circuit.causal_scrubbing.experiment")

Circuit = Mapping[str, tuple[str, ...]]
"""Functions by name in the order of computation: an operation and what it reads."""

VALUES = 3
DRAWS = 400
SURE = 1e-6
"""A p-value below this says that two distributions differ; the seeds are fixed, so no run fails by chance."""

OURS: Mapping[str, Callable[..., Tensor]] = {
    "add": lambda one, other: one + other,
    "mul": lambda one, other: one * other,
    "relu": lambda one: torch.relu(one - 2),
}


def circuit_of(circuit: Circuit) -> Any:
    """Build the functions of a circuit in rust_circuit and return the last."""
    made = {name: rc.Array(torch.zeros(()), name=name) for name in inputs()}
    theirs = {
        "add": lambda one, other: rc.Add(one, other),
        "mul": lambda one, other: rc.Einsum.elementwise_broadcasted(one, other),
        "relu": lambda one: rc.relu(rc.Add(one, rc.Scalar(-2.0))),
    }
    for name, (operation, *reads) in circuit.items():
        made[name] = theirs[operation](*(made[read] for read in reads)).rename(name)
    return made[list(circuit)[-1]]


def graph_of(circuit: Circuit) -> FunctionGraph:
    """Build the same functions as a function graph."""
    g = nx.DiGraph()
    g.add_nodes_from(inputs())
    for name, (operation, *reads) in circuit.items():
        g.add_edges_from((read, name) for read in reads)
        g.nodes[name]["fn"] = functools.partial(_call, OURS[operation], reads)
    return FunctionGraph(g.subgraph(nx.ancestors(g, name) | {name}), inputs())


def _call(operation: Callable[..., Tensor], reads: list[str], **values: Tensor) -> Tensor:
    return operation(*(values[read] for read in reads))


def inputs() -> dict[str, Tensor]:
    """All rows of three small numbers."""
    rows = torch.tensor(list(itertools.product(range(VALUES), repeat=3))).float()
    return {f"x{i}": rows[:, i] for i in range(3)}


def sampler(rule: Any, feature: str | None = None) -> Any:
    """Return rust_circuit's sampler for one of ours."""
    if rule == "feature":
        return original.FuncSampler(functools.partial(_values, feature))
    if rule.startswith("together:"):
        return original.UncondTogetherSampler(uuid.uuid5(uuid.NAMESPACE_OID, rule))
    return {"uniform": original.UncondSampler, "exact": original.ExactSampler}[rule]()


def _values(feature: str, rows: Any) -> Tensor:
    columns = {name: array.value.numpy() for name, array in rows.arrs.items()}
    return torch.from_numpy(np.stack(parse_feature(feature).values(columns, {}), axis=1))


def correspondence(claim: Hypothesis, *, resample_root: bool) -> Any:
    """Unroll a hypothesis into rust_circuit's tree of nodes and paths."""
    made = original.Correspondence()
    names = itertools.count()

    def add(name: str, place: Any, make: Callable[..., Any], rule: Any) -> None:
        node = claim.nodes[name]
        tree_node = make(rule, f"{name}_{next(names)}", sampler(node.other))
        made.add(tree_node, place)
        for parent, _ in node.parents:
            child = claim.nodes[parent]
            others = {n.site for n in claim.nodes.values()} - {child.site, node.site}
            below = original.chain_excluding(place, rc.Matcher(child.site), rc.Matcher(others))
            text = child.feature.text if child.feature else None
            add(parent, below, tree_node.make_descendant, sampler(child.sampler, text))

    root = claim.nodes[claim.root]
    rule = sampler("feature", root.feature.text) if resample_root and root.feature else sampler("exact")
    add(claim.root, original.corr_root_matcher, original.InterpNode, rule)
    return made


def drawn_losses(circuit: Circuit, claim: Hypothesis, label: Tensor, *, resample_root: bool) -> Tensor:
    """Return the losses that rust_circuit draws, (draw, input)."""
    rows = datasets.Dataset(tuple(rc.Array(column, name) for name, column in inputs().items()))
    paths = correspondence(claim, resample_root=resample_root)
    experiment = experiments.Experiment(circuit_of(circuit), rows, paths, random_seed=0)
    with warnings.catch_warnings():
        # It warns that a class has fewer members than draws were asked of it, which is meant here.
        warnings.simplefilter("ignore")
        scrubbed = experiment.scrub(rows[torch.arange(len(label)).repeat(DRAWS)])
        output = scrubbed.evaluate(experiments.ExperimentEvalSettings(device_dtype="cpu"))
    return (output.reshape(DRAWS, -1) - label).abs().round(decimals=3)


def p_value(circuit: Circuit, ours: Hypothesis, theirs: Hypothesis, *, resample_root: bool = False) -> float:
    """Return the p-value of their draws under our distribution of losses, over inputs and losses."""
    graph = graph_of(circuit)
    label = graph.clean(list(circuit)[-1], torch.arange(graph.n_inputs))
    drawn = drawn_losses(circuit, theirs, label, resample_root=resample_root)
    found, expected = [], []
    for x, outcome in enumerate(enumerate_outputs(graph, bind(ours, graph, resample_root=resample_root))):
        losses = (outcome.values - label[x]).abs().round(decimals=3)
        for value in torch.unique(torch.cat([losses, drawn[:, x]])):
            found.append(int((drawn[:, x] == value).sum()))
            expected.append(float(outcome.probabilities[losses == value].sum()) * DRAWS)
    counts, means = np.array(found), np.array(expected)
    if (counts[means < 1e-9] > 0).any():
        return 0.0
    # Cells of few expected draws are gathered into one, as the test needs.
    few = means < 5
    counts = np.append(counts[~few], counts[few].sum())
    means = np.append(means[~few], means[few].sum())
    # Each input's cells sum to DRAWS, which takes one degree of freedom for each.
    return float(chisquare(counts[means > 0], means[means > 0], ddof=graph.n_inputs - 1).pvalue)


def claim_of(nodes: dict[str, dict[str, Any]], *edges: tuple[str, str]) -> Hypothesis:
    graph = nx.DiGraph()
    for name, attributes in nodes.items():
        graph.add_node(name, **{"site": name, **attributes})
    graph.add_edges_from(edges)
    return from_graph(graph)


LAYERS: Circuit = {
    "A": ("add", "x0", "x1"),
    "B": ("mul", "x1", "x2"),
    "C": ("mul", "A", "B"),
    "out": ("add", "C", "x0"),
}
CLAIMS: Mapping[str, Hypothesis] = {
    "leaves": claim_of(
        {"A": {"feature": "x0 + x1"}, "B": {"feature": "x1"}, "out": {}}, ("A", "out"), ("B", "out")
    ),
    "two_levels": claim_of(
        {"x1": {"feature": "x1 > 0"}, "A": {"feature": "x0"}, "B": {"feature": "x1 * x2"}, "out": {}},
        ("x1", "B"),
        ("A", "out"),
        ("B", "out"),
    ),
    "shared": claim_of(
        {"x1": {"feature": "x1"}, "A": {"feature": "x1"}, "B": {"feature": "x1, x2"}, "out": {}},
        ("x1", "A"),
        ("x1", "B"),
        ("A", "out"),
        ("B", "out"),
    ),
    "skip_path": claim_of(
        {"x0": {"feature": "x0 % 2"}, "A": {"feature": "x0 + x1"}, "out": {}}, ("x0", "out"), ("A", "out")
    ),
    "samplers": claim_of(
        {
            "x2": {"sampler": "uniform"},
            "B": {"sampler": "exact", "other": "exact"},
            "A": {"feature": "x0"},
            "out": {"other": "exact"},
        },
        ("x2", "B"),
        ("A", "out"),
        ("B", "out"),
    ),
    "together": claim_of(
        {
            "x0": {"feature": "x0"},
            "x2": {"feature": "x2"},
            "A": {"feature": "x0", "other": "together:one"},
            "B": {"feature": "x2", "other": "together:one"},
            "out": {},
        },
        ("x0", "A"),
        ("x2", "B"),
        ("A", "out"),
        ("B", "out"),
    ),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_losses_have_the_same_distribution(name: str) -> None:
    assert p_value(LAYERS, CLAIMS[name], CLAIMS[name]) > SURE


@pytest.mark.parametrize("name", ["leaves", "shared", "skip_path"])
def test_losses_differ_where_claims_differ(name: str) -> None:
    assert p_value(LAYERS, CLAIMS[name], CLAIMS["two_levels"]) < SURE


def test_redrawing_the_reference() -> None:
    nodes = {"A": {"feature": "x0 + x1"}, "out": {"feature": "x0 + x1"}}
    claim = claim_of(nodes, ("A", "out"))
    assert p_value(LAYERS, claim, claim, resample_root=True) > SURE


def test_a_neuron() -> None:
    circuit: Circuit = {"pre": ("add", "x0", "x1"), "post": ("relu", "pre"), "out": ("mul", "post", "x2")}
    nodes = {"pre": {"feature": "x0"}, "post": {"feature": "x0 + x1 > 2"}, "out": {}}
    claim = claim_of(nodes, ("pre", "post"), ("post", "out"))
    assert p_value(circuit, claim, claim) > SURE
