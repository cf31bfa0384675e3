"""Scores of whole models: the variants separate, and the same seed gives the same bits."""

from functools import cache
from itertools import pairwise

import networkx as nx
import pytest
import torch
from torch import Tensor

from scrubkit.errors import ScrubError
from scrubkit.families.modular.compile import compile_model
from scrubkit.hypothesis import from_graph
from scrubkit.models.model import Model
from scrubkit.scrubbing import exact
from scrubkit.scrubbing.figures import Levels
from scrubkit.scrubbing.passes import cpu_tiles, run_passes
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.score import Score
from scrubkit.scrubbing.scoring import Scorer, score
from scrubkit.scrubbing.target import of_model

CPU = torch.device("cpu")


@cache
def compiled(variant: str) -> Model:
    return compile_model(variant=variant, p=23, frequencies=(3, 7), seed=0)


def clusters(feature: str, frequencies: tuple[int, ...] = (3, 7), **more: object) -> nx.DiGraph:
    graph = nx.DiGraph(name="clusters", task="modular_addition")
    graph.add_node("root", site="logits")
    graph.add_node("a", site="hook_embed[pos=0]", feature="a")
    graph.add_node("b", site="hook_embed[pos=1]", feature="b")
    for k in frequencies:
        site = f"blocks.0.mlp.hook_post[pos=-1, neurons=cluster:{k}]"
        graph.add_node(f"c{k}", site=site, feature=feature.format(k=k), **more)
        graph.add_edges_from([("a", f"c{k}"), ("b", f"c{k}"), (f"c{k}", "root")])
    return graph


PIZZA = "((a + b) % p, abs(cos(pi * {k} * (a - b) / p)))"


def test_the_sum_claim_is_true_of_the_clock_and_false_of_the_pizza() -> None:
    clock, pizza = (score(compiled(v), clusters("(a + b) % p")) for v in ("clock-torus", "pizza"))
    assert clock.verdict == "supported"
    assert pizza.verdict == "refuted"
    assert pizza.loss_recovered.value > 0.999
    assert pizza.fidelity is not None
    assert 0.75 < pizza.fidelity.value < 0.87


def test_the_pizza_claim_is_true_of_the_pizza() -> None:
    found = score(compiled("pizza"), clusters(PIZZA, tolerance=[None, 0.15]))
    assert found.verdict == "supported"
    assert found.bits["c3"] > 0


@pytest.mark.parametrize("variant", ["clock-torus", "pizza"])
@pytest.mark.parametrize("feature", ["(a - b) % p", "a", "(2*a + b) % p"])
def test_wrong_features_are_refuted(variant: str, feature: str) -> None:
    assert score(compiled(variant), clusters(feature)).verdict == "refuted"


@pytest.mark.parametrize("variant", ["clock-torus", "pizza"])
def test_a_missing_frequency_is_refuted(variant: str) -> None:
    assert score(compiled(variant), clusters("(a + b) % p", (3,))).verdict == "refuted"


def test_a_hypothesis_that_changes_nothing_is_untestable() -> None:
    graph = nx.DiGraph()
    graph.add_node("root", site="logits")
    graph.add_node("all", site="blocks.0.hook_resid_post[pos=-1]", feature="(a, b)")
    graph.add_edge("all", "root")
    assert score(compiled("pizza"), graph).verdict == "untestable"


def without_time(found: Score) -> Score:
    return found.model_copy(update={"seconds": 0.0})


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not() -> None:
    first, again = (score(compiled("pizza"), clusters("(a + b) % p"), draws=6, seed=3) for _ in range(2))
    other = score(compiled("pizza"), clusters("(a + b) % p"), draws=6, seed=4)
    assert without_time(first) == without_time(again)
    assert first.fidelity != other.fidelity


def test_names_and_order_of_nodes_do_not_matter() -> None:
    graph = clusters("(a + b) % p")
    renamed = nx.relabel_nodes(graph, {"a": "zz", "c3": "aa", "root": "m"})
    turned = nx.DiGraph(name="other")
    turned.add_nodes_from(reversed(list(renamed.nodes(data=True))))
    turned.add_edges_from(reversed(list(renamed.edges)))
    first, second = (score(compiled("pizza"), g, draws=4) for g in (graph, turned))
    assert first.fidelity == second.fidelity
    assert from_graph(renamed).hash == from_graph(graph).hash


def test_passes_asked_for_one_by_one_have_the_bits_of_all_at_once() -> None:
    model = compiled("pizza")
    target = of_model(model, CPU)
    outputs = target.outputs(bind(from_graph(clusters("(a - b) % p")), target.subject))

    def figures(passes: range) -> torch.Tensor:
        return run_passes(outputs, target.measure, seed=0, passes=passes, device=CPU).means["loss"]

    alone = torch.cat([figures(range(d, d + 1)) for d in range(9)])
    assert torch.equal(figures(range(9)), alone)


