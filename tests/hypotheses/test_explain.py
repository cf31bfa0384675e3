"""Explanations: the claim that is false is the one that fails alone."""

import networkx as nx
import pytest
import torch

from scrubkit.errors import ScrubError
from scrubkit.hypothesis import from_graph, load_hypothesis
from scrubkit.scrubbing.explain import Explanation, explain
from scrubkit.scrubbing.pinned import Selection, pin
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.sampling import Draws
from scrubkit.scrubbing.scoring import Scorer

from .conftest import FILES, FOLDER, compiled


def explained(name: str, variant: str) -> Explanation:
    return explain(compiled(variant), FOLDER / "modular_addition" / f"{name}.py", device="cpu")


def half_wrong() -> nx.DiGraph:
    """Claim what is true of one cluster and false of the other."""
    graph = nx.DiGraph(name="half wrong")
    graph.add_node("logits", site="logits")
    graph.add_node("a", site="hook_embed[pos=0]", feature="a")
    graph.add_node("b", site="hook_embed[pos=1]", feature="b")
    for k, feature in ((3, "(a + b) % p"), (7, "(a - b) % p")):
        graph.add_node(f"n{k}", site=f"blocks.0.mlp.hook_post[pos=-1, neurons=cluster:{k}]", feature=feature)
        graph.add_edges_from([("a", f"n{k}"), ("b", f"n{k}"), (f"n{k}", "logits")])
    return graph


def test_the_false_node_is_named_and_the_true_one_is_not():
    found = explain(compiled("clock-torus"), half_wrong(), device="cpu")
    assert [(step.kind, step.where) for step in found.failing] == [("node", "n7")]
    assert found.breaks_at is not None and found.breaks_at.where == "n3, n7"
    assert "n7: depends on (a - b) % p only: refuted alone" in str(found)
    assert "no claim is refuted alone" not in str(found)


def test_wrong_wiring_is_the_fault_of_what_is_left_out():
    found = explained("shuffled_clusters", "pizza")
    assert {(step.kind, step.where) for step in found.failing} == {
        ("rest", "neurons_3"),
        ("rest", "neurons_7"),
    }


def test_an_unimportant_part_that_matters_is_named():
    found = explained("attention_alone", "pizza")
    assert [(step.where, step.claim) for step in found.failing] == [("mlp", "does not matter")]


def test_claims_that_fail_together_only_are_told_by_their_costs():
    found = explained("fourier", "pizza")
    assert found.score.verdict == "refuted"
    assert found.breaks_at is not None and found.breaks_at.where == "neurons_3, neurons_7"
    worst = {step.where for step in found.costliest[:4]}
    assert worst == {"neurons_3", "neurons_7", "logits_3", "logits_7"}
    assert "no claim is refuted alone" in str(found)


def test_a_true_hypothesis_breaks_nowhere():
    found = explained("fourier", "clock-torus")
    assert found.score.verdict == "supported"
    assert not found.failing and found.breaks_at is None


def test_a_claim_names_its_tolerances_and_no_others():
    graph = half_wrong()
    distance = "abs(cos(pi * 3 * (a - b) / p))"
    graph.nodes["n3"].update(feature=f"((a + b) % p, {distance})", tolerance=[None, 0.15])
    said = {step.where: step.claim for step in explain(compiled("pizza"), graph, device="cpu", draws=2).alone}
    assert said["n3"] == f"depends on ((a + b) % p, {distance}) only, to within 0.15"
    assert said["n7"] == "depends on (a - b) % p only"


def test_a_node_with_two_readers_is_tested_for_each():
    found = explain(compiled("clock-torus"), half_wrong(), device="cpu")
    edges = [step.where for step in found.alone if step.kind == "edge"]
    assert edges == ["a -> n3", "a -> n7", "b -> n3", "b -> n7"]


