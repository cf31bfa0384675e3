"""What a scrub does to each input adds up to what the score says of all."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch

import scrubkit
from scrubkit.scrubbing.per_input import per_input
from scrubkit.scrubbing.scoring import Scorer
from tests.scrubbing.test_bridges import gpt2, max_of_three, residual
from tests.scrubbing.test_scoring import clusters, compiled


def claim() -> nx.DiGraph:
    return clusters("(a + b) % p")


def test_means_over_inputs_are_the_figures_of_the_score_with_the_same_seed() -> None:
    scorer = Scorer(compiled("pizza"))
    found = per_input(scorer, claim(), seed=5, passes=3)
    score = scorer.score(claim(), seed=5, draws=3)
    assert score.fidelity is not None and score.fidelity.value < 0.9
    assert found.mass @ found.logit_change == pytest.approx(1 - score.fidelity.value, abs=1e-6)
    assert found.losses is not None and found.model_losses is not None and score.scrubbed_loss is not None
    assert found.losses.shape == (3, 23 * 23)
    assert found.losses.mean() == pytest.approx(score.scrubbed_loss.value, rel=1e-6)
    assert found.model_losses.mean() == pytest.approx(score.model_loss, rel=1e-6)
    assert found.loss_change == pytest.approx(found.losses.mean(axis=0) - found.model_losses)


def test_where_a_claim_is_true_no_input_changes() -> None:
    found = per_input(Scorer(compiled("clock-torus")), claim())
    assert found.logit_change.max() < 0.01


def test_the_baseline_is_the_model_against_labels_of_other_inputs() -> None:
    scorer = Scorer(compiled("clock-torus"))
    found = per_input(scorer, claim())
    assert found.baseline_losses is not None and found.model_losses is not None
    score = scorer.score(claim(), draws=2)
    assert found.baseline_losses.mean() == pytest.approx(score.baseline_loss, rel=0.1)
    assert np.median(found.baseline_losses) > found.model_losses.max()
    # Each is the loss against one label, and these are of many kinds.
    logits = scorer.levels.own(torch.arange(23 * 23)).logits[:, 0]
    nearest = (-logits.log_softmax(dim=-1) - torch.from_numpy(found.baseline_losses)[:, None]).abs()
    assert nearest.amin(dim=1).max() < 1e-9
    assert len(nearest.argmin(dim=1).unique()) > 15


def test_variables_features_and_the_label_come_by_name() -> None:
    found = per_input(Scorer(compiled("pizza")), claim())
    a, b = np.divmod(np.arange(23 * 23), 23)
    assert set(found.variables) == {"a", "b"} and set(found.features) == {"a", "b", "(a + b) % p", "label"}
    assert (found.variables["a"] == a).all() and (found.variables["b"] == b).all()
    for name in ("(a + b) % p", "label"):
        assert (found.features[name] == (a + b) % 23).all()


def test_without_labels_there_are_no_losses() -> None:
    bridge = gpt2()
    scorer = Scorer(bridge, task=max_of_three(labels=False))
    found = per_input(scorer, residual("x0"), passes=2)
    assert found.losses is None and found.model_losses is None and found.loss_change is None
    assert "label" not in found.features and found.logit_change.shape == (64,)


def test_a_graph_of_functions_has_figures_of_each_input() -> None:
    g = nx.DiGraph([("x", "s"), ("y", "s")])
    g.nodes["s"]["fn"] = lambda x, y: x + y
    program = scrubkit.FunctionGraph(g, {"x": torch.arange(4) % 2, "y": torch.arange(4) // 2})
    graph = nx.DiGraph([("x", "root"), ("y", "root")])
    graph.add_node("root", site="s")
    graph.add_node("x", site="x", feature="x")
    graph.add_node("y", site="y", feature="0")
    found = per_input(Scorer(program), graph, passes=64)
    assert found.logit_change == pytest.approx(np.ones(4), abs=0.5)
    assert set(found.variables) == {"x", "y"}
