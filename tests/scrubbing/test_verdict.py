"""From figures to intervals to verdicts, and what a hypothesis resamples."""

from __future__ import annotations

import math

import networkx as nx
import pytest
import torch
from scipy import stats

from scrubkit.errors import HypothesisError, ScrubError
from scrubkit.hypothesis import from_graph
from scrubkit.scrubbing import fit
from scrubkit.scrubbing.options import as_margins, check_draws
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.sampling import everything
from scrubkit.scrubbing.score import Interval, Margins, exactly
from scrubkit.scrubbing.scoring import Scorer
from scrubkit.scrubbing.verdict import decide, over_draws
from scrubkit.subjects.function_graph import FunctionGraph

NEAR = Margins(fidelity=0.1, faithfulness=0.2)


def between(low: float, high: float) -> Interval:
    return Interval(value=(low + high) / 2, low=low, high=high)


@pytest.mark.parametrize(
    ("fidelity", "faithfulness", "verdict"),
    [
        (between(0.9, 0.95), between(0.8, 0.9), "supported"),
        (between(0.9, 0.95), None, "supported"),
        (between(0.5, 0.89), between(0.8, 0.9), "refuted"),
        (between(0.9, 0.95), between(0.5, 0.79), "refuted"),
        (between(0.5, 0.89), between(0.7, 0.9), "refuted"),
        (between(0.5, 0.9), between(0.8, 0.9), "inconclusive"),
        (between(0.89, 0.95), None, "inconclusive"),
        (between(0.95, 0.99), between(0.7, 0.9), "inconclusive"),
        (Interval(value=math.nan, low=-math.inf, high=math.inf), None, "inconclusive"),
    ],
)
def test_a_verdict_rests_on_both_figures_and_is_never_rounded(
    fidelity: Interval, faithfulness: Interval | None, verdict: str
) -> None:
    assert decide(fidelity, faithfulness, NEAR, testable=True)[0] == verdict


def test_what_lets_nothing_vary_is_untestable_whatever_the_figures() -> None:
    assert decide(exactly(0.0), exactly(0.0), NEAR, testable=False)[0] == "untestable"


def test_reasons_name_the_figures_that_decide_and_no_others() -> None:
    _, reasons = decide(exactly(0.5), exactly(0.85), NEAR, testable=True)
    assert [reason.split()[0] for reason in reasons] == ["fidelity"]
    assert reasons[0].endswith("is under 0.9")
    _, reasons = decide(exactly(0.95), exactly(0.85), NEAR, testable=True)
    assert [reason.split()[0] for reason in reasons] == ["fidelity", "faithfulness"]
    assert reasons[1].endswith("is at least 0.8")
    _, reasons = decide(between(0.85, 0.95), exactly(0.85), NEAR, testable=True)
    assert len(reasons) == 1
    assert reasons[0].endswith("straddles 0.9; more draws would tell")


def test_an_interval_over_passes_is_students() -> None:
    values = torch.tensor([1.0, 2.0, 4.0, 7.0])
    found = over_draws(values, 0.05)
    low, high = stats.t.interval(0.95, 3, loc=3.5, scale=values.double().std().item() / 2)
    assert found.value == 3.5
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-12)


def test_one_pass_says_nothing_of_the_spread() -> None:
    found = over_draws(torch.tensor([2.0]), 0.05)
    assert (found.value, found.low, found.high) == (2.0, -math.inf, math.inf)
    two = over_draws(torch.tensor([2.0, 3.0]), 0.05)
    assert math.isfinite(two.low)


@pytest.mark.parametrize("margin", [0.0, 1.0, -0.1, 1.5, "much"])
def test_a_margin_lies_between_nothing_and_all(margin: object) -> None:
    with pytest.raises(ScrubError, match="a margin lies between 0 and 1"):
        as_margins(margin)


def test_one_margin_is_both() -> None:
    assert as_margins(0.25) == Margins(fidelity=0.25, faithfulness=0.25)


@pytest.mark.parametrize("draws", [2, 100_000, "auto"])
def test_draws_from_two_to_a_hundred_thousand_are_taken(draws: int | str) -> None:
    check_draws(draws)


@pytest.mark.parametrize("draws", [100_001, 1])
def test_draws_beyond_are_refused(draws: int) -> None:
    with pytest.raises(ScrubError, match="from 2 to 100,000"):
        check_draws(draws)


def halves() -> FunctionGraph:
    """Out is x // 2 + y, through half, which takes two values."""
    graph = nx.DiGraph([("x", "half"), ("half", "out"), ("y", "out")])
    graph.nodes["half"]["fn"] = lambda x: x // 2
    graph.nodes["out"]["fn"] = lambda half, y: half + y
    return FunctionGraph(graph, {"x": torch.tensor([0, 1, 2, 3]), "y": torch.tensor([0, 0, 1, 1])})


