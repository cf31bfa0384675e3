"""How a graph is compared with what is known of a model, on sites and partitions small enough to count."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import cache

import networkx as nx
import numpy as np
import pytest

import scrubkit
from scrubkit.core.site import Part
from scrubkit.hypothesis import from_graph
from scrubkit.scrubbing.agreement import adjusted_mutual_information
from scrubkit.scrubbing.complement import beside, without_overlap
from scrubkit.scrubbing.match import Match, match, partition_agreement, site_overlap
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.truth_graph import truth_graph
from scrubkit.subjects.network import NetworkSubject

POST, Z = "blocks.0.mlp.hook_post", "blocks.0.attn.hook_z"


@cache
def sites() -> NetworkSubject:
    return NetworkSubject(scrubkit.compile_model(variant="pizza", p=7, frequencies=[1, 2], seed=0))


def neurons(*chosen: int, positions: tuple[int, ...] = (2,)) -> Part:
    return Part(POST, positions, neurons=chosen)


BASIS = ((1.0, 0.0), (0.0, 1.0))


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        (neurons(0, 1), neurons(0, 1), 1.0),
        (neurons(0, 1), neurons(1, 2), 1 / 3),
        (neurons(0, 1), neurons(2, 3), 0.0),
        (neurons(0, 1, positions=(1, 2)), neurons(0, 1), 1 / 2),
        (neurons(0, 1), Part("blocks.0.mlp.hook_pre", (2,), neurons=(0, 1)), 0.0),
        (Part("hook_embed", (0,), components=(1, 2)), Part("hook_embed", (0,), components=(2,)), 1 / 2),
        (Part("hook_embed", (0,)), Part("hook_embed", (0,), components=(2,)), 1 / 2),
        (Part("hook_embed", (0,)), Part("hook_embed", (0,)), 1.0),
        (Part("hook_embed", (0,), basis=BASIS), Part("hook_embed", (0,)), 1 / 2),
        (Part("hook_embed", (0,), basis=BASIS), Part("hook_embed", (0,), basis=BASIS), 1.0),
    ],
)
def test_sites_overlap_by_the_share_of_what_either_holds(one: Part, other: Part, share: float) -> None:
    assert site_overlap(one, other) == pytest.approx(share)
    assert site_overlap(other, one) == pytest.approx(share)


def test_partitions_agree_wholly_by_any_names_and_not_at_all_where_one_says_nothing() -> None:
    halves = np.array([0, 0, 1, 1])
    assert partition_agreement(halves, np.array([7, 7, 3, 3])) == 1.0
    assert partition_agreement(halves, np.zeros(4, dtype=int)) == 0.0
    assert partition_agreement(halves, np.arange(4)) == 0.0
    assert partition_agreement(halves, np.array([0, 1, 0, 1])) == 0.0


def test_a_finer_partition_agrees_in_part() -> None:
    rows = np.arange(40)
    assert 0.3 < partition_agreement(rows // 10, rows // 5) < 0.9


def figures(**known: float | None) -> Match:
    whole = {"sites_precision": 1.0, "sites_recall": 1.0, "edges_precision": None, "edges_recall": None}
    return Match(**{**whole, "features": None, "components": None, **known})  # pyright: ignore[reportArgumentType]


def test_overall_is_the_f1_of_sites_times_what_is_claimed_of_them() -> None:
    assert figures(sites_precision=0.5).overall == pytest.approx(2 / 3)
    assert figures(features=0.4).overall == pytest.approx(0.4)
    assert figures(features=0.4, components=0.8).overall == pytest.approx(0.6)
    assert figures(sites_precision=0.0, sites_recall=0.0).overall == 0.0


def clusters(feature: str = "(a + b) % p", chosen: tuple[int, ...] = (1, 2)) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_node("root", site="logits")
    graph.add_node("a", site="hook_embed[pos=0]", feature="a")
    graph.add_node("b", site="hook_embed[pos=1]", feature="b")
    for k in chosen:
        graph.add_node(f"c{k}", site=f"{POST}[pos=-1, neurons=cluster:{k}]", feature=feature)
        graph.add_edges_from([("a", f"c{k}"), ("b", f"c{k}"), (f"c{k}", "root")])
    return graph


def matched(graph: nx.DiGraph) -> Match:
    truth = truth_graph(sites())
    assert truth is not None
    return match(bind(from_graph(graph), sites()), sites(), truth)


def test_sites_that_the_truth_knows_are_all_right_and_edges_follow_it() -> None:
    found = matched(clusters())
    assert found.sites_precision == 1.0
    assert 0 < found.sites_recall < 1
    assert found.edges_precision == 1.0
    assert found.components == 1.0


def test_a_site_that_the_truth_does_not_know_takes_from_precision() -> None:
    graph = clusters()
    graph.add_node("dead", site="hook_pos_embed[pos=0]", feature="a")
    graph.add_edge("dead", "root")
    assert matched(graph).sites_precision == pytest.approx(4 / 5)


def test_naming_one_of_two_key_components_is_half() -> None:
    assert matched(clusters(chosen=(1,))).components == 0.5


def test_a_hypothesis_that_numbers_nothing_says_nothing_of_components() -> None:
    graph = nx.DiGraph()
    graph.add_node("root", site="logits")
    graph.add_node("a", site="hook_embed[pos=0]", feature="a")
    graph.add_edge("a", "root")
    assert matched(graph).components is None


def test_component_zero_says_nothing() -> None:
    graph = clusters()
    graph.nodes["a"]["site"] = "hook_embed[pos=0, frequencies=0-2]"
    assert matched(graph).components == 1.0


def test_an_edge_against_the_truth_takes_from_precision() -> None:
    graph = clusters()
    straight = "blocks.0.hook_resid_mid[pos=-1]"
    graph.add_node("mid", site=straight, feature="(a, b)")
    graph.add_edge("mid", "root")
    assert matched(graph).edges_precision == 1.0


@pytest.mark.parametrize(("unread", "recall"), [((), 1.0), ((1,), 2 / 3), ((1, 2), 1 / 3)])
def test_an_edge_of_the_truth_that_is_not_drawn_takes_from_recall(
    unread: tuple[int, ...], recall: float
) -> None:
    """The head writes what attention puts out, and each of two clusters reads that: three edges."""
    graph = clusters()
    graph.remove_nodes_from(["a", "b"])
    graph.add_node("z", site=f"{Z}[pos=-1, head=0]", feature="(a, b)")
    graph.add_node("out", site="blocks.0.hook_attn_out[pos=-1]", feature="(a, b)")
    graph.add_edges_from([("z", "out"), ("out", "root")])
    graph.add_edges_from(("out", f"c{k}") for k in (1, 2) if k not in unread)
    assert matched(graph).edges_recall == pytest.approx(recall)


def test_what_is_called_unimportant_is_not_claimed() -> None:
    graph = clusters()
    graph.add_node("pos", site="hook_pos_embed[pos=0]", unimportant=True)
    graph.add_edge("pos", "root")
    assert matched(graph).sites_precision == 1.0


def test_the_truths_own_features_agree_wholly_and_others_only_where_they_are_the_same() -> None:
    right = clusters("((a + b) % p, abs(cos(pi * 1 * (a - b) / p)))", (1,))
    assert matched(right).features == 1.0
    # Of the operands nothing changes, and one of three sites is wrong.
    assert matched(clusters("(a, b)", (1,))).features == pytest.approx(2 / 3)
    # At p = 7 all operands apart from the diagonal come in two orders, so "a" tells next to nothing.
    assert matched(clusters("a", (1,))).features == pytest.approx(2 / 3, abs=0.1)


def test_nothing_is_said_of_features_where_no_site_is_the_truths() -> None:
    graph = nx.DiGraph()
    graph.add_node("root", site="logits")
    graph.add_node("pos", site="hook_pos_embed[pos=0]", feature="a")
    graph.add_edge("pos", "root")
    found = matched(graph)
    assert (found.features, found.edges_precision, found.sites_precision) == (None, None, 0.0)


def test_what_claims_nothing_is_right_in_nothing() -> None:
    graph = nx.DiGraph()
    graph.add_node("root", site="logits")
    found = matched(graph)
    assert (found.sites_precision, found.sites_recall, found.overall) == (0.0, 0.0, 0.0)


def test_beside_an_empty_truth_nothing_is_right() -> None:
    plan = bind(from_graph(clusters()), sites())
    found = match(plan, sites(), nx.DiGraph())
    assert (found.sites_precision, found.sites_recall) == (0.0, 0.0)
    assert (found.edges_precision, found.edges_recall, found.features) == (None, None, None)


def test_a_score_carries_the_match_where_something_is_known_of_the_model() -> None:
    known = scrubkit.Scorer(sites().model)
    assert known.score(clusters(), draws=2).match == matched(clusters())
    nothing = replace(sites().model, truth=None)
    graph = nx.DiGraph([("a", "root")])
    graph.nodes["root"].update(site="logits")
    graph.nodes["a"].update(site="hook_embed[pos=0]", feature="a")
    assert scrubkit.Scorer(nothing).score(graph, draws=2).match is None


def test_no_edge_of_the_truth_graph_skips_a_node_between() -> None:
    truth = truth_graph(sites())
    assert truth is not None
    assert nx.is_directed_acyclic_graph(truth)
    assert set(nx.transitive_reduction(truth).edges) == set(truth.edges)
    for source, reader in truth.edges:
        one, two = (truth.nodes[key]["claimed"].part for key in (source, reader))
        assert sites().upstream(one, two)


def test_what_the_truth_says_of_a_site_that_a_model_lacks_is_passed_over() -> None:
    known = NetworkSubject(sites().model)
    assert known.truth is not None
    elsewhere = known.truth.statements[0].model_copy(update={"site": "blocks.7.hook_resid_post[pos=-1]"})
    statements = (elsewhere, *known.truth.statements)
    known.truth = known.truth.model_copy(update={"statements": statements})
    whole, found = truth_graph(sites()), truth_graph(known)
    assert whole is not None and found is not None and len(whole) > 2
    assert nx.utils.graphs_equal(nx.DiGraph(whole.edges), nx.DiGraph(found.edges))


def test_sites_that_carry_a_constant_are_no_part_of_the_truth() -> None:
    truth = truth_graph(sites())
    assert truth is not None
    assert all(truth.nodes[key]["claimed"].classes.max() > 0 for key in truth)


def rest(*parts: Part) -> list[Part]:
    hooks = list(dict.fromkeys(part.hook for part in parts))
    return beside(parts, hooks, sites().architecture)


def test_beside_some_neurons_are_the_others() -> None:
    (found,) = rest(neurons(0, 1), neurons(3))
    size = sites().architecture.d_mlp
    assert found.positions == (2,)
    assert found.neurons == tuple(i for i in range(size) if i not in (0, 1, 3))


def test_beside_a_whole_layer_is_nothing() -> None:
    assert rest(Part(POST, (2,), neurons=tuple(range(sites().architecture.d_mlp)))) == []


def test_beside_one_position_of_the_embedding_are_the_others() -> None:
    found = rest(Part("hook_embed", (0,)))
    assert [part.positions for part in found] == [(1,), (2,)]
    assert all(part.whole for part in found)


def test_beside_some_components_are_the_others() -> None:
    found = rest(Part("hook_embed", (0,), decomposition="frequencies", components=(1,)))
    assert [part.components for part in found] == [(0, 2, 3), None, None]
    assert found[0].decomposition == "frequencies"


def test_beside_all_components_is_nothing_at_that_position() -> None:
    every = Part("hook_embed", (0,), decomposition="frequencies", components=(0, 1, 2, 3))
    assert [part.positions for part in rest(every)] == [(1,), (2,)]


def test_beside_a_subspace_is_its_orthogonal_complement() -> None:
    width = sites().architecture.d_model
    basis = tuple(map(tuple, np.eye(width)[:2].tolist()))
    found = rest(Part("blocks.0.hook_resid_mid", (2,), basis=basis))
    rows = np.asarray(found[0].basis)
    assert rows.shape == (width - 2, width)
    assert np.allclose(rows @ rows.T, np.eye(width - 2))
    assert np.allclose(rows[:, :2], 0)


def test_beside_a_subspace_of_a_head_are_its_complement_and_the_other_heads() -> None:
    a = sites().architecture
    basis = tuple(map(tuple, np.eye(a.d_head)[:1].tolist()))
    found = rest(Part(Z, (2,), heads=(0,), basis=basis))
    others = tuple(range(1, a.n_heads))
    assert [part.heads for part in found] == ([others] if others else []) + [(0,)]
    assert found[-1].basis is not None and len(found[-1].basis) == a.d_head - 1


def test_parts_that_overlap_an_earlier_one_are_left_out() -> None:
    first, second, third = neurons(0, 1), neurons(1, 2), neurons(2, 3)
    assert without_overlap([first, second, third]) == [first, third]


@pytest.mark.parametrize(
    ("n", "one", "other"), [(4000, 113, 57), (4000, 113, 3000), (50, 4, 7), (900, 2, 3), (300, 299, 5)]
)
def test_adjusted_mutual_information_is_that_of_scikit_learn(n: int, one: int, other: int) -> None:
    from sklearn.metrics import adjusted_mutual_info_score

    rng = np.random.default_rng(n + one)
    classes = rng.integers(0, one, n)
    others = np.where(rng.random(n) < 0.5, classes % other, rng.integers(0, other, n))
    found = adjusted_mutual_information(classes, others)
    assert found == pytest.approx(adjusted_mutual_info_score(classes, others), abs=1e-10)


def test_the_matching_loads_neither_scikit_learn_nor_the_distributions_of_scipy() -> None:
    code = (
        "import sys, scrubkit.scrubbing.scoring; "
        "print([n for n in ('sklearn', 'scipy.stats') if n in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
