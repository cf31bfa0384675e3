"""The models and hypotheses of the conformance checks: small, quickly compiled, with plain answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import networkx as nx

from scrubkit.families.modular.compile import compile_model
from scrubkit.families.modular.suites.hypotheses import FAMILIES
from scrubkit.families.modular.suites.known import Known
from scrubkit.hypothesis import Hypothesis, from_graph
from scrubkit.models.model import Model
from scrubkit.subjects.sites import Sites


@lru_cache(maxsize=1)
def small_model() -> Model:
    """Return a clock model of addition modulo 13."""
    return compile_model(variant="clock-torus", p=13, frequencies=(2, 5))


@lru_cache(maxsize=1)
def tiny_model() -> Model:
    """Return a clock model of addition modulo 5, on which a scrub can be enumerated in a moment."""
    return compile_model(variant="clock-torus", p=5, frequencies=(1,))


@lru_cache(maxsize=1)
def other_model() -> Model:
    """Return a model of another modulus, algorithm, width and number of heads."""
    return compile_model(variant="pizza", p=11, frequencies=(1, 3, 4))


def sum_claim(model: Model) -> Hypothesis:
    """Return the true claim: each cluster of neurons hands the logits a function of the sum."""
    graph = FAMILIES["clusters"](Known.of(model))
    assert graph is not None
    return _as_given(graph, model)


def operand_claim(model: Model) -> Hypothesis:
    """Return a false claim: each cluster of neurons hands the logits a function of the first operand."""
    graph = FAMILIES["clusters"](Known.of(model))
    assert graph is not None
    for name, attributes in graph.nodes.items():
        if name.startswith("cluster_"):
            attributes["feature"] = "a"
            attributes.pop("tolerance", None)
    graph.remove_edges_from([("b", name) for name in list(graph) if name.startswith("cluster_")])
    graph.remove_node("b")
    return _as_given(graph, model)


def identity_claim(model: Model) -> Hypothesis:
    """Return the claim that lets nothing be resampled: the logits read both operands and know both."""
    return _as_given(_embeddings({"feature": "(a, b)"}, model), model)


def nothing_claim(model: Model) -> Hypothesis:
    """Return the claim that nothing of the input matters: both operands are replaced as one pleases."""
    return _as_given(_embeddings({"unimportant": True}, model), model)


def renamed(hypothesis: Hypothesis) -> Hypothesis:
    """Return the same claim, in the same order, under node names that sort the other way round."""
    last = len(hypothesis.nodes)
    names = {name: f"unit{last - i:03}" for i, name in enumerate(hypothesis.nodes)}
    nodes = {
        names[name]: replace(
            node, name=names[name], parents=tuple((names[p], kind) for p, kind in node.parents)
        )
        for name, node in hypothesis.nodes.items()
    }
    return replace(hypothesis, nodes=nodes, root=names[hypothesis.root])


def permuted(hypothesis: Hypothesis) -> Hypothesis:
    """Return the same claim under the same names, its nodes and parents in another order."""
    rank = {name: -i for i, name in enumerate(hypothesis.nodes)}
    order = nx.lexicographical_topological_sort(hypothesis.graph, rank.__getitem__)
    nodes = {
        name: replace(hypothesis.nodes[name], parents=hypothesis.nodes[name].parents[::-1]) for name in order
    }
    return replace(hypothesis, nodes=nodes)


def described(model: Model) -> str:
    """Return a model in words."""
    truth = model.truth
    return f"{truth.variant if truth else 'a'} model of {model.task}"


def _embeddings(claim: Mapping[str, object], model: Model) -> nx.DiGraph:
    graph = nx.DiGraph(task=model.task.name)
    graph.add_node("logits", site="logits")
    for position, variable in enumerate(model.task.variables):
        graph.add_node(variable, site=f"hook_embed[pos={position}]", **claim)
        graph.add_edge(variable, "logits")
    return graph


def _as_given(graph: nx.DiGraph, model: Model) -> Hypothesis:
    """Return a hypothesis as methods are given it: without names, with plain indices."""
    sites = Sites.of(model)
    return from_graph(graph).stripped(lambda site: sites.part(site, {}))