def plan_of(*edges: tuple[str, str], **nodes: dict[str, object]):
    claim = nx.DiGraph()
    claim.add_node("root", site="out")
    for name, attributes in nodes.items():
        claim.add_node(name, **attributes)
    claim.add_edges_from(edges)
    return bind(from_graph(claim), halves())


def test_bits_of_a_leaf_count_stand_ins_that_differ_in_value() -> None:
    plan = plan_of(("half", "root"), half={"site": "half", "feature": "0"})
    assert plan.bits == {"half": 1.0}  # four stand-ins, two values


def test_bits_of_a_node_count_stand_ins_that_differ_in_what_it_reads() -> None:
    nodes = {"half": {"site": "half", "feature": "0"}, "x": {"site": "x", "feature": "x == 0"}}
    plan = plan_of(("x", "half"), ("half", "root"), **nodes)
    assert plan.bits["half"] == 1.0
    # Of x, one input stands alone and three stand in for each other.
    assert plan.bits["x"] == pytest.approx(0.75 * math.log2(3))


def test_bits_of_a_node_whose_parent_is_exact_count_inputs() -> None:
    nodes = {"half": {"site": "half", "feature": "0"}, "x": {"site": "x", "sampler": "exact"}}
    plan = plan_of(("x", "half"), ("half", "root"), **nodes)
    assert plan.bits == {"half": 2.0, "x": 0.0}


def test_an_unimportant_node_has_no_bits_and_draws_itself() -> None:
    plan = plan_of(("half", "root"), half={"site": "half", "unimportant": True})
    assert plan.bits == {}
    assert plan.self_draw_rate == 1.0
    assert plan.testable


def test_the_self_draw_rate_is_a_mean_over_nodes_and_inputs() -> None:
    nodes = {"half": {"site": "half", "feature": "0"}, "y": {"site": "y", "feature": "x == 0"}}
    plan = plan_of(("half", "root"), ("y", "root"), **nodes)
    assert plan.self_draw_rate == pytest.approx((1 / 4 + (1 + 3 / 3) / 4) / 2)


def test_the_reference_can_be_redrawn_by_another_feature_than_the_roots() -> None:
    claim = nx.DiGraph()
    claim.add_node("root", site="out")
    claim.add_node("x", site="x", feature="x")
    claim.add_edge("x", "root")
    plan = bind(from_graph(claim), halves(), resample_root="y")
    assert plan.root_resampling is not None
    assert plan.root_resampling.members(3)[0].tolist() == [2, 3]
    assert everything(4).members(3)[0].tolist() == [0, 1, 2, 3]


def reads_x() -> nx.DiGraph:
    claim = nx.DiGraph(name="reads x")
    claim.add_node("root", site="out")
    claim.add_node("x", site="x", feature="(x, x // 2)")
    claim.add_edge("x", "root")
    return claim


def test_features_may_take_as_much_memory_as_is_allowed_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two components of eight bytes on each of four rows."""
    monkeypatch.setattr(fit, "MAX_BYTES", 64)
    bind(from_graph(reads_x()), halves())
    monkeypatch.setattr(fit, "MAX_BYTES", 63)
    with pytest.raises(
        HypothesisError, match=r"1 different features over 4 inputs take 0\.0 GiB, at most 0\.0"
    ):
        bind(from_graph(reads_x()), halves())


def test_features_may_take_as_many_operations_as_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    count = from_graph(reads_x()).nodes["x"].feature.size[1]  # pyright: ignore[reportOptionalMemberAccess]
    monkeypatch.setattr(fit, "MAX_OPERATIONS", 4 * count)
    bind(from_graph(reads_x()), halves())
    monkeypatch.setattr(fit, "MAX_OPERATIONS", 4 * count - 1)
    with pytest.raises(HypothesisError, match="use fewer nodes, shorter features or a smaller task"):
        bind(from_graph(reads_x()), halves())


def test_a_score_in_one_line_says_verdict_and_fidelity() -> None:
    found = Scorer(halves()).score(reads_x(), exact=True)
    assert repr(found).endswith(f"{found.verdict}, fidelity {found.fidelity})")
    assert repr(found).startswith("Score('reads x' on ")


def test_scores_are_comparable_where_all_but_hypothesis_and_draws_is_the_same() -> None:
    scorer = Scorer(halves())
    one, more = (scorer.score(reads_x(), draws=draws) for draws in (4, 8))
    assert one.comparable(more)
    assert not one.comparable(scorer.score(reads_x(), draws=4, seed=1))
    assert not one.comparable(one.model_copy(update={"model_hash": "another"}))
    assert one.total_bits == pytest.approx(sum(one.bits.values()))
