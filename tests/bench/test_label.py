"""Labels, version 2: joint, through to the output, on average and at worst."""

from __future__ import annotations

from functools import lru_cache

import networkx as nx
import pytest
import torch

from scrubkit.bench.case import Evidence
from scrubkit.bench.label import Judge, decide, label, replay
from scrubkit.bench.label import criteria as on
from scrubkit.bench.label.additive import Additive
from scrubkit.bench.label.exhaustive import Exhaustive
from scrubkit.bench.label.outputs import Outputs
from scrubkit.bench.label.scrubbed import Scrubber
from scrubkit.families.modular.compile import compile_model
from scrubkit.families.modular.suites.hypotheses import true_hypotheses
from scrubkit.families.modular.suites.known import POST, Known
from scrubkit.hypothesis import from_graph
from scrubkit.models.model import Model
from scrubkit.models.weights import Weights
from scrubkit.scrubbing import evaluate, exact, scoring
from scrubkit.scrubbing.plan import bind
from scrubkit.subjects.function_graph import FunctionGraph

VARIANTS = ("pizza", "clock-torus", "clock-attention")


@lru_cache
def model(variant: str = "pizza", **planted: int) -> Model:
    return compile_model(variant=variant, p=7, frequencies=(1, 2), distractors=planted)


def told(subject: Model, family: str = "clusters") -> nx.DiGraph:
    return true_hypotheses(Known.of(subject))[family]


def neurons(subject: Model, role: str) -> str:
    assert subject.truth is not None
    return f"{POST}[pos=-1, neurons={','.join(map(str, subject.truth.neuron_roles[role]))}]"


def add(graph: nx.DiGraph, name: str, site: str, **said: object) -> nx.DiGraph:
    graph.add_node(name, site=site, **said)
    graph.add_edge(name, "logits")
    return graph


def found(subject: object, graph: nx.DiGraph) -> tuple[str, str | None]:
    got = label(subject, from_graph(graph))
    return got.label, got.stratum


def heads(*features: str, of: str) -> tuple[FunctionGraph, nx.DiGraph]:
    """Three functions of a and what is made of them, with a claim about each of the three."""
    g = nx.DiGraph()
    for name in ("h0", "h1", "h2"):
        g.add_edge("a", name)
        g.add_edge(name, "out")
        g.nodes[name]["fn"] = lambda a: a % 2
    made = {
        "a vote": lambda h0, h1, h2: (h0 + h1 + h2 >= 2).long(),
        "a pair that cancels": lambda h0, h1, h2: h0 - h1 + h2,
    }
    g.nodes["out"]["fn"] = made[of]
    claim = nx.DiGraph()
    claim.add_node("root", site="out")
    for i, feature in enumerate(features):
        claim.add_node(f"h{i}", site=f"h{i}", feature=feature)
        claim.add_edge(f"h{i}", "root")
    return FunctionGraph(g, {"a": torch.arange(6)}), claim


@pytest.mark.parametrize(
    ("features", "of", "expected"),
    [
        (("0", "0", "0"), "a vote", ("false", "too-coarse")),
        (("a % 2", "a % 2", "a % 2"), "a vote", ("true", None)),
        (("0", "a % 2", "a % 2"), "a vote", ("true", None)),
        (("a % 2", "a % 2"), "a vote", ("true", None)),
        (("a % 2",), "a vote", ("false", "left-out")),
        (("0", "0", "a % 2"), "a pair that cancels", ("false", "too-coarse")),
        (("a % 2", "a % 2", "a % 2"), "a pair that cancels", ("true", None)),
    ],
)
def test_parts_that_act_together(
    features: tuple[str, ...], of: str, expected: tuple[str, str | None]
) -> None:
    """Each of three voters may hold anything as long as the others do not, and each is needed."""
    assert found(*heads(*features, of=of)) == expected


