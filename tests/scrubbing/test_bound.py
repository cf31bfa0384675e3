"""What writers of methods work with: a hypothesis bound to a model, a bridge or a graph of functions."""

import networkx as nx
import numpy as np
import pytest
import torch

import scrubkit
from scrubkit.errors import ScrubError
from scrubkit.scrubbing.bound import Bound
from tests.scrubbing.random_models import random_model
from tests.scrubbing.test_bridges import gpt2, max_of_three, residual
from tests.scrubbing.test_scoring import clusters, compiled

ROWS = torch.arange(12)


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def bound() -> Bound:
    return scrubkit.bind(compiled("clock-torus"), clusters("(a + b) % p"))


def test_nodes_come_after_what_they_read(bound) -> None:
    order = list(bound)
    assert order[-1] == "root"
    assert all(order.index(p) < order.index(n) for n, node in bound.items() for p in node.parents)
    assert bound["c3"].children == ("root",)
    assert set(bound["c3"].parents) == {"a", "b"}


def test_donors_agree_on_the_feature_and_differ_from_the_input(bound) -> None:
    donors = bound["c3"].donors(ROWS, draw())
    assert np.array_equal(bound["c3"].classes[donors], bound["c3"].classes[ROWS])
    assert not torch.equal(donors, ROWS)


def test_patching_with_a_donor_of_the_same_sum_leaves_the_clock_and_another_does_not(bound) -> None:
    clean = bound.output(ROWS)
    same = bound["c3"].patch(ROWS, bound["c3"].donors(ROWS, draw()))
    other = bound["c3"].patch(ROWS, (ROWS + 1) % bound.n_inputs)
    assert (same - clean).abs().max() < 0.3 * (other - clean).abs().max()


def test_hooks_make_the_same_patch_on_the_bridge(bound) -> None:
    model, donors = compiled("clock-torus"), (ROWS + 5) % bound.n_inputs
    for name in ("a", "c3"):
        hooked = model.bridge.run_with_hooks(model.tokens[ROWS], fwd_hooks=bound[name].hooks(ROWS, donors))
        torch.testing.assert_close(bound[name].patch(ROWS, donors)[:, 0], hooked[:, -1], rtol=1e-4, atol=1e-3)


def test_the_complement_is_what_no_node_holds(bound) -> None:
    held = {i for name in ("c3", "c7") for i in bound[name].part.neurons}
    beside = {i for part in bound.complement() for i in part.neurons or ()}
    assert not held & beside
    assert held | beside == set(range(compiled("clock-torus").config.d_mlp))


def test_a_bridge_and_a_graph_of_functions_are_bound_alike() -> None:
    bound = scrubkit.bind(gpt2(), residual("x0"), task=max_of_three())
    donors = bound["stream"].donors(ROWS, draw())
    assert bound["stream"].patch(ROWS, donors).shape == (12, 1, 11)
    graph = nx.DiGraph([("x", "h"), ("h", "out")])
    graph.nodes["h"]["fn"] = lambda x: 2 * x
    graph.nodes["out"]["fn"] = lambda h: h + 1
    functions = scrubkit.FunctionGraph(graph, {"x": torch.arange(6.0)})
    claim = nx.DiGraph()
    claim.add_node("root", site="out")
    claim.add_node("h", site="h", feature="x")
    claim.add_edge("h", "root")
    bound = scrubkit.bind(functions, claim)
    found = bound["h"].patch(torch.tensor([0, 1]), torch.tensor([3, 4]))
    assert found.tolist() == [7.0, 9.0]
    with pytest.raises(ScrubError, match="no hooks"):
        bound["h"].hooks(ROWS[:2], ROWS[:2])


def test_a_graph_of_functions_is_scored_by_its_own_output() -> None:
    graph = nx.DiGraph([("x", "h"), ("y", "out"), ("h", "out")])
    graph.nodes["h"]["fn"] = lambda x: x % 2
    graph.nodes["out"]["fn"] = lambda h, y: 4 * h + y
    x, y = (torch.tensor(v) for v in zip(*[(i, j) for i in range(4) for j in range(3)], strict=True))
    functions = scrubkit.FunctionGraph(graph, {"x": x, "y": y})
    verdicts = {}
    for feature in ("x % 2", "x // 2"):
        claim = nx.DiGraph(name=feature)
        claim.add_node("root", site="out")
        claim.add_node("h", site="h", feature=feature)
        claim.add_node("y", site="y", feature="y")
        claim.add_node("x", site="x", feature="x")
        claim.add_edges_from([("x", "h"), ("h", "root"), ("y", "root")])
        verdicts[feature] = scrubkit.score(functions, claim, exact=True).verdict
    assert verdicts == {"x % 2": "supported", "x // 2": "refuted"}


