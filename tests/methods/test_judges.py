"""What the judges of whole circuits, single steps and probes see, and what they are known to miss."""

import networkx as nx
import numpy as np
import pytest
import torch

import scrubkit
from scrubkit.methods.causal_scrubbing import CausalScrubbing
from scrubkit.methods.patching import cuts, restored
from scrubkit.methods.published_tests import PublishedTests, above, equivalence_p
from scrubkit.methods.selective_probe import control_labels
from scrubkit.methods.variables import predicted_jointly
from tests.methods.conftest import (
    KEYS,
    POST,
    SUM,
    ask,
    clusters,
    compiled,
    heads,
    idle,
    with_decoy,
)
from tests.methods.test_aligners import embeddings, one

CLOCK = "clock-torus"


def test_the_loss_and_the_probabilities_hide_what_the_logits_show() -> None:
    """A pizza's clusters are no functions of the sum: all of the loss is recovered all the same."""
    graph = clusters("pizza", claim={"feature": SUM})
    said = {
        name: ask(name, compiled("pizza", planted=False), graph)
        for name in ("causal-scrubbing", "causal-scrubbing-kl", "causal-scrubbing-logits")
    }
    assert said["causal-scrubbing"].verdict == said["causal-scrubbing-kl"].verdict == "supported"
    assert said["causal-scrubbing-logits"].verdict == "refuted"
    assert said["causal-scrubbing-logits"].score == pytest.approx(0.81, abs=0.03)


def test_more_draws_narrow_the_interval_of_a_scrub() -> None:
    graph, model = clusters("pizza", keys=KEYS[:1]), compiled("pizza", planted=False)
    widths = []
    for draws in (4, 64):
        low, high = ask(CausalScrubbing(draws=draws), model, graph).interval or (0, 0)
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


@pytest.mark.parametrize("name", ["denoising", "noising", "symmetric-patching"])
def test_patching_a_circuit_sees_a_missing_cluster_and_no_wrong_feature(name: str) -> None:
    model = compiled("pizza", planted=False)
    assert ask(name, model, clusters("pizza")).score == pytest.approx(1, abs=1e-3)
    assert ask(name, model, clusters("pizza", keys=KEYS[:1])).score < 0.95
    assert ask(name, model, clusters("pizza", claim={"feature": "b"})).score == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("kind", "denoised", "noised"), [("or", 1.0, 0.0), ("and", 0.0, 1.0)])
def test_denoising_finds_one_part_of_an_or_enough_and_noising_one_of_an_and(
    kind: str, denoised: float, noised: float
) -> None:
    """Heimersheim and Nanda 2024, section 2: both bits are on, or none is."""
    model = scrubkit.bind(*bits(kind))
    on, off = torch.tensor([3]), torch.tensor([0])
    assert restored(model, on, off, noising=False) == pytest.approx(denoised, abs=1e-3)
    assert 1 - restored(model, on, off, noising=True) == pytest.approx(noised, abs=1e-3)


def bits(kind: str) -> tuple[scrubkit.Model, nx.DiGraph]:
    """A model that answers the OR or the AND of two bits, and the claim that the first one matters."""
    program = nx.DiGraph([("x", "out"), ("y", "out")], name=kind)
    program.add_nodes_from("xy", values=range(2))
    program.nodes["out"]["feature"] = "max(x, y)" if kind == "or" else "min(x, y)"
    claim = nx.DiGraph([("x", "logits")])
    claim.add_node("logits", site="logits")
    claim.add_node("x", site="hook_embed[pos=0]", feature="x")
    return scrubkit.compile_graph(program), claim


def test_a_circuit_is_cut_where_it_begins_and_where_it_ends() -> None:
    bound = scrubkit.bind(compiled(CLOCK, planted=False), clusters(CLOCK))
    first, last = cuts(bound)
    assert {part.hook for part in first} == {"hook_embed"}
    assert {part.hook for part in last} == {POST}


