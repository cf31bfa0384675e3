"""Labels: what is decided of compiled models agrees with how they were built."""

from __future__ import annotations

from functools import lru_cache

import networkx as nx
import pytest
import torch

from scrubkit.bench.case import Label
from scrubkit.bench.label import Judge, decide, label
from scrubkit.bench.label.criteria import carrying, compound, effect, irrelevance
from scrubkit.bench.label.measure import Interventions
from scrubkit.core.feature import parse as parse_feature
from scrubkit.families.modular.compile import compile_model
from scrubkit.families.modular.suites.hypotheses import claim, true_hypotheses
from scrubkit.families.modular.suites.known import Known
from scrubkit.hypothesis import from_graph
from scrubkit.models.model import Model
from scrubkit.models.record import Statement
from scrubkit.scrubbing import evaluate, scoring
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.truth_graph import truth_graph
from scrubkit.subjects.network import NetworkSubject
from scrubkit.subjects.sites import Sites
from scrubkit.subjects.subject import Edit

VARIANTS = ("pizza", "clock-torus", "clock-attention")
PLANTED = {
    "nothing": {},
    "dead frequency": {"dead_frequencies": (6,)},
    "decoy neurons": {"decoy_neurons": 6},
    "decoy heads": {"decoy_heads": 1},
    "redundant heads": {"redundant_heads": 1},
    "cancelling heads": {"cancelling_heads": 1},
    "backup path": {"backup_path": 0.3},
    "memorised pairs": {"memorised_pairs": 3},
}
HIDDEN = {"rotate": True, "permute": True, "seed": 3}
NOISE = {"pizza": 0.02, "clock-torus": 0.02, "clock-attention": 0.001}


@lru_cache
def model(variant: str, planted: str = "nothing", hidden: bool = False) -> Model:
    more = {**HIDDEN, "noise": NOISE[variant]} if hidden else {}
    return compile_model(variant=variant, p=13, frequencies=(2, 5), distractors=PLANTED[planted], **more)


def single(carried: Statement, task: str) -> nx.DiGraph:
    """The claim that one site carries what is said of it and matters; of the rest nothing is said."""
    graph = nx.DiGraph(task=task)
    graph.add_node("logits", site="logits", other="exact")
    graph.add_node("site", site=carried.site, feature=carried.feature)
    if "cos" in carried.feature:
        graph.nodes["site"]["tolerance"] = [None, 0.05]
    graph.add_edge("site", "logits")
    return graph


@pytest.mark.parametrize("hidden", [False, True], ids=["plain", "hidden"])
@pytest.mark.parametrize("planted", PLANTED)
@pytest.mark.parametrize("variant", VARIANTS)
def test_labels_and_truth_graph_agree(variant: str, planted: str, hidden: bool) -> None:
    """A site is in the truth graph if and only if the label finds that it matters and carries what is said.
    A site is in the truth graph if and only if the label finds that it matters and carries what is said."""
    subject = model(variant, planted, hidden)
    judge, sites = Judge.of(subject), Sites.of(subject)
    known = truth_graph(sites)
    assert known is not None and subject.truth is not None
    for carried in subject.truth.statements:
        if carried.feature == "0":
            continue
        found = judge.label(from_graph(single(carried, subject.task.name)))
        key = sites.part(carried.site, {}).key
        if found.label == "ambiguous":
            # Noise makes dead parts matter a little, and three inputs of 169 are a little of the whole.
            assert hidden or planted == "memorised pairs", (carried, found)
        else:
            assert (found.label != "false") == (key in known), (carried, found)


@pytest.mark.parametrize("planted", PLANTED)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_story_of_a_compiled_model_is_true(variant: str, planted: str) -> None:
    subject = model(variant, planted)
    judge = Judge.of(subject)
    if planted == "backup path" and variant != "pizza":
        pytest.skip("a backup path is a pizza beside the clock, and the story tells of the clock alone")
    if planted == "memorised pairs":
        pytest.skip(
            "what three inputs of 169 depend on is neither clearly true nor clearly false of the whole"
        )
    told = true_hypotheses(Known.of(subject))
    if planted not in ("nothing", "cancelling heads", "decoy heads"):
        del told["heads"]
    labels = {family: judge.label(from_graph(graph)) for family, graph in told.items()}
    assert {family: found.failed for family, found in labels.items() if found.label != "true"} == {}


def clusters(subject: Model, feature: str) -> nx.DiGraph:
    graph = true_hypotheses(Known.of(subject))["clusters"]
    for name in graph:
        if name.startswith("cluster"):
            graph.nodes[name].pop("tolerance", None)
            graph.nodes[name]["feature"] = feature
    return graph


@pytest.mark.parametrize(
    ("variant", "feature", "expected"),
    [
        ("clock-torus", "(a + b) % p", "true"),
        ("clock-torus", "(3 * (a + b) + 1) % p", "true"),
        ("clock-torus", "(a - b) % p", "false"),
        ("clock-torus", "(a + b) % p // 2", "false"),
        ("clock-torus", "(a, b)", "vacuous"),
        ("pizza", "(a + b) % p", "false"),
        ("pizza", "a", "false"),
    ],
)
def test_label_of_a_feature_of_the_clusters(variant: str, feature: str, expected: str) -> None:
    found = label(model(variant), from_graph(clusters(model(variant), feature)))
    assert found.label == expected
    assert bool(found.failed) == (expected == "false")