def test_a_value_of_another_shape_is_refused_in_words(bound) -> None:
    for wrong in (torch.zeros(16), torch.zeros(3, 1, 16)):
        with pytest.raises(ScrubError, match=r"must have shape \(12, 1, \d+\), one for each of the 12 rows"):
            bound.ablated(ROWS, lambda part, wrong=wrong: wrong)


@pytest.mark.parametrize(
    "hook", ["hook_embed", "blocks.0.attn.hook_pattern", "blocks.0.mlp.hook_post", "logits"]
)
def test_a_site_may_be_named_where_a_part_is_meant(bound, hook: str) -> None:
    rows, part = torch.arange(5), bound.part(hook)
    value = bound.read(hook, rows.flip(0))
    torch.testing.assert_close(value, bound.read(part, rows.flip(0)))
    named, meant = bound.run(rows, {hook: value}, [hook]), bound.run(rows, {part: value}, [part])
    torch.testing.assert_close(named, meant)
    torch.testing.assert_close(named[0], value)
    with pytest.raises(ScrubError, match="must have shape"):
        bound.run(rows, {hook: value.transpose(1, 2)})


def test_a_task_may_be_given_twice_if_it_is_the_models_own(bound) -> None:
    model = compiled("clock-torus")
    assert scrubkit.bind(model, clusters("a"), task=model.task).task == model.task
    with pytest.raises(ScrubError, match="leave task out"):
        scrubkit.bind(model, clusters("a"), task=max_of_three())


def test_samples_and_others_come_as_often_as_their_weights_ask() -> None:
    weights = np.where(np.arange(64) < 2, 1.0, 1e-9)
    task = scrubkit.Task("weighted", tokens=max_of_three().tokens, weights=weights)
    bound = scrubkit.bind(gpt2(), task=task)
    assert set(bound.sample(40, draw()).tolist()) == {0, 1}
    assert set(bound.others(torch.arange(40), draw()).tolist()) == {0, 1}
    part = bound.part("blocks.1.hook_resid_post[pos=-1]")
    torch.testing.assert_close(bound.mean(part), bound.read(part, torch.arange(2)).mean(dim=0))


def test_exact_policies_leave_the_output_and_shuffled_classes_do_not(bound) -> None:
    exact = bound.with_policies(sampler="exact", other="exact")
    torch.testing.assert_close(exact.scrubbed(ROWS, draw())[0], bound.clean(ROWS))
    moved = [
        float(one.figures(one.scrubbed(ROWS, draw())[0], ROWS)["squared_change"].mean())
        for one in (bound, bound.shuffled(draw()), bound.with_policies(sampler="uniform"))
    ]
    assert moved[0] < 0.1 * min(moved[1:])


def test_a_reader_is_given_its_parents_on_donors(bound) -> None:
    """A neuron of the clock that is given both operands of a donor has the value that it has on the donor."""
    (group,) = [nodes for nodes in bound.readers if nodes[0].name != "root"]
    donors = (ROWS + 5) % bound.n_inputs
    values = bound.given(group, ROWS, {"a": donors, "b": donors})
    for node, value in zip(group, values, strict=True):
        torch.testing.assert_close(value, node.read(donors), rtol=1e-3, atol=1e-3)
    assert bound.evaluations == len(ROWS)
    same = bound.given(group, ROWS, {"a": ROWS})
    assert torch.equal(same[0], group[0].read(ROWS))
    assert bound.evaluations == len(ROWS)


@pytest.mark.parametrize("kind", ["model", "bridge"])
def test_what_is_read_has_gradients_with_respect_to_what_is_set(kind: str) -> None:
    model = random_model("two blocks")
    bound = scrubkit.bind(model) if kind == "model" else scrubkit.bind(model.bridge, task=model.task)
    part, rows = bound.part("blocks.0.hook_mlp_out"), torch.arange(6)
    value = bound.read(part, rows).requires_grad_()
    output = bound.run(rows, {part: value})[0]
    (gradient,) = torch.autograd.grad(output[:, 0, 1].sum(), value)
    step = 1e-2 * gradient
    change = bound.run(rows, {part: value.detach() + step})[0] - output.detach()
    assert not bound.run(rows, {part: value.detach()})[0].requires_grad
    assert float(change[:, 0, 1].sum()) == pytest.approx(float((step * gradient).sum()), rel=0.05)


def test_what_is_made_of_a_model_for_many_hypotheses_is_bounded(bound) -> None:
    network = bound.subject.network
    for i in range(200):
        part = f"blocks.0.mlp.hook_post[pos=-1, neurons={i // 20},{20 + i % 20}]"
        bound.run(ROWS, {part: bound.read(part, ROWS + 1)})
    assert len(network._recent) <= 128