def test_an_interchange_of_all_nodes_at_once_finds_what_one_by_one_does() -> None:
    model = compiled(CLOCK, planted=False)
    assert ask("causal-abstraction", model, clusters(CLOCK)).score == 1
    assert ask("causal-abstraction", model, clusters(CLOCK, a_at=1, b_at=0)).score < 0.7
    assert ask("causal-abstraction", model, clusters(CLOCK, keys=KEYS[:1])).score < 0.95


def test_what_a_joint_interchange_predicts_follows_every_source() -> None:
    bound = scrubkit.bind(compiled(CLOCK, planted=False), embeddings())
    base, one_row, other = torch.tensor([5]), torch.tensor([3 * 13 + 1]), torch.tensor([7 * 13 + 9])
    row = predicted_jointly(bound, {"a": one_row, "b": other}, base)
    assert row.tolist() == [3 * 13 + 9]


def test_local_consistency_checks_the_step_that_is_wrong() -> None:
    model = compiled(CLOCK, planted=False)
    assert ask("local-consistency", model, clusters(CLOCK)).score == 1
    graph = clusters(CLOCK, a_at=1, b_at=0)
    answer = ask("local-consistency", model, graph)
    assert answer.score < 0.2
    assert "n4 1.000" in answer.notes[0]  # the last step, from the clusters to the answer, is right


def test_local_consistency_does_not_see_a_part_that_nothing_reads() -> None:
    model = compiled(CLOCK)
    assert ask("local-consistency", model, with_decoy(model, clusters(CLOCK))).score == 1


def test_a_probe_of_an_embedding_is_not_selective_and_one_of_the_sum_is() -> None:
    """Hewitt and Liang 2019: a probe that can memorise word types says nothing of a representation."""
    model = compiled("pizza", planted=False)
    assert ask("linear-probe", model, embeddings()).score > 0.9
    assert ask("selective-probe", model, embeddings()).score < 0.1
    told = one("blocks.0.hook_mlp_out[pos=-1]", SUM)
    assert ask("selective-probe", model, told).score > 0.7


def test_a_control_task_gives_a_type_one_label_everywhere() -> None:
    types, real = np.array([0, 1, 0, 2, 1]), np.array([5, 6, 7, 8, 9])
    labels = control_labels(types, real, torch.Generator().manual_seed(0))
    assert labels[0] == labels[2] and labels[1] == labels[4]
    assert set(labels) <= set(real)


def test_the_published_tests_pass_the_clock_and_refuse_a_decoy() -> None:
    model = compiled(CLOCK)
    assert ask("circuit-tests-published", model, clusters(CLOCK)).verdict == "supported"
    assert ask("circuit-tests-published", model, with_decoy(model, clusters(CLOCK))).verdict == "refuted"


def test_the_published_tests_pass_half_a_circuit_where_inputs_are_few() -> None:
    """Equivalence and independence say that no difference was seen: with few inputs none can be."""
    model, half = compiled("pizza", planted=False), clusters("pizza", keys=KEYS[:1])
    many, few = (ask(PublishedTests(size=size), model, half) for size in (256, 3))
    assert "equivalence fails" in many.notes[0]
    assert "equivalence passes" in few.notes[0]


@pytest.mark.parametrize(("share", "rejected"), [(0.5, False), (0.58, False), (0.9, True), (0.1, True)])
def test_equivalence_is_rejected_where_one_outdoes_the_other(share: float, rejected: bool) -> None:
    full = torch.zeros(200)
    circuit = torch.where(torch.arange(200) < 200 * share, 1.0, -1.0)
    assert (equivalence_p(circuit, full) <= 0.05) is rejected


def test_a_binomial_test_needs_enough_draws_to_reject() -> None:
    assert above(29, 29) and not above(28, 28)


def test_heads_that_do_nothing_are_no_loss_to_a_patched_circuit() -> None:
    model = compiled(CLOCK)
    assert ask("symmetric-patching", model, heads(model, idle(model))).score == pytest.approx(1, abs=1e-3)