def test_a_decoy_that_is_said_to_matter_is_false_and_the_label_says_which() -> None:
    subject = model("pizza", "decoy neurons")
    assert subject.truth is not None
    graph = true_hypotheses(Known.of(subject))["clusters"]
    decoys = ",".join(map(str, subject.truth.neuron_roles["decoy"]))
    graph.add_node("decoys", site=f"blocks.0.mlp.hook_post[pos=-1, neurons={decoys}]", feature="(a + b) % p")
    graph.add_edge("decoys", "logits")
    found = label(subject, from_graph(graph))
    assert found.label == "false"
    assert [sentence.split(":")[0] for sentence in found.failed] == ["decoys -> logits"]


def test_the_root_alone_is_vacuous() -> None:
    graph = nx.DiGraph()
    graph.add_node("logits", site="logits")
    assert label(model("pizza"), from_graph(graph)).label == "vacuous"


def test_a_forgotten_cluster_is_something_left_out_that_matters() -> None:
    graph = true_hypotheses(Known.of(model("pizza")))["clusters"]
    graph.remove_node("cluster_5")
    found = label(model("pizza"), from_graph(graph))
    assert found.label == "false"
    assert found.failed[0].startswith("logits: what is left out moves 0.5")


def test_a_needed_cluster_called_unimportant_is_false() -> None:
    graph = true_hypotheses(Known.of(model("pizza")))["clusters"]
    site = graph.nodes["cluster_5"]["site"]
    graph.remove_node("cluster_5")
    graph.add_node("cluster_5", site=site, unimportant=True)
    graph.add_edge("cluster_5", "logits")
    assert label(model("pizza"), from_graph(graph)).label == "false"


def test_labels_do_not_scrub(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a label must not come from scrubbing")

    monkeypatch.setattr(scoring.Scorer, "score", refuse)
    monkeypatch.setattr(evaluate, "scrub_rows", refuse)
    graph = true_hypotheses(Known.of(model("pizza")))["full"]
    assert label(model("pizza"), from_graph(graph)).label == "true"


def test_figures_from_tables_equal_those_of_all_pairs_run_one_by_one() -> None:
    """The exact sums over contribution tables against plain interventions on every pair of inputs."""
    subject = compile_model(variant="pizza", p=5, frequencies=(1, 2))
    engine = NetworkSubject(subject, "cpu")
    plan = bind(from_graph(true_hypotheses(Known.of(subject))["clusters"]), engine)
    measured = Interventions(engine)
    rows = torch.arange(25)
    x, other = rows.repeat_interleave(25), rows.repeat(25)
    clean = engine.clean(plan.root.part, x)[:, 0]

    def change(outputs: torch.Tensor, keep: torch.Tensor) -> float:
        moved = (outputs - clean).double()
        moved -= moved.mean(1, keepdim=True)
        return float(moved.square().sum(1)[keep].mean())

    everything = torch.ones_like(x, dtype=torch.bool)
    for child in plan.root.children:
        edited = engine.run(x, [Edit(child.part, engine.clean(child.part, other))], (), plan.root.part)[:, 0]
        feature = parse_feature(str(claim(Known.of(subject), int(child.node.split("_")[1]))["feature"]))
        ids = feature.values(subject.task.columns, subject.task.constants)
        same = everything.clone()
        for component in ids:
            values = torch.from_numpy(component.copy()).double()
            same &= (values[x] - values[other]).abs() < 1e-9
        assert measured.moved(child, plan.root) == pytest.approx(change(edited, everything), rel=1e-4)
        assert child.resampling is not None
        # At p = 5 the tolerance joins no values, so that classes are those of the exact feature.
        sizes = torch.stack([same[x == row].sum() for row in rows])
        weights = 1 / sizes[x][same].double()
        moved = (edited - clean).double()
        moved -= moved.mean(1, keepdim=True)
        within = float((moved.square().sum(1)[same] * weights).sum() / 25)
        assert measured.within(child, plan.root, child.resampling, "c") == pytest.approx(
            within, rel=1e-3, abs=1e-3
        )
    edits = [Edit(child.part, engine.clean(child.part, x)) for child in plan.root.children]
    left_out = engine.run(other, edits, (), plan.root.part)[:, 0]
    assert measured.rest(plan.root) == pytest.approx(change(left_out, everything), rel=1e-3, abs=1e-3)


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ([carrying("m -> n", 0.079, 1.0)], "true"),
        ([carrying("m -> n", 0.1, 1.0)], "ambiguous"),
        ([carrying("m -> n", 0.13, 1.0)], "false"),
        ([carrying("m -> n", 0.9, 0.02)], "ambiguous"),
        ([irrelevance("n", 0.1, 1.0)], "ambiguous"),
        ([irrelevance("n", 0.13, 1.0)], "false"),
        ([irrelevance("n", 0.5, 0.05)], "ambiguous"),
        ([effect("m -> n", 0.011, 0.1)], "true"),
        ([effect("m -> n", 0.005, 0.1)], "ambiguous"),
        ([effect("m -> n", 0.001, 0.0015)], "false"),
        ([effect("m -> n", 0.001, 0.5)], "ambiguous"),
        ([compound("n", 0.5)], "ambiguous"),
    ],
)
def test_a_figure_between_the_thresholds_is_never_rounded(evidence: list, expected: str) -> None:
    assert decide(evidence, tested=True).label == expected


def test_errors_that_add_up_make_a_label_ambiguous() -> None:
    """Ten parts, each large because they cancel, each described well: together they are described badly."""
    found: Label = decide(
        [*(carrying(f"{i} -> n", 0.05, 3.0) for i in range(10)), compound("n", 10 * 0.05 * 3.0)], tested=True
    )
    assert found.label == "ambiguous"
