"""Figures beside their formulas in numpy: several answers an input, weights, no labels, and tiles."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from scrubkit.scrubbing import figures
from scrubkit.scrubbing.figures import Levels, recovered, relative
from scrubkit.scrubbing.score import Interval, exactly

N, ANSWERS, CLASSES = 6, 3, 4
RNG = np.random.default_rng(0)
LOGITS = RNG.standard_normal((N, ANSWERS, CLASSES))
LABELS = RNG.integers(CLASSES, size=(N, ANSWERS))
WEIGHTS = np.array([1.0, 2.0, 3.0, 1.0, 1.0, 4.0])
MASS = WEIGHTS / WEIGHTS.sum()
LOG = log_softmax(LOGITS, axis=-1)


def levels(labels: np.ndarray | None = LABELS) -> Levels:
    own = torch.from_numpy(LOGITS)
    return Levels(lambda rows: own[rows], labels, N, (ANSWERS, CLASSES), weights=WEIGHTS)


def losses(log: np.ndarray) -> np.ndarray:
    return -np.take_along_axis(log, LABELS[..., None], -1)[..., 0].mean(1)


def centred(z: np.ndarray) -> np.ndarray:
    return z - z.mean(-1, keepdims=True)


def test_levels_are_expectations_over_independent_pairs_of_inputs() -> None:
    found, pairs = levels(), [(i, j, MASS[i] * MASS[j]) for i in range(N) for j in range(N)]
    crossed = [-np.take_along_axis(LOG[i], LABELS[j][:, None], -1).mean() for i, j, _ in pairs]
    kl = [(np.exp(LOG[i]) * (LOG[i] - LOG[j])).sum(-1).mean() for i, j, _ in pairs]
    moved = [((centred(LOGITS)[i] - centred(LOGITS)[j]) ** 2).sum(-1).mean() for i, j, _ in pairs]
    weights = [w for _, _, w in pairs]
    assert found.model_loss == pytest.approx(MASS @ losses(LOG), rel=1e-12)
    assert found.baseline_loss == pytest.approx(np.dot(crossed, weights), rel=1e-12)
    assert found.permuted_kl == pytest.approx(np.dot(kl, weights), rel=1e-12)
    assert found.permuted_change == pytest.approx(np.dot(moved, weights), rel=1e-12)


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "torch"])
@pytest.mark.parametrize("kept", [2**28, 0], ids=["a table", "made again"])
def test_figures_of_an_input_are_means_over_its_answers(
    monkeypatch: pytest.MonkeyPatch, kept: int, compiled: bool
) -> None:
    monkeypatch.setattr(figures, "KEPT_BYTES", kept)
    if not compiled:
        monkeypatch.setattr(figures.kernels, "available", lambda: False)
    rows, z = np.array([5, 0, 0, 3]), RNG.standard_normal((4, ANSWERS, CLASSES))
    found = levels().figures(torch.from_numpy(z), torch.from_numpy(rows))
    own, log = LOG[rows], log_softmax(z, axis=-1)
    loss = -np.take_along_axis(log, LABELS[rows][..., None], -1)[..., 0].mean(1)
    expected = {
        "kl": (np.exp(own) * (own - log)).sum(-1).mean(-1),
        "agreement": (z.argmax(-1) == LOGITS[rows].argmax(-1)).mean(-1),
        "squared_change": (centred(z - LOGITS[rows]) ** 2).sum(-1).mean(-1),
        "loss": loss,
        "accuracy": (z.argmax(-1) == LABELS[rows]).mean(-1),
        "abs_loss_change": np.abs(loss - losses(LOG)[rows]),
    }
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert np.allclose(found[name], value, rtol=1e-12, atol=1e-12), name


def test_without_labels_only_behaviour_is_measured() -> None:
    found = levels(None)
    assert found.model_loss is None
    assert found.baseline_loss is None
    assert set(found.names) == set(found.figures(torch.from_numpy(LOGITS), torch.arange(N)))
    assert set(found.names) == {"kl", "agreement", "squared_change"}


def test_a_share_of_a_level_turns_its_interval_around() -> None:
    found = relative(Interval(value=1.0, low=0.5, high=2.0), 4.0)
    assert (found.value, found.low, found.high) == (0.75, 0.5, 0.875)


def test_a_share_of_nothing_is_all_or_nothing() -> None:
    assert relative(exactly(0.0), 0.0) == exactly(1.0)
    assert relative(exactly(1e-9), 0.0) == exactly(-math.inf)


def test_loss_recovered_counts_from_the_baseline_to_the_model() -> None:
    found = recovered(Interval(value=2.0, low=1.5, high=3.0), model_loss=1.0, baseline_loss=5.0)
    assert (found.value, found.low, found.high) == (0.75, 0.5, 0.875)


def test_loss_recovered_is_undefined_where_the_baseline_is_the_model() -> None:
    found = recovered(exactly(2.0), model_loss=3.0, baseline_loss=3.0 + 1e-13)
    assert math.isnan(found.value)
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert not math.isnan(recovered(exactly(2.0), model_loss=3.0, baseline_loss=3.0 + 1e-10).value)
