"""Figures of finders, against graphs whose sites are known."""

import math

import networkx as nx
import pytest

import scrubkit
from scrubkit import bind
from scrubkit.core.site import overlap
from scrubkit.families.modular.compile import compile_model
from scrubkit.families.programs import distractors
from scrubkit.families.programs.model import compile_graph
from scrubkit.families.programs.reading import read_program
from scrubkit.harness.circuits import recovery_areas
from scrubkit.harness.finders import (
    auroc,
    average_precision,
    circuit_figures,
    contracted,
    rank_edges,
    rank_sites,
    stands_for,
)
from scrubkit.harness.oracle import told
from scrubkit.harness.outcome import Finding
from scrubkit.harness.questions import bare
from scrubkit.harness.run import validate
from scrubkit.methods.protocol import Importances
from scrubkit.scrubbing.truth_graph import truth_graph
from scrubkit.subjects.sites import Sites
from tests.harness import toys
from tests.programs.graphs import add, chain

TRUE_SITES = ("hook_embed[pos=0]", "hook_embed[pos=1]", "blocks.0.mlp.hook_post[pos=-1]")
OTHER_SITES = ("hook_pos_embed[pos=0]", "blocks.0.attn.hook_z[pos=-1, head=1]")


@pytest.fixture(scope="module")
def pizza():
    return compile_model(variant="pizza", p=11, frequencies=(2, 4))


def parts_of(model, sites):
    return {site: Sites.of(model).part(site, {}) for site in sites}


def held_by(model, sites):
    return {site: stands_for(Sites.of(model), part) for site, part in parts_of(model, sites).items()}


def test_the_oracle_attains_all_that_components_can_and_stands_last(small_suite):
    wrong, oracle = validate(toys.FindsAll(0.0, 1.0), small_suite).finders
    assert oracle.name == "oracle" and not oracle.models
    assert oracle.sites_auroc.value == oracle.sites_ap.value == 1
    assert oracle.attainable.value <= wrong.attainable.value
    assert oracle.cpr.value > wrong.cpr.value


def test_the_oracle_names_pairs_of_components_that_hold_an_edge_of_the_truth(pizza):
    edges = {(source, target): value for source, target, value in told(pizza).edges}
    head, mlp = "blocks.0.attn.hook_z[pos=-1, head=0]", "blocks.0.hook_mlp_out[pos=-1]"
    path = [("hook_embed[pos=0]", head), ("hook_embed[pos=1]", head), (head, mlp), (mlp, "logits")]
    assert {edge for edge, value in edges.items() if value} == set(path)
    figures = circuit_figures(pizza, told(pizza))
    assert (figures.edges_auroc, figures.edges_ap, figures.missed) == (1, 1, 0)


def test_the_output_of_an_mlp_stands_for_its_neurons(pizza):
    mlp = held_by(pizza, ["blocks.0.hook_mlp_out[pos=-1]"])
    neurons = parts_of(pizza, ["blocks.0.mlp.hook_post[pos=-1, neurons=0,1]"])
    truths, scores = rank_sites(mlp, dict.fromkeys(mlp, 1.0), list(neurons.values()))
    assert (truths, scores) == ([True], [1.0])


def test_where_no_finder_is_asked_there_is_no_oracle(small_suite):
    assert not validate(toys.AlwaysAccepts(), small_suite).finders


def test_the_right_ranking_has_auroc_one_and_the_wrong_one_nought(small_suite):
    right, wrong = toys.FindsAll(1.0, 0.0), toys.FindsAll(0.0, 1.0)
    right.name, wrong.name = "right", "wrong"
    report = validate([right, wrong], small_suite)
    figures = {finder.name: finder for finder in report.finders}
    assert figures["right"].sites_auroc.value > figures["wrong"].sites_auroc.value
    assert figures["right"].cpr.value > figures["wrong"].cpr.value


def test_a_true_site_that_is_not_named_counts_as_found_last(pizza):
    graph = truth_graph(Sites.of(pizza))
    true = [
        graph.nodes[key]["claimed"].part for key in graph if "resid" not in key[0] and "logits" not in key[0]
    ]
    parts = held_by(pizza, TRUE_SITES[:1] + OTHER_SITES)
    truths, scores = rank_sites(parts, dict.fromkeys(parts, 1.0), true)
    missed = [truth for truth, score in zip(truths, scores, strict=True) if score == -math.inf]
    assert missed and all(missed)
    assert auroc(truths, scores) < 0.5


def test_a_true_edge_that_is_not_named_counts_as_found_last(pizza):
    graph = truth_graph(Sites.of(pizza))
    true = {key: graph.nodes[key]["claimed"].part for key in graph}
    ends = ("blocks.0.hook_attn_out[pos=-1]", "blocks.0.mlp.hook_post[pos=-1]", "hook_pos_embed[pos=0]")
    parts = held_by(pizza, ends)
    truths, scores = rank_edges(parts, [(ends[0], ends[1], 2.0), (ends[2], ends[1], 1.0)], graph, true)
    assert truths[:2] == [True, False]
    assert truths[2:] and all(truths[2:]) and set(scores[2:]) == {-math.inf}
    assert rank_edges(parts, [], graph, true) == ([], [])


@pytest.fixture(scope="module")
def voters():
    graph = add(chain(), "answer", ["out", "x2"], feature="(out + x2) % 3")
    program = distractors.vote(read_program(graph), "s")
    return compile_graph(distractors.cancelling_pair(program, "out", "x0").graph)