@pytest.mark.parametrize("n_inputs", [7, 529, 4096, 4097, 12769])
def test_cpu_tiles_cover_every_item_once_at_one_size(n_inputs: int) -> None:
    total = range(2 * n_inputs, 5 * n_inputs)
    tiles = list(cpu_tiles(total, n_inputs))
    assert sorted(item for _, wanted in tiles for item in wanted) == list(total)
    passes = [wanted.start // n_inputs for _, wanted in tiles]
    for d in set(passes):
        mine = [wanted.start for (_, wanted), pass_ in zip(tiles, passes, strict=True) if pass_ == d]
        assert mine == sorted(mine), "sums depend on the order of the inputs"
    assert len({len(tile) for tile, _ in tiles}) == 1
    assert all(set(wanted) <= set(tile) for tile, wanted in tiles)


def test_auto_draws_stop_when_the_verdict_is_decided() -> None:
    found = score(compiled("pizza"), clusters("a"))
    assert found.verdict == "refuted"
    assert found.settings.draws == 4


def test_intervals_narrow_with_draws_and_hold_their_value() -> None:
    widths = []
    for draws in (8, 32, 128):
        fidelity = score(compiled("pizza"), clusters("(a + b) % p"), draws=draws).fidelity
        assert fidelity is not None
        assert fidelity.low < fidelity.value < fidelity.high
        widths.append(fidelity.high - fidelity.low)
    assert all(wide > narrow for wide, narrow in pairwise(widths))


@pytest.mark.parametrize("draws", [0, 1, -3, "many", 2.5, True])
def test_draws_out_of_range_are_refused(draws: object) -> None:
    with pytest.raises(ScrubError, match="draws must be 'auto' or from 2"):
        score(compiled("pizza"), clusters("a"), draws=draws)  # pyright: ignore[reportArgumentType]


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(ScrubError, match=r"device 'tpu' is not available; here are: cpu"):
        score(compiled("pizza"), clusters("a"), device="tpu")


def test_scorer_leaves_the_model_unchanged() -> None:
    model = compiled("pizza")
    before = model.weights.digest()
    Scorer(model).score(clusters("a"), draws=2)
    assert model.weights.digest() == before


def test_the_exact_score_lies_in_the_interval_of_the_sampled_one() -> None:
    model = compile_model(variant="pizza", p=5, frequencies=(1,), seed=0)
    graph = clusters("(a + b) % p", (1,))
    exact = Scorer(model).score(graph, exact=True)
    sampled = Scorer(model).score(graph, draws=400)
    assert exact.settings.exact
    for name in ("fidelity", "kl", "scrubbed_loss", "agreement"):
        value, interval = getattr(exact, name), getattr(sampled, name)
        assert value.low == value.high
        assert interval.low - 1e-9 <= value.value <= interval.high + 1e-9


def test_an_enumeration_in_pieces_gives_what_it_gives_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    model = compile_model(variant="pizza", p=5, frequencies=(1,), seed=0)
    graph = clusters("(a + b) % p", (1,))
    whole = Scorer(model).score(graph, exact=True)
    monkeypatch.setattr(exact, "_CHUNK", 30)
    pieces = Scorer(model).score(graph, exact=True)
    for name in ("fidelity", "kl", "scrubbed_loss", "agreement"):
        assert getattr(pieces, name).value == pytest.approx(getattr(whole, name).value, rel=1e-9)


def test_an_enumeration_that_is_too_large_is_refused() -> None:
    with pytest.raises(ScrubError, match="or score with draws"):
        Scorer(compiled("pizza")).score(clusters("0"), exact=True)


@pytest.mark.parametrize("other", ["uniform", "together:g"])
def test_the_refusal_names_all_runs_that_were_allowed(other: str) -> None:
    model = compile_model(variant="pizza", p=5, frequencies=(1,), seed=0)
    graph = clusters("(a + b) % p", (1,))
    graph.nodes["root"]["other"] = other
    with pytest.raises(ScrubError, match="more runs than the 60 allowed"):
        Scorer(model).score(graph, exact=True, max_runs=60)


def test_groups_that_alone_are_too_many_to_enumerate_are_refused_at_once() -> None:
    graph = nx.DiGraph(name="groups", task="modular_addition")
    graph.add_node("root", site="logits", other="together:0")
    for i, site in enumerate(("hook_embed[pos=0]", "hook_embed[pos=1]")):
        graph.add_node(f"leaf{i}", site=site, feature="0")
        node = f"blocks.0.attn.hook_z[pos=-1, head={i}]"
        graph.add_node(f"mid{i}", site=node, feature="0", other=f"together:{i + 1}")
        graph.add_edges_from([(f"leaf{i}", f"mid{i}"), (f"mid{i}", "root")])
    with pytest.raises(ScrubError, match="529 to the power of 3 runs"):
        Scorer(compiled("pizza")).score(graph, exact=True)


def test_a_score_survives_json() -> None:
    found = score(compiled("pizza"), clusters("(a + b) % p"), draws=4)
    assert Score.model_validate_json(found.model_dump_json()) == found


def test_figures_are_the_same_bits_with_any_number_of_threads() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 5 * torch.randn(40_000, 1, 59, generator=generator, dtype=torch.float64)
    scrubbed = logits + torch.randn(logits.shape, generator=generator, dtype=torch.float64)
    labels = torch.randint(59, (40_000,), generator=generator).numpy()

    def figures() -> list[Tensor | float | None]:
        levels = Levels(lambda rows: logits[rows], labels, 40_000, (1, 59))
        found = run_passes(lambda draws: scrubbed[draws.rows], levels, seed=0, passes=range(2), device=CPU)
        known = [levels.permuted_kl, levels.permuted_change, levels.model_loss, levels.baseline_loss]
        return [*known, *found.means.values()]

    before = torch.get_num_threads()
    try:
        runs = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            runs.append(figures())
    finally:
        torch.set_num_threads(before)
    for run in runs[1:]:
        for one, other in zip(runs[0], run, strict=True):
            assert torch.equal(one, other) if isinstance(one, Tensor) else one == other