def test_two_cancelling_heads_of_a_network_are_not_constant() -> None:
    subject = model(cancelling_heads=1)
    graph = told(subject)
    for head in subject.truth.heads:  # pyright: ignore[reportOptionalMemberAccess]
        if head.role == "cancelling":
            add(graph, f"h{head.head}", f"blocks.0.attn.hook_z[pos=-1, head={head.head}]", feature="0")
    assert found(subject, graph)[0] == "false"


def test_a_copy_into_dimensions_that_nobody_reads_is_unimportant() -> None:
    subject = model(decoy_neurons=6)
    assert found(subject, add(told(subject), "copy", neurons(subject, "decoy"), unimportant=True)) == (
        "true",
        None,
    )


def test_decoys_as_a_node_of_their_own_are_not_needed_and_as_part_of_a_node_no_fault() -> None:
    subject = model(decoy_neurons=6)
    graph = add(told(subject), "decoys", neurons(subject, "decoy"), feature="(a, b)")
    got = label(subject, from_graph(graph))
    assert (got.label, got.stratum) == ("false", "not-needed")
    assert got.failed[0].startswith("logits/decoys: ")
    wider = told(subject)
    more = neurons(subject, "decoy").split("neurons=")[1]
    wider.nodes["cluster_1"]["site"] = f"{POST}[pos=-1, neurons=cluster:1,{more}"
    assert found(subject, wider) == ("true", None)


@lru_cache
def with_exceptions(times: float = -8.0) -> Model:
    """A pizza in which three neurons decide three inputs, wrongly: what they write is made larger."""
    made = compile_model(variant="pizza", p=13, frequencies=(2, 5), distractors={"memorised_pairs": 3})
    assert made.truth is not None
    tensors = {name: value.clone() for name, value in made.weights.named().items()}
    tensors["blocks.0.mlp.W_out"][list(made.truth.neuron_roles["memorised"])] *= times
    return made.with_(weights=Weights(tensors))


def test_neurons_that_decide_three_inputs_are_rarely_important_and_fire_on_their_pairs() -> None:
    subject = with_exceptions()
    assert subject.truth is not None
    without = add(told(subject), "memory", neurons(subject, "memorised"), unimportant=True)
    got = label(subject, from_graph(without))
    assert (got.label, got.stratum) == ("false", "rare")
    pairs = subject.truth.distractors["memorised_pairs"]
    at = {(int(subject.task.columns["a"][got.witness.row]), int(subject.task.columns["b"][got.witness.row]))}  # pyright: ignore[reportOptionalMemberAccess]
    shown = got.witness.draws["logits"][1]  # pyright: ignore[reportOptionalMemberAccess]
    at.add((int(subject.task.columns["a"][shown]), int(subject.task.columns["b"][shown])))
    assert at & {tuple(pair) for pair in pairs}
    graph = told(subject)
    fires = " + ".join(f"{i + 1} * (a == {a} and b == {b})" for i, (a, b) in enumerate(pairs))
    add(graph, "memory", neurons(subject, "memorised"), feature=fires)
    assert found(subject, graph) == ("true", None)
    graph.nodes["memory"]["feature"] = "a"
    assert found(subject, graph) == ("false", "rare")


def test_a_move_that_leaves_rare_failures_repairs_nothing() -> None:
    """The operands are exchanged and neurons that decide three inputs called unimportant."""
    subject = with_exceptions(times=-5.0)
    graph = add(told(subject), "memory", neurons(subject, "memorised"), unimportant=True)
    graph.nodes["a"]["feature"], graph.nodes["b"]["feature"] = "b", "a"
    assert found(subject, graph) == ("false", "left-out")


def test_other_neurons_at_one_node_repair_a_claim() -> None:
    subject = model(decoy_neurons=6)
    graph = told(subject)
    graph.nodes["cluster_2"]["site"] = neurons(subject, "decoy")
    got = label(subject, from_graph(graph))
    assert (got.label, got.stratum) == ("false", "wrong-place") and "cluster_2 at" in got.failed[0]