def test_one_edge_of_two_may_fail():
    """The residual stream by a // 3 will do for the skip path of a pizza, and not for its neurons."""
    graph = nx.DiGraph()
    graph.add_node("logits", site="logits")
    graph.add_node("mid", site="blocks.0.hook_resid_mid[pos=-1]", feature="a // 3")
    graph.add_node("idle", site="blocks.0.hook_mlp_out[pos=-1]", feature="0", sampler="exact")
    graph.add_edges_from([("mid", "logits"), ("mid", "idle"), ("idle", "logits")])
    found = explain(compiled("pizza"), graph, device="cpu")
    verdicts = {step.where: step.verdict for step in found.alone if step.kind == "edge"}
    assert verdicts["mid -> idle"] == "refuted"
    assert verdicts["mid -> logits"] == "supported"


def test_the_last_level_is_the_whole_hypothesis():
    found = explained("sum", "pizza")
    assert found.cumulative[-1].fidelity == found.score.fidelity
    assert found.cumulative[-1].claim == "5 of 5 nodes tested"


def test_an_explanation_survives_json():
    found = explained("sum", "pizza")
    assert Explanation.model_validate_json(found.model_dump_json()) == found


def test_a_score_is_explained_with_its_own_seed():
    model = compiled("pizza")
    score = Scorer(model, device="cpu").score(half_wrong(), seed=11, draws=4)
    found = explain(model, half_wrong(), score=score, device="cpu")
    assert found.score is score
    assert found.alone == explain(model, half_wrong(), seed=11, device="cpu").alone


def test_the_score_of_something_else_is_refused():
    score = Scorer(compiled("pizza"), device="cpu").score(half_wrong(), draws=2)
    other = FOLDER / "modular_addition" / "sum.py"
    with pytest.raises(ScrubError, match="2 faults"):
        explain(compiled("clock-torus"), other, score=score, device="cpu")


def test_progress_counts_every_claim():
    seen = []
    found = explain(
        compiled("pizza"),
        half_wrong(),
        device="cpu",
        progress=lambda done, total, where: seen.append((done, total)),
    )
    total = len(found.alone) + len(found.cumulative)
    assert seen == [(i, total) for i in range(total)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_with_everything_pinned_nothing_changes(path):
    model = compiled("clock-torus")
    scorer = Scorer(model, device="cpu")
    hypothesis = load_hypothesis(path, truth=model.truth)
    plan = bind(pin(hypothesis, scorer.subject, Selection()), scorer.subject)
    draws = Draws(0, model.task.n_inputs, range(289), torch.device("cpu"))
    outputs = scorer.outputs(plan)(draws)[:, 0]
    torch.testing.assert_close(outputs.double(), model.logits(), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_with_everything_tested_nothing_is_pinned(path):
    model = compiled("pizza")
    hypothesis = load_hypothesis(path, truth=model.truth)
    every = tuple(hypothesis.nodes)
    same = pin(hypothesis, Scorer(model, device="cpu").subject, Selection(nodes=every, rests=every))
    assert same.hash == hypothesis.hash


def test_what_no_tested_claim_rests_on_is_pruned():
    subject = Scorer(compiled("clock-torus"), device="cpu").subject
    pinned = pin(from_graph(half_wrong()), subject, Selection(nodes=("n3",)))
    assert set(pinned.nodes) == {"n3", "n7", "logits"}


def test_pruning_keeps_nodes_that_block_a_path():
    """A node between two others stays, though nothing that is tested reads it."""
    graph = nx.DiGraph()
    graph.add_node("logits", site="logits")
    graph.add_node("mid", site="blocks.0.hook_resid_mid[pos=-1]", feature="a")
    graph.add_node("mlp", site="blocks.0.hook_mlp_out[pos=-1]", feature="b")
    graph.add_node("post", site="blocks.0.hook_resid_post[pos=-1, subspace=plane:3]", feature="b")
    graph.add_edges_from([("mid", "logits"), ("mlp", "post"), ("post", "logits")])
    subject = Scorer(compiled("pizza"), device="cpu").subject
    pinned = pin(from_graph(graph), subject, Selection(nodes=("mid",)))
    assert "mlp" in pinned.nodes
