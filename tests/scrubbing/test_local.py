"""Local scrubs of one reader beside runs made by hand."""

from __future__ import annotations

import networkx as nx
import torch

import scrubkit
from scrubkit.hypothesis import from_graph
from scrubkit.scrubbing.local import LocalScrubs, Sample, alike, readers
from scrubkit.scrubbing.plan import Plan, bind
from scrubkit.subjects.network import NetworkSubject
from scrubkit.subjects.subject import Edit

SIZE = 30


def subject() -> NetworkSubject:
    return NetworkSubject(scrubkit.compile_model(variant="pizza", p=7, frequencies=[1], seed=0))


def plan_of(on: NetworkSubject) -> Plan:
    """The logits read some neurons and the stream before them; the neurons read both operands."""
    graph = nx.DiGraph()
    graph.add_node("root", site="logits")
    graph.add_node("a", site="hook_embed[pos=0]", feature="a % 2")
    graph.add_node("b", site="hook_embed[pos=1]", feature="b")
    graph.add_node("neurons", site="blocks.0.mlp.hook_post[pos=-1, neurons=0-3]", feature="a")
    graph.add_edges_from([("a", "neurons"), ("b", "neurons"), ("neurons", "root"), ("a", "root")])
    return bind(from_graph(graph), on)


def scrubs(on: NetworkSubject, node: str) -> LocalScrubs:
    plan = plan_of(on)
    group = next(group for group in alike(readers(plan)) if group[0].node == node)
    sample = Sample.of(on.n_inputs, SIZE, torch.Generator().manual_seed(0))
    return LocalScrubs(on, group, sample, plan.anyone)


def distance(one: torch.Tensor, two: torch.Tensor, *, centred: bool) -> torch.Tensor:
    change = (one.double() - two.double()).flatten(1)
    change = change - change.mean(1, keepdim=True) if centred else change
    return change.square().sum(1)


def test_a_sample_is_made_of_shuffled_copies_of_the_dataset() -> None:
    rows = Sample.of(5, 13, torch.Generator().manual_seed(0)).rows.tolist()
    assert sorted(rows[:5]) == sorted(rows[5:10]) == [0, 1, 2, 3, 4]
    assert len(rows) == 13 and len(set(rows[10:])) == 3


def test_changes_of_logits_are_centred_and_those_of_neurons_are_not() -> None:
    on = subject()
    for node, centred in (("root", True), ("neurons", False)):
        local = scrubs(on, node)
        (found,) = local.changes([own + 1.0 for own in local.own])
        (expected,) = [distance(own + 1.0, own, centred=centred) for own in local.own]
        assert torch.allclose(found, expected, atol=1e-6)
        assert bool((found < 1e-6).all()) == centred


def test_a_site_set_freely_moves_the_reader_with_what_else_is_read_held() -> None:
    on = subject()
    local = scrubs(on, "root")
    child = next(child for child in local.children if child.node == "a")
    held = next(child for child in local.children if child.node == "neurons")
    edits = [
        Edit(child.part, on.clean(child.part, local.others)),
        Edit(held.part, on.clean(held.part, local.rows)),
    ]
    run = on.run(local.rows, edits, local.group[0].holds, local.group[0].part)
    (found,) = local.freely(child)
    assert torch.allclose(found, distance(run, local.own[0], centred=True), atol=1e-6)
    assert local.evaluations == SIZE


def test_a_site_set_to_a_stand_in_of_its_class_is_drawn_by_the_feature() -> None:
    local = scrubs(subject(), "neurons")
    parity, identity = (next(c for c in local.children if c.node == name) for name in ("a", "b"))
    assert float(local.carries(identity)[0].max()) == 0.0
    assert float(local.carries(parity)[0].max()) > 0.0


def test_without_what_is_read_everything_else_comes_from_another_input() -> None:
    on = subject()
    local = scrubs(on, "root")
    edits = [Edit(child.part, on.clean(child.part, local.rows)) for child in local.children]
    run = on.run(local.others, edits, local.group[0].holds, local.group[0].part)
    (found,) = local.without()
    assert torch.allclose(found, distance(run, local.own[0], centred=True), atol=1e-6)
    assert float(found.max()) > 0


def test_the_scale_of_changes_is_another_inputs_value() -> None:
    on = subject()
    local = scrubs(on, "neurons")
    other = on.clean(local.group[0].part, local.others)
    assert torch.allclose(local.total[0], distance(other, local.own[0], centred=False), atol=1e-6)