def test_what_is_called_unimportant_is_not_moved_to_repair_a_claim() -> None:
    subject = model(decoy_neurons=6)
    graph = told(subject)
    matters = graph.nodes["cluster_2"]["site"]
    graph.nodes["cluster_2"]["site"] = neurons(subject, "decoy")
    assert found(subject, add(graph, "rest", matters, unimportant=True)) == ("false", "left-out")


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_a_family_says_of_its_models_is_true_and_never_vacuous(variant: str) -> None:
    """That the rest does not matter, or that nothing goes past the path, could be false of other weights."""
    subject = model(variant)
    judge = Judge.of(subject)
    for family, graph in true_hypotheses(Known.of(subject)).items():
        got = judge.label(from_graph(graph))
        assert (family, got.label, got.failed) == (family, "true", ())


def test_a_claim_that_holds_of_any_weights_is_vacuous_and_one_that_an_untrained_model_refutes_is_not() -> (
    None
):
    everything = nx.DiGraph()
    everything.add_node("logits", site="logits")
    add(everything, "all", "blocks.0.hook_resid_post[pos=-1]", feature="(a, b)")
    assert found(model(), everything) == ("vacuous", None)
    add(everything, "rest", "hook_embed[pos=0, frequencies=3]", unimportant=True)
    assert found(model(), everything) == ("vacuous", None)
    rest = told(model())
    for name in ("cluster_1", "cluster_2"):
        rest.nodes[name].update(feature="(a, b)", tolerance=None)
    assert found(model(), rest) == ("true", None)
    alone = nx.DiGraph()
    alone.add_node("logits", site="logits")
    assert found(model(), alone)[0] != "true"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda g: g.remove_node("cluster_2"), "left-out"),
        (lambda g: g.nodes["cluster_2"].update(feature="a", tolerance=None), "too-coarse"),
        (lambda g: g.nodes["a"].update(feature="b") or g.nodes["b"].update(feature="a"), "wrong-place"),
        (lambda g: g.nodes["cluster_2"].update(feature="0", tolerance=None), "too-coarse"),
    ],
)
def test_in_which_way_a_claim_is_false(change, expected: str) -> None:
    graph = told(model())
    change(graph)
    assert found(model(), graph) == ("false", expected)


def test_the_nodes_that_are_too_coarse_are_named_and_no_others() -> None:
    graph = told(model())
    graph.nodes["cluster_2"].update(feature="a", tolerance=None)
    assert [said.split(":")[0] for said in label(model(), from_graph(graph)).failed] == ["cluster_2"]


def test_on_average_false_is_false_though_no_answer_changes() -> None:
    graph = told(model())
    for name in ("cluster_1", "cluster_2"):
        graph.nodes[name].update(feature="(a + b) % p", tolerance=None)
    got = label(model(), from_graph(graph))
    assert (got.label, got.stratum) == ("false", "too-coarse")
    assert found(model("clock-torus"), told(model("clock-torus"))) == ("true", None)


@pytest.mark.parametrize("family", ["clusters", "full", "frequencies"])
def test_a_witness_can_be_replayed_and_shows_the_worst_that_was_found(family: str) -> None:
    graph = told(model(), family)
    first = (
        next(n for n in graph if graph.nodes[n].get("feature") not in (None, "a", "b"))
        if family != "frequencies"
        else "a_1"
    )
    graph.nodes[first].update(feature="a % 2", tolerance=None)
    claim = from_graph(graph)
    got = label(model(), claim)
    shown = replay(model(), claim, got.witness)  # pyright: ignore[reportArgumentType]
    (worst,) = [e.value for e in got.evidence if e.claim == "worst"]
    assert shown.lost == pytest.approx(worst, rel=5e-3) and shown.lost > 1
    assert int(shown.scrubbed.argmax()) != int(shown.clean.argmax())


