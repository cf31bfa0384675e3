"""Audited scrubbing accepts what is true of compiled models and rejects what is not."""

import networkx as nx
import pytest
import torch

import scrubkit
from scrubkit import Model
from scrubkit.methods.checks import Check, holm, p_above, share_of, smallest_slack
from scrubkit.scrubbing.score import Interval
from tests.methods.conftest import (
    KEYS,
    SUM,
    ask,
    clusters,
    compiled,
    frequencies,
    heads,
    idle,
    pizza_feature,
    with_decoy,
)

VARIANTS = ("pizza", "clock-torus")
TRUE = [
    *[(variant, f"clusters-{variant}") for variant in VARIANTS],
    *[(variant, "frequencies") for variant in VARIANTS],
    *[(variant, "heads") for variant in (*VARIANTS, "clock-attention")],
]


def told(variant: str, story: str) -> nx.DiGraph:
    model = compiled(variant)
    if story == "frequencies":
        return frequencies(KEYS)
    return heads(model, idle(model)) if story == "heads" else clusters(variant)


@pytest.mark.parametrize(("variant", "story"), TRUE)
def test_a_true_hypothesis_is_supported(variant: str, story: str) -> None:
    answer = ask("audited-scrubbing", compiled(variant), told(variant, story))
    assert answer.verdict == "supported", answer.notes
    assert answer.score > 0.5


def false_claims(variant: str) -> dict[str, nx.DiGraph]:
    model, true = compiled(variant), clusters(variant)
    dropped = nx.DiGraph(true)
    dropped.remove_node(f"c{KEYS[0]}")
    edge = nx.DiGraph(true)
    edge.remove_edge("a", f"c{KEYS[0]}")
    merged = clusters(variant, claim={"feature": f"(({SUM}) // 2)"})
    return {
        "dropped node": dropped,
        "dropped edge": edge,
        "swapped positions": clusters(variant, a_at=1, b_at=0),
        "difference": clusters(variant, claim={"feature": "(a - b) % p"}),
        "coarser": merged,
        "decoy superset": with_decoy(model, true),
        "wrong frequency": frequencies((KEYS[0], 3)),
        "extra frequency": frequencies((*KEYS, 3)),
        "dropped frequency": frequencies(KEYS[:1]),
        "needed head unimportant": heads(model, tuple({*idle(model), used_head(variant)})),
    }


def used_head(variant: str) -> int:
    model = compiled(variant)
    return next(h for h in range(model.config.n_heads) if h not in idle(model))


FALSE = [(variant, name) for variant in VARIANTS for name in false_claims("clock-torus")]


@pytest.mark.parametrize(("variant", "name"), FALSE)
def test_a_false_hypothesis_is_refuted(variant: str, name: str) -> None:
    answer = ask("audited-scrubbing", compiled(variant), false_claims(variant)[name])
    assert answer.verdict == "refuted", answer.notes
    assert answer.score < 0


def test_the_sum_claim_is_refuted_of_a_pizza() -> None:
    graph = clusters("pizza", claim={"feature": SUM})
    assert ask("audited-scrubbing", compiled("pizza"), graph).verdict == "refuted"
    assert ask("causal-scrubbing", compiled("pizza"), graph).verdict == "supported"


def test_the_pizza_claim_is_true_of_a_clock_as_a_finer_feature() -> None:
    graph = clusters("clock-torus", claim=pizza_feature(KEYS[0]))
    assert ask("audited-scrubbing", compiled("clock-torus"), graph).verdict == "supported"


def test_a_hypothesis_that_lets_nothing_be_resampled_is_untestable() -> None:
    graph = nx.DiGraph()
    graph.add_node("logits", site="logits")
    graph.add_node("all", site="blocks.0.hook_resid_post[pos=-1]", feature="(a, b)")
    graph.add_edge("all", "logits")
    answer = ask("audited-scrubbing", compiled("clock-torus"), graph)
    assert answer.verdict == "untestable"
    assert answer.score <= 0


def test_a_wrong_claim_at_a_small_inner_node_is_found() -> None:
    """One of two clusters claims one operand: half of the logits are right, and its own reader is not."""
    graph = clusters("clock-torus")
    graph.nodes["c2"]["feature"] = "a"
    answer = ask("audited-scrubbing", compiled("clock-torus"), graph)
    assert answer.verdict == "refuted"
    assert any("variation within a class" in note for note in answer.notes)


