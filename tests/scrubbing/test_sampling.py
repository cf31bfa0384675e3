"""Draws: uniform within classes, weighted where weights are, and the same in any piece of any pass."""

import numpy as np
import pytest
import torch
from scipy import stats

from scrubkit.scrubbing.sampling import Draws, by_feature, everything, fixed

CPU = torch.device("cpu")


def test_a_piece_of_a_pass_has_the_draws_of_the_whole() -> None:
    whole = Draws(7, 10, range(0, 50), CPU).numbers(3)
    piece = Draws(7, 10, range(13, 34), CPU).numbers(3)
    assert torch.equal(piece, whole[13:34])


def test_streams_passes_and_seeds_differ() -> None:
    base = Draws(0, 100, range(100), CPU).numbers(0)
    assert not torch.equal(base, Draws(0, 100, range(100), CPU).numbers(1))
    assert not torch.equal(base, Draws(1, 100, range(100), CPU).numbers(0))
    assert not torch.equal(base, Draws(0, 100, range(100, 200), CPU).numbers(0))


def test_numbers_are_uniform_and_uncorrelated() -> None:
    first = Draws(0, 20_000, range(20_000), CPU).numbers(0).double() / 2.0**62
    second = Draws(0, 20_000, range(20_000), CPU).numbers(1).double() / 2.0**62
    assert first.min() >= 0
    assert first.max() < 1
    assert stats.kstest(first.numpy(), "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 0.03


def test_draws_by_feature_are_uniform_over_the_class() -> None:
    feature = np.array([0, 1, 0, 0, 1])
    exchange = by_feature([feature])
    rows = torch.zeros(6000, dtype=torch.long)
    drawn = exchange.draw(rows, Draws(0, 6000, range(6000), CPU).numbers(0))
    counts = torch.bincount(drawn, minlength=5).tolist()
    assert counts[1] == counts[4] == 0
    assert stats.chisquare([counts[0], counts[2], counts[3]]).pvalue > 1e-3


def test_draws_follow_weights() -> None:
    exchange = everything(3, np.array([1.0, 2.0, 5.0]))
    drawn = exchange.draw(torch.zeros(8000, dtype=torch.long), Draws(0, 8000, range(8000), CPU).numbers(0))
    counts = torch.bincount(drawn, minlength=3).numpy()
    assert stats.chisquare(counts, [1000, 2000, 5000]).pvalue > 1e-3


@pytest.mark.parametrize(
    ("period", "neighbours"),
    [(None, {0: {0, 1}, 4: {3, 4}}), (5.0, {0: {4, 0, 1}, 4: {3, 4, 0}})],
)
def test_tolerance_reaches_near_values_and_wraps_around(
    period: float | None, neighbours: dict[int, set[int]]
) -> None:
    exchange = by_feature([np.arange(5.0)], tolerance=[1.0], period=[period])
    for row, expected in neighbours.items():
        assert set(exchange.members(row)[0].tolist()) == expected


def test_tolerance_of_one_component_leaves_the_other_exact() -> None:
    exact, near = np.array([0, 0, 1, 1]), np.array([0.0, 0.04, 0.0, 0.5])
    exchange = by_feature([exact, near], tolerance=[None, 0.05])
    assert [set(exchange.members(row)[0].tolist()) for row in range(4)] == [{0, 1}, {0, 1}, {2}, {3}]


def test_fixed_rows_are_the_only_ones_drawn() -> None:
    exchange = fixed(np.array([2, 4]), 5)
    drawn = exchange.draw(torch.arange(5).repeat(20), Draws(0, 100, range(100), CPU).numbers(0))
    assert set(drawn.tolist()) == {2, 4}


def test_bits_are_the_mean_log_of_the_class_size() -> None:
    assert by_feature([np.array([0, 0, 0, 0, 1, 2])]).bits == pytest.approx(8 / 6)