def test_closed_form_and_sampled_draws_agree() -> None:
    subject = model()
    scrubber = Judge.of(subject).scrubber
    graph = told(subject, "full")
    graph.nodes["circuit_1"].update(feature="a", tolerance=None)
    plan = bind(from_graph(graph), scrubber.subject)
    tree = scrubber.liveness.simplified(plan.root)
    form = Additive.of(scrubber.subject, scrubber.outputs, plan, tree)
    assert form is not None
    mean, worst, failure, _, _ = form.figures(20_000)
    sampled = scrubber.sampled(plan, plan.root, 20_000)
    assert mean == pytest.approx(sampled.mean, rel=0.05)
    assert failure == pytest.approx(sampled.failure, abs=0.02)
    assert sampled.worst <= worst * 1.001 and worst > 1


def test_the_worst_draw_is_told_in_closed_form_where_it_changes_no_answer() -> None:
    subject = compile_model(variant="pizza", p=7, frequencies=(1, 2), noise=0.03)
    scrubber = Judge.of(subject).scrubber
    plan = bind(from_graph(told(subject)), scrubber.subject)
    form = Additive.of(scrubber.subject, scrubber.outputs, plan, scrubber.liveness.simplified(plan.root))
    assert form is not None
    _, worst, failure, _, _ = form.figures(20_000)
    assert 1e-4 < worst < 1 and failure == 0
    assert worst == pytest.approx(scrubber.sampled(plan, plan.root, 20_000).worst, rel=1e-3)


@pytest.mark.parametrize("other", ["uniform", "exact"])
def test_all_draws_give_the_expectation_that_exact_scrubbing_gives(other: str) -> None:
    """The enumeration here and the one of the scrubbing engine share no code."""
    from scrubkit.bench import graphs

    claims = {name: (about, claim) for name, about, claim in graphs.claims()}
    for name in ("swapped_parts", "cancellation", "correlated_feature", "interference"):
        about, claim = claims[name]
        subject, claim = graphs.find(about).graph, claim.copy()
        for node, readers in claim.out_degree():
            if not readers:
                claim.nodes[node]["other"] = other
        plan = bind(from_graph(claim), subject)
        outputs = Outputs(subject)
        mean, _, failure, _, _ = Exhaustive(subject, outputs, plan, plan.root, 10**6).figures()
        want = fail = 0.0
        for x, distribution in enumerate(exact.enumerate_outputs(subject, plan)):
            values = outputs.centred(distribution.values)
            rows = torch.full((len(values),), x)
            want += float(outputs.mass[x] * (outputs.change(values, rows) @ distribution.probabilities))
            gone = (outputs.lost(values, rows) >= 1).double()
            fail += float(outputs.mass[x] * (gone @ distribution.probabilities))
        assert (mean, failure) == (pytest.approx(want, abs=1e-9), pytest.approx(fail, abs=1e-9)), name


def test_labels_do_not_run_the_engine_that_they_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a label must not come from the scrubbing engine")

    monkeypatch.setattr(scoring.Scorer, "score", refuse)
    monkeypatch.setattr(evaluate, "scrub_rows", refuse)
    monkeypatch.setattr(exact, "enumerate_outputs", refuse)
    assert label(model(), from_graph(told(model(), "full"))).label == "true"


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ([on.sufficient("n", 0.029)], "true"),
        ([on.sufficient("n", 0.04)], "ambiguous"),
        ([on.sufficient("n", 0.07)], "false"),
        ([on.worst("n", 1.0, 0.0, True)], "ambiguous"),
        ([on.worst("n", 1.3, 0.001, False)], "false"),
        ([on.worst("n", 1.3, 0.0, False)], "ambiguous"),
        ([on.needed("n", 0.001)], "false"),
        ([on.needed("n", 0.01)], "ambiguous"),
        ([on.needed("n", 0.5)], "true"),
    ],
)
def test_a_figure_between_the_thresholds_is_never_rounded(evidence: list[Evidence], expected: str) -> None:
    assert decide(evidence, vacuous=False).label == expected


def test_a_voter_is_needed_only_where_the_others_disagree_which_no_input_makes() -> None:
    subject, claim = heads("a % 2", "a % 2", "a % 2", of="a vote")
    assert label(subject, from_graph(claim)).flags == ("off-distribution-only",)
    assert Scrubber(subject).scrub(bind(from_graph(claim), subject)).exhaustive
