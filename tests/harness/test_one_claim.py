"""Asking methods about one claim, and the control of random weights."""

from __future__ import annotations

from typing import Any

import networkx as nx
import pytest
import torch

import scrubkit
from scrubkit.errors import BenchError, HypothesisError

QUICK = ["interchange-accuracy", "path-patching"]


def claim(feature: str, model: scrubkit.Model) -> nx.DiGraph:
    assert model.truth is not None
    graph = nx.DiGraph([("first", "logits"), ("x2", "logits")])
    graph.nodes["logits"]["site"] = "logits"
    graph.add_node("first", site=model.truth.site("first"), feature=feature)  # pyright: ignore
    graph.add_node("x2", site="hook_embed[pos=2]", feature="x2")
    return graph


class Nosy:
    """Says what it was given."""

    name = "nosy"

    def score(self, model: Any, hypothesis: Any, **rest: Any) -> scrubkit.Answer:
        return scrubkit.Answer(0.0, notes=(str(model.truth), " ".join(hypothesis.nodes)))


class Faulty(Nosy):
    name = "faulty"

    def score(self, model: Any, hypothesis: Any, **rest: Any) -> scrubkit.Answer:
        raise ValueError("on purpose")


def test_a_true_claim_is_supported_and_a_false_one_refuted() -> None:
    model = scrubkit.load("max3")
    for feature, verdict in (("max(x0, x1)", "supported"), ("min(x0, x1)", "refuted")):
        found = scrubkit.ask(model, claim(feature, model), "interchange-accuracy")
        assert found["interchange-accuracy"].verdict == verdict


def test_a_method_sees_neither_truth_nor_names() -> None:
    model = scrubkit.load("max3")
    notes = scrubkit.ask(model, claim("x0", model), [Nosy()])["nosy"].notes
    assert notes[0] == "None"
    assert "first" not in notes[1]


def test_a_method_that_raises_is_charged_with_it() -> None:
    model = scrubkit.load("max3")
    fault = scrubkit.ask(model, claim("x0", model), [Faulty()])["faulty"].fault
    assert fault is not None
    assert (fault.kind, fault.detail) == ("raised", "ValueError: on purpose")


def test_the_same_seed_gives_the_same_scores() -> None:
    model = scrubkit.load("max3")
    graph = claim("x0", model)
    one, same, other = (
        {k: v.score for k, v in scrubkit.ask(model, graph, QUICK, seed=s).items()} for s in (1, 1, 2)
    )
    assert one == same != other


def test_a_graph_of_functions_can_be_asked_about() -> None:
    graph = nx.DiGraph([("x", "y")])
    graph.nodes["y"]["fn"] = lambda x: x % 2
    functions = scrubkit.FunctionGraph(graph, {"x": torch.arange(4)})
    asked = nx.DiGraph([("x", "y")])
    asked.add_node("x", site="x", feature="x % 2")
    asked.add_node("y", site="y")
    found = scrubkit.ask(functions, asked, ["interchange-accuracy", "zero-ablation"])
    assert found["interchange-accuracy"].verdict == "supported"
    assert found["zero-ablation"].fault is not None


def test_finders_and_invalid_claims_are_refused() -> None:
    model = scrubkit.load("max3")
    with pytest.raises(BenchError, match="acdc is a finder, which judges no claims"):
        scrubkit.ask(model, claim("x0", model), ["acdc"])
    with pytest.raises(HypothesisError):
        scrubkit.ask(model, claim("nothing_known", model), QUICK)


def test_untrained_weights_have_the_shape_and_nothing_else() -> None:
    model = scrubkit.load("max3")
    one, same, other = (model.untrained(seed) for seed in (0, 0, 1))
    assert (one.config, one.task, one.truth) == (model.config, model.task, None)
    assert one.weights_hash == same.weights_hash not in (other.weights_hash, model.weights_hash)
