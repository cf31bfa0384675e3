"""Small compiled models, hypotheses about them, and asking a method as the bench does."""

from __future__ import annotations

from functools import cache
from typing import Any

import networkx as nx
import pytest
import torch

from scrubkit.families.modular.compile import compile_model
from scrubkit.hypothesis import Hypothesis, from_graph
from scrubkit.methods.protocol import Answer, Budget
from scrubkit.methods.registry import find_method
from scrubkit.models.model import Model
from scrubkit.models.record import Provenance
from scrubkit.subjects.sites import Sites

KEYS = (2, 5)
POST = "blocks.0.mlp.hook_post"
Z = "blocks.0.attn.hook_z"
SUM = "(a + b) % p"
FEW = {
    "boundless_das": {"STEPS": 4},
    "circuit_tests": {"RANDOM_CIRCUITS": 4},
    "das": {"STEPS": 4},
    "edge_pruning": {"STEPS": 4},
    "nonlinear_alignment": {"PAIRS": 256},
    "published_tests": {"RANDOM_CIRCUITS": 4, "SPARE": 0.1},
    "subnetwork_probing": {"STEPS": 4},
}
"""Lengths of searches and of tests that are enough to see that they run, and not to see what they find."""


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let methods search and test for short, where it is not looked at what they find."""
    for module, lengths in FEW.items():
        for name, length in lengths.items():
            monkeypatch.setattr(f"scrubkit.methods.{module}.{name}", length)


@cache
def compiled(variant: str, *, planted: bool = True, dead: tuple[int, ...] = ()) -> Model:
    """A model with decoys, whose truth names what they are."""
    decoys: dict[str, Any] = {"decoy_neurons": 6, "decoy_heads": 1} if planted else {}
    decoys |= {"dead_frequencies": dead} if dead else {}
    return compile_model(variant=variant, p=13, frequencies=KEYS, distractors=decoys)


def pizza_feature(k: int) -> dict[str, Any]:
    return {"feature": f"({SUM}, abs(cos(pi * {k} * (a - b) / p)))", "tolerance": [None, 0.1]}


def clusters(variant: str, **changes: Any) -> nx.DiGraph:
    """Each cluster of neurons reads both operands, and the logits read the clusters."""
    graph = nx.DiGraph()
    graph.add_node("logits", site="logits")
    graph.add_node("a", site=f"hook_embed[pos={changes.get('a_at', 0)}]", feature="a")
    graph.add_node("b", site=f"hook_embed[pos={changes.get('b_at', 1)}]", feature="b")
    for k in changes.get("keys", KEYS):
        claim = pizza_feature(k) if variant == "pizza" else {"feature": SUM}
        claim = changes.get("claim", claim)
        graph.add_node(f"c{k}", site=f"{POST}[pos=-1, neurons=cluster:{k}]", **claim)
        graph.add_edges_from([("a", f"c{k}"), ("b", f"c{k}"), (f"c{k}", "logits")])
    return graph


def frequencies(keys: tuple[int, ...]) -> nx.DiGraph:
    """Of the embedding, some frequencies matter."""
    graph = nx.DiGraph()
    graph.add_node("logits", site="logits")
    for position, variable in enumerate("ab"):
        for k in keys:
            name = f"{variable}{k}"
            graph.add_node(name, site=f"hook_embed[pos={position}, frequencies={k}]", feature=variable)
            graph.add_edge(name, "logits")
    return graph


def heads(model: Model, unimportant: tuple[int, ...]) -> nx.DiGraph:
    """Heads that matter carry what the truth says; the others do not matter."""
    assert model.truth is not None
    carried = {c.site: c.feature for c in model.truth.statements}
    graph = nx.DiGraph()
    graph.add_node("logits", site="logits")
    for h in range(model.config.n_heads):
        site = f"{Z}[pos=-1, head={h}]"
        if h in unimportant:
            graph.add_node(f"h{h}", site=site, unimportant=True)
        else:
            graph.add_node(f"h{h}", site=site, feature=carried.get(site, "(a, b)"))
        graph.add_edge(f"h{h}", "logits")
    return graph


def idle(model: Model) -> tuple[int, ...]:
    assert model.truth is not None
    return tuple(head.head for head in model.truth.heads if head.role in ("idle", "decoy"))


def with_decoy(model: Model, graph: nx.DiGraph) -> nx.DiGraph:
    """Add the decoy neurons, which nothing reads, as if they mattered."""
    assert model.truth is not None
    graph = nx.DiGraph(graph)
    listed = ",".join(map(str, model.truth.neuron_roles["decoy"]))
    graph.add_node("decoy", site=f"{POST}[pos=-1, neurons={listed}]", feature="(a, b)")
    graph.add_edge("decoy", "logits")
    return graph


def bare(model: Model) -> Model:
    """The model without anything that tells its algorithm."""
    return Model("model", model.task, model.config, model.weights, Provenance(kind="imported"))


def stripped(model: Model, graph: nx.DiGraph) -> Hypothesis:
    sites = Sites.of(model)
    return from_graph(graph).stripped(lambda site: sites.part(site, {}))


def ask(method: Any, model: Model, graph: nx.DiGraph, seed: int = 0) -> Answer:
    """Ask a method about a hypothesis as the bench does."""
    found: Any = find_method(method)
    return found.score(
        bare(model),
        stripped(model, graph),
        task=model.task,
        generator=torch.Generator().manual_seed(seed),
        budget=Budget(draws=4),
    )