def finding(model, variables, edges=()):
    """Importances of 1 for every site of some variables and 0 for those of others; edges between neurons."""
    kinds = model.truth.sites
    sites = {
        site: float(name.partition("@")[0] in variables)
        for name, places in kinds.items()
        for site in places.values()
    }
    at = {name: kinds[name].get("neurons", kinds[name]["subspace"]) for name in model.truth.features}
    return Finding(key="", sites=sites, edges=tuple((at[m], at[n], value) for m, n, value in edges))


@pytest.mark.parametrize("pair", [("s", "s_second"), ("s", "s_third"), ("s_second", "s_third")])
def test_any_two_of_three_voters_are_the_truth_and_the_third_counts_neither_way(voters, pair):
    rest = {"x0", "x1", "x2", "out", "answer"}
    assert circuit_figures(voters, finding(voters, {*rest, *pair})).sites_ap == 1
    everyone = circuit_figures(voters, finding(voters, {*rest, "s", "s_second", "s_third"}))
    assert (everyone.sites_ap, everyone.circuits) == (1, 3)
    assert circuit_figures(voters, finding(voters, {*rest, pair[0]})).sites_ap < 1


def test_edges_of_a_third_voter_count_neither_way_and_those_of_a_cancelling_term_are_wrong(voters):
    def found(names, top=0.0):
        edges = [(x, voter, 2.0) for x in ("x0", "x1") for voter in names] + [(v, "out", 2.0) for v in names]
        rest = [("x2", "out", 2.0), ("x2", "answer", 2.0), ("out", "answer", 2.0), ("x0", "out_plus", top)]
        row = circuit_figures(voters, finding(voters, (), [*edges, *rest]))
        return row.edges_ap, row.edges_auroc

    assert found(["s", "s_second", "s_third"]) == found(["s", "s_second"]) == found(["s_third", "s"])
    assert found(["s"]) < found(["s", "s_second"])
    assert found(["s", "s_second"], top=3.0) < found(["s", "s_second"])


def test_two_terms_that_cancel_are_in_no_circuit(voters):
    rest = {"x0", "x1", "x2", "s", "s_second", "out", "answer"}
    pair = {n for n in voters.truth.features if n.startswith("out_")}
    assert len(pair) == 2
    assert circuit_figures(voters, finding(voters, rest | pair)).sites_ap < 1


def test_figures_of_one_kind_only_are_unknown():
    assert auroc([True, True], [1.0, 0.0]) is None
    assert auroc([], []) is None
    assert average_precision([False], [1.0]) is None
    assert average_precision([True, False], [1.0, 0.0]) == 1


def test_all_sites_of_the_embedding_recover_everything_at_once(pizza):
    parts = parts_of(pizza, TRUE_SITES)
    neurons_first = {part: float(site == TRUE_SITES[2]) for site, part in parts.items()}
    cpr, cmd = recovery_areas(pizza, neurons_first)
    # f is 0 for no site and 1 from the first site on, so the trapezoid loses half of its first step.
    assert cpr == pytest.approx(0.995, abs=2e-3)
    assert cmd == pytest.approx(0.005, abs=2e-3)


def test_sites_that_do_nothing_recover_nothing(pizza):
    cpr, cmd = recovery_areas(pizza, dict.fromkeys(parts_of(pizza, OTHER_SITES).values(), 1.0))
    assert cpr == pytest.approx(0.0, abs=1e-3)
    assert cmd == pytest.approx(1.0, abs=1e-3)


def test_setting_the_output_does_not_count(pizza):
    assert recovery_areas(pizza, {parts_of(pizza, ["logits"])["logits"]: 1.0}) == (None, None)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"hook_embed": 1.0}, "invalid"),
        (Importances(), "invalid"),
        (Importances(sites={"hook_embed": math.nan}), "not-finite"),
        (Importances(sites={"nowhere[pos=0]": 1.0}), "invalid"),
        (Importances(edges={("hook_embed", "cluster:3[x=2]"): 1.0}), "invalid"),
    ],
)
def test_a_bad_answer_of_a_finder_is_a_fault_with_the_worst_figures(small_suite, answer, kind):
    class Bad:
        name = "bad"

        def find(self, model, *, task, generator, budget):
            return answer

    finder = validate(Bad(), small_suite).finders[0]
    assert finder.faults.value == 1
    assert finder.models[0].finding.fault.kind == kind
    assert (finder.sites_auroc.value, finder.cmd.value) == (0, 1)


def test_a_path_through_what_cannot_be_named_is_an_edge():
    graph = nx.DiGraph([("a", "x"), ("x", "y"), ("y", "b"), ("a", "b"), ("b", "c"), ("x", "c")])
    assert set(contracted(graph, {"a", "b", "c"}).edges) == {("a", "b"), ("b", "c"), ("a", "c")}
    assert not contracted(graph, {"y"}).edges


def test_a_finder_that_ranks_every_true_component_first_is_perfect_and_misses_nothing():
    model = scrubkit.load("max3")
    known = [s.site for s in model.truth.statements if s.causal]

    class Knows:
        name = "knows"

        def find(self, model, *, task, generator, budget):
            bound = bind(model, task=task)
            true = [bound.subject.part(site, {}) for site in known if "subspace" not in site]
            parts = bound.components(neurons=True)
            return Importances({str(p): float(any(overlap(p, t) for t in true)) for p in parts})

    bare_model = bare(model)
    found = Knows().find(bare_model, task=bare_model.task, generator=None, budget=None)
    figures = circuit_figures(model, Finding(key="k", sites=dict(found.sites)))
    assert figures.missed == 0 and 0 < figures.attainable < figures.true_sites
    assert figures.sites_auroc == 1
