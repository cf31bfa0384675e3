"""Merging of equal values in an enumeration."""

import numpy as np
import pytest
import torch

from scrubkit.scrubbing import exact
from scrubkit.scrubbing.exact import Distribution


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64])
def test_equal_values_are_merged_and_others_are_not(dtype):
    kinds = torch.arange(12).reshape(4, 3).to(dtype)
    numbers = torch.tensor([2, 0, 2, 1, 0, 2])
    merged = Distribution(kinds[numbers], torch.arange(1.0, 7.0, dtype=torch.float64)).merged()
    found = {int(v[0]): float(m) for v, m in zip(merged.values, merged.probabilities, strict=True)}
    assert found == {0: 7.0, 3: 4.0, 6: 10.0}


def test_the_two_zeros_are_one_value():
    merged = Distribution(torch.tensor([[0.0], [-0.0]]), torch.ones(2, dtype=torch.float64)).merged()
    assert merged.values.tolist() == [[0.0]] and merged.probabilities.tolist() == [2.0]


def test_values_whose_sums_agree_by_chance_are_told_apart(monkeypatch):
    class Generator:
        def integers(self, *arguments, size, dtype):
            return np.zeros(size, dtype=dtype)  # 2 * 0 + 1: all weights are 1

    monkeypatch.setattr(exact.np.random, "default_rng", lambda seed: Generator())
    values = torch.tensor([[1, 2], [2, 1], [1, 2]])
    merged = Distribution(values, torch.ones(3, dtype=torch.float64)).merged()
    assert sorted(zip(merged.values.tolist(), merged.probabilities.tolist(), strict=True)) == [
        ([1, 2], 2.0),
        ([2, 1], 1.0),
    ]
