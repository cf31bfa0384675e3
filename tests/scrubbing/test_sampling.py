"""Draws: uniform within classes, weighted where weights are, and the same in any piece of any pass."""

import numpy as np
import pytest
import torch
from scipy import stats

from scrubkit.scrubbing import sampling
from scrubkit.scrubbing.sampling import Draws, _finalise_int, by_feature, everything, fixed

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
    resampling = by_feature([feature])
    rows = torch.zeros(6000, dtype=torch.long)
    drawn = resampling.draw(rows, Draws(0, 6000, range(6000), CPU).numbers(0))
    counts = torch.bincount(drawn, minlength=5).tolist()
    assert counts[1] == counts[4] == 0
    assert stats.chisquare([counts[0], counts[2], counts[3]]).pvalue > 1e-3


def test_draws_follow_weights() -> None:
    resampling = everything(3, np.array([1.0, 2.0, 5.0]))
    drawn = resampling.draw(torch.zeros(8000, dtype=torch.long), Draws(0, 8000, range(8000), CPU).numbers(0))
    counts = torch.bincount(drawn, minlength=3).numpy()
    assert stats.chisquare(counts, [1000, 2000, 5000]).pvalue > 1e-3


@pytest.mark.parametrize(
    ("period", "neighbours"),
    [(None, {0: {0, 1}, 4: {3, 4}}), (5.0, {0: {4, 0, 1}, 4: {3, 4, 0}})],
)
def test_tolerance_reaches_near_values_and_wraps_around(
    period: float | None, neighbours: dict[int, set[int]]
) -> None:
    resampling = by_feature([np.arange(5.0)], tolerance=[1.0], period=[period])
    for row, expected in neighbours.items():
        assert set(resampling.members(row)[0].tolist()) == expected


def test_tolerance_of_one_component_leaves_the_other_exact() -> None:
    exact, near = np.array([0, 0, 1, 1]), np.array([0.0, 0.04, 0.0, 0.5])
    resampling = by_feature([exact, near], tolerance=[None, 0.05])
    assert [set(resampling.members(row)[0].tolist()) for row in range(4)] == [{0, 1}, {0, 1}, {2}, {3}]


def test_fixed_rows_are_the_only_ones_drawn() -> None:
    resampling = fixed(np.array([2, 4]), 5)
    drawn = resampling.draw(torch.arange(5).repeat(20), Draws(0, 100, range(100), CPU).numbers(0))
    assert set(drawn.tolist()) == {2, 4}


def test_bits_are_the_mean_log_of_the_class_size() -> None:
    assert by_feature([np.array([0, 0, 0, 0, 1, 2])]).bits == pytest.approx(8 / 6)


def test_the_hash_is_splitmix64() -> None:
    """The first outputs of the published generator for seed 1234567."""
    golden, mask = 0x9E3779B97F4A7C15, 2**64 - 1
    first, second = (_finalise_int((1234567 + i * golden) & mask) for i in (1, 2))
    assert (first, second) == (6457827717110365317, 3203168211198807973)


def test_numbers_on_tensors_are_those_of_whole_numbers_of_any_size() -> None:
    """The same hash in plain integers: a seed has to give the same draws in every version."""
    golden, mask = 0x9E3779B97F4A7C15, 2**64 - 1
    for seed, stream, n, items in ((0, 0, 5, range(12)), (2**63 + 5, -7, 3, range(4, 9))):
        expected = []
        for item in items:
            state = seed & mask
            for word in (item // n, stream):
                state = _finalise_int((state + golden) & mask) ^ word
            key = _finalise_int(state)
            expected.append((_finalise_int((key + item % n * golden) & mask)) >> 2)
        assert Draws(seed, n, items, CPU).numbers(stream).tolist() == expected


def test_probabilities_of_stand_ins_are_their_weights_within_the_window() -> None:
    resampling = by_feature([np.array([0, 1, 0, 0])], weights=np.array([1.0, 9.0, 2.0, 5.0]))
    rows, chances = resampling.members(2)
    assert rows.tolist() == [0, 2, 3]
    assert chances.tolist() == pytest.approx([1 / 8, 2 / 8, 5 / 8])
    assert by_feature([np.array([0, 1, 0, 0])]).members(0)[1].tolist() == pytest.approx([1 / 3] * 3)


def test_components_without_a_tolerance_of_their_own_are_exact() -> None:
    near, exact = np.array([0.0, 0.4, 0.4, 2.0]), np.array([1, 1, 2, 1])
    resampling = by_feature([near, exact], tolerance=[0.5])
    assert [set(resampling.members(row)[0].tolist()) for row in range(4)] == [{0, 1}, {0, 1}, {2}, {3}]


def test_the_largest_number_draws_the_last_of_the_window_and_nothing_beyond() -> None:
    """In float64 it rounds to all of the window's weight."""
    resampling = by_feature([np.array([0, 0, 1, 1])], weights=np.array([1.0, 2.0, 3.0, 4.0]))
    largest = torch.full((4,), 2**62 - 1)
    assert resampling.draw(torch.arange(4), largest).tolist() == [1, 1, 3, 3]
    assert resampling.draw(torch.arange(4), torch.zeros(4, dtype=torch.long)).tolist() == [0, 0, 2, 2]


def test_features_with_equal_values_share_one_resampling_and_others_do_not() -> None:
    values, weights = np.arange(12) % 5, np.arange(12) + 1.0
    one = by_feature([values])
    assert by_feature([values.copy()]) is one
    others = [by_feature([values], (1.0,)), by_feature([values], weights=weights), by_feature([values % 4])]
    others += [by_feature([values], (1.0,), (5.0,)), by_feature([values, values * 2 % 3]), everything(12)]
    assert len({id(resampling) for resampling in (one, *others)}) == 7


def test_resamplings_that_are_kept_stay_in_their_room(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = sampling._Kept()
    monkeypatch.setattr(sampling, "KEPT_BYTES", 3 * fixed(np.arange(9), 9).nbytes)
    made = [kept.find(i, lambda i=i: fixed(np.arange(9) % (i + 1), 9)) for i in range(5)]
    assert kept.find(4, lambda: everything(1)) is made[4]
    assert kept.find(0, lambda: everything(1)) is not made[0]


def test_of_small_resamplings_no_more_than_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = sampling._Kept()
    monkeypatch.setattr(sampling, "_MOST_KEPT", 3)
    made = [kept.find(i, lambda: everything(4)) for i in range(5)]
    assert (len(kept._made), kept._size) == (3, 3 * made[0].nbytes)
