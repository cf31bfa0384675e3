"""Passes in pieces, where memory runs out, and how draws are doubled."""

from __future__ import annotations

from types import SimpleNamespace

import networkx as nx
import pytest
import torch
from scipy import stats

from scrubkit.scrubbing import passes, scoring
from scrubkit.scrubbing.options import choose_device
from scrubkit.scrubbing.passes import run_passes
from scrubkit.subjects.function_graph import FunctionGraph

N = 10


def measure() -> SimpleNamespace:
    """One figure: what is put out; six inputs of one class and four of another."""
    labels = torch.tensor([[0]] * 6 + [[2]] * 4)
    mass = torch.arange(1.0, N + 1).double()
    return SimpleNamespace(
        names=("loss",),
        mass=mass / mass.sum(),
        labels=labels,
        n_inputs=N,
        n_classes=3,
        figures=lambda outputs, rows: {"loss": outputs},
    )


def of_items(draws) -> torch.Tensor:
    return torch.arange(draws.items.start, draws.items.stop).double() ** 2


def expected(first: int, last: int) -> torch.Tensor:
    items = torch.arange(first * N, last * N).double().view(-1, N) ** 2
    return items @ measure().mass


@pytest.mark.parametrize("chunk", [1, 7, 10, 25, 1000])
def test_passes_on_another_device_come_in_pieces_of_any_size(chunk: int) -> None:
    device = torch.device("meta")
    found = run_passes(of_items, measure(), seed=0, passes=range(2, 6), device=device, chunk=chunk)
    assert torch.allclose(found.means["loss"], expected(2, 6))


def test_pieces_are_halved_when_memory_runs_out_and_nothing_is_lost() -> None:
    sizes = []

    def scarce(draws) -> torch.Tensor:
        sizes.append(len(draws.items))
        if len(draws.items) > 300:
            raise torch.OutOfMemoryError
        return of_items(draws)

    device = torch.device("meta")
    found = run_passes(scarce, measure(), seed=0, passes=range(200), device=device, chunk=1024)
    assert torch.allclose(found.means["loss"], expected(0, 200))
    assert sizes == [1024, 512, *[256] * 7, 208]


def test_memory_that_does_not_do_for_the_smallest_piece_is_an_error() -> None:
    def none(draws) -> torch.Tensor:
        raise torch.OutOfMemoryError

    with pytest.raises(torch.OutOfMemoryError):
        run_passes(
            none, measure(), seed=0, passes=range(2), device=torch.device("meta"), chunk=passes._SMALLEST
        )


def test_losses_of_a_label_are_means_over_its_inputs_by_weight() -> None:
    found = run_passes(of_items, measure(), seed=0, passes=range(1), device=torch.device("cpu"))
    mass, loss = measure().mass, torch.arange(N).double() ** 2
    by_hand = [float(mass[s] @ loss[s] / mass[s].sum()) for s in (slice(0, 6), slice(6, 10))]
    assert found.label_losses is not None
    assert found.label_losses[0].tolist() == pytest.approx([by_hand[0], 0.0, by_hand[1]])


def sum_of_two() -> FunctionGraph:
    graph = nx.DiGraph([("x", "out"), ("y", "out")])
    graph.nodes["out"]["fn"] = lambda x, y: x + y
    rows = torch.cartesian_prod(torch.arange(3), torch.arange(3))
    return FunctionGraph(graph, {"x": rows[:, 0], "y": rows[:, 1]})


def claim() -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_node("root", site="out")
    graph.add_node("x", site="x", feature="x")
    graph.add_edge("x", "root")
    return graph


def test_draws_are_doubled_from_four_to_sixty_four_while_nothing_is_decided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []

    def open_(fidelity, behaviour, margins, *, testable, varies):
        seen.append(fidelity)
        return "inconclusive", ()

    monkeypatch.setattr(scoring, "decide", open_)
    found = scoring.Scorer(sum_of_two()).score(claim())
    assert len(seen) == 5
    assert (found.settings.draws, found.settings.stopping) == (64, "auto")
    fixed = scoring.Scorer(sum_of_two()).score(claim(), draws=8)
    assert (fixed.settings.draws, fixed.settings.stopping) == (8, "fixed")


def test_the_error_rate_is_shared_among_the_looks() -> None:
    auto = scoring.Scorer(sum_of_two()).score(claim())
    fixed = scoring.Scorer(sum_of_two()).score(claim(), draws=auto.settings.draws)
    assert auto.fidelity is not None and fixed.fidelity is not None
    assert auto.fidelity.value == fixed.fidelity.value
    wide = stats.t.ppf([1 - 0.05 / 5 / 2, 1 - 0.05 / 2], auto.settings.draws - 1)
    ratio = (auto.fidelity.high - auto.fidelity.low) / (fixed.fidelity.high - fixed.fidelity.low)
    assert ratio == pytest.approx(wide[0] / wide[1], rel=1e-9)


def test_an_exact_score_says_that_it_drew_nothing_and_did_not_stop_early() -> None:
    found = scoring.Scorer(sum_of_two()).score(claim(), exact=True)
    assert (found.settings.draws, found.settings.stopping, found.settings.exact) == (0, "fixed", True)


def test_a_device_is_known_by_its_name_however_it_was_made() -> None:
    assert choose_device("".join(["au", "to"])) == choose_device("auto")
    assert choose_device("cpu").type == "cpu"