def test_the_score_lies_in_its_interval_and_the_same_seed_gives_the_same_answer() -> None:
    graph, model = clusters("pizza"), compiled("pizza")
    one, two = ask("audited-scrubbing", model, graph), ask("audited-scrubbing", model, graph)
    assert one == two
    assert one.interval is not None and one.interval[0] <= one.score <= one.interval[1]
    assert ask("audited-scrubbing", model, graph, seed=1).score != one.score


def test_a_share_has_its_interval_around_the_ratio_of_means() -> None:
    generator = torch.Generator().manual_seed(0)
    whole = torch.rand(4000, generator=generator, dtype=torch.float64)
    part = whole * torch.rand(4000, generator=generator, dtype=torch.float64) * 0.2
    share = share_of(part, whole)
    assert share.low < 0.1 < share.high
    assert share.high - share.low < 0.01
    assert share_of(part * 0, whole * 0).value == 0


def at(value: float, spread: float = 0.0) -> Interval:
    return Interval(value=value, low=value - spread, high=value + spread)


@pytest.mark.parametrize(
    ("check", "state"),
    [
        (Check("", at(0.05, 0.01), 0.1), "holds"),
        (Check("", at(0.2, 0.01), 0.1), "fails"),
        (Check("", at(0.1, 0.01), 0.1), "open"),
        (Check("", at(0.05), 0.01, at_most=False, p=0.001), "holds"),
        (Check("", at(0.001), 0.01, at_most=False, p=1.0), "fails"),
        (Check("", at(0.05), 0.01, at_most=False, p=0.2), "open"),
    ],
)
def test_a_check_is_held_against_its_limit(check: Check, state: str) -> None:
    assert check.state == state


def test_holm_corrects_for_the_number_of_edges() -> None:
    checks = [Check("", at(1), 0.1, at_most=False, p=p) for p in (0.01, 0.02, 0.03)]
    assert [check.state for check in holm(checks)] == ["holds", "holds", "holds"]
    checks = [Check("", at(1), 0.1, at_most=False, p=p) for p in (0.01, 0.03, 0.04)]
    assert [check.state for check in holm(checks)] == ["holds", "open", "open"]


def test_no_effect_is_never_above_none() -> None:
    zero = torch.zeros(100, dtype=torch.float64)
    assert p_above(zero, zero) == 1
    assert p_above(zero + 1, zero) == 0


def test_the_smallest_slack_decides() -> None:
    value, (low, high) = smallest_slack([Check("", at(0.0), 0.1), Check("", at(0.15, 0.01), 0.1)])
    assert value == pytest.approx(-0.5)
    assert low == pytest.approx(-0.6) and high == pytest.approx(-0.4)


VOTE = {"a": "v0 v1 v2", "b": "shown"}


def votes(counted: str) -> tuple[Model, nx.DiGraph]:
    """A majority of three copies of one bit, beside another input; and the claim that all are needed."""
    program = nx.DiGraph([(a, b) for a, read in VOTE.items() for b in read.split()], name="votes")
    for name, values in (("a", range(4)), ("b", range(3))):
        program.nodes[name]["values"] = values
    for voter in ("v0", "v1", "v2"):
        program.nodes[voter]["feature"] = "a % 2"
    program.nodes["shown"]["feature"] = "b"
    program.add_node("answer", feature=f"({counted}) * 3 + shown")
    program.add_edges_from((name, "answer") for name in ("v0", "v1", "v2", "shown"))
    model = scrubkit.compile_graph(program)
    claim = nx.DiGraph()
    claim.add_node("logits", site="logits")
    for name, feature in dict.fromkeys(("v0", "v1", "v2"), "a % 2").items() | {("shown", "b")}:
        claim.add_node(name, site=model.truth.site(name), feature=feature)
        claim.add_edge(name, "logits")
    return model, claim


def test_each_of_three_voters_is_needed_though_none_matters_alone() -> None:
    model, claim = votes("v0 + v1 + v2 > 1")
    answer = ask("audited-scrubbing", model, claim)
    assert answer.verdict == "supported", answer.notes


def test_a_voter_that_never_counts_is_not_needed() -> None:
    model, claim = votes("v0 + v1 + 0 * v2 > 0")
    answer = ask("audited-scrubbing", model, claim)
    assert answer.verdict == "refuted"
    assert [note.partition(": ")[2].partition(",")[0] for note in answer.notes[:-1]] == ["effect"]
