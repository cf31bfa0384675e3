"""The Fourier basis over group indices and the power at each frequency."""

import math

import pytest
import torch

from scrubkit.families.modular.certify.spectra import (
    centred_power,
    difference_index,
    fourier_basis,
    frequency_power,
    pair_coefficients,
    rows_of,
    single_frequency_power,
    sum_index,
)


def wave(k, n, phase=0.0):
    return (2 * math.pi * k * torch.arange(n, dtype=torch.float64) / n + phase).cos()


@pytest.mark.parametrize("n", [3, 4, 7, 10, 113])
def test_basis_is_orthonormal_for_odd_and_even_orders(n):
    basis = fourier_basis(n)
    assert basis.shape == (n, n)
    torch.testing.assert_close(basis @ basis.T, torch.eye(n, dtype=torch.float64))


@pytest.mark.parametrize("n", [7, 10, 113])
def test_frequencies_use_each_row_but_the_constant_once(n):
    rows = [row for k in range(1, n // 2 + 1) for row in rows_of(k, n)]
    assert rows == list(range(1, n))


@pytest.mark.parametrize(("n", "k"), [(7, 1), (7, 3), (10, 5), (113, 56)])
def test_a_wave_has_all_its_power_at_its_frequency_the_last_one_included(n, k):
    power = frequency_power(wave(k, n))
    assert power.shape == (n // 2,)
    assert int(power.argmax()) + 1 == k
    torch.testing.assert_close(power[k - 1], wave(k, n).square().sum())
    assert power.sum() - power[k - 1] < 1e-20


@pytest.mark.parametrize("n", [9, 12])
def test_power_over_frequencies_adds_up_to_the_variance(n):
    values = torch.randn(4, n, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(frequency_power(values).sum(-1), n * values.var(-1, correction=0))


def test_pair_coefficients_hold_the_whole_power_of_a_grid():
    grid = torch.randn(9, 9, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(pair_coefficients(grid).square().sum((0, 1)), grid.square().sum((0, 1)))


@pytest.mark.parametrize("n", [11, 12])
@pytest.mark.parametrize(
    ("terms", "share"),
    [
        (lambda a, b: a[2][:, None] + 3 * b[2][None, :], 1.0),
        (lambda a, b: a[2][:, None] * b[2][None, :] + 5, 1.0),
        (lambda a, b: a[2][:, None] * b[3][None, :], 0.0),
        (lambda a, b: a[2][:, None] + b[3][None, :], 0.5),
        (lambda a, b: a[4][:, None] * b[0][None, :], 0.0),
    ],
    ids=["linear", "product", "two frequencies multiplied", "two frequencies added", "twice the frequency"],
)
def test_share_at_one_frequency_counts_linear_and_quadratic_terms(n, terms, share):
    a = {k: wave(k, n, 0.3) for k in range(5)}
    b = {k: wave(k, n, 1.1) for k in range(5)}
    grid = terms(a, b)[..., None]
    found = single_frequency_power(grid)[0, 1] / centred_power(grid)[0]
    assert float(found) == pytest.approx(share, abs=1e-12)


def test_sum_and_difference_index_the_group():
    assert sum_index(5)[3, 4] == 2
    assert difference_index(5)[1, 3] == 3
