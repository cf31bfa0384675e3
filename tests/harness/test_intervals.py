"""Intervals against other ways to get them."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from scrubkit.harness.intervals import clustered_auroc, mean_over_models, proportion


@pytest.mark.parametrize(("count", "total"), [(0, 20), (20, 20), (3, 17), (1, 1)])
def test_a_share_has_the_clopper_pearson_interval(count, total):
    share = proportion([True] * count + [False] * (total - count))
    low = 0 if count == 0 else stats.beta.ppf(0.025, count, total - count + 1)
    high = 1 if count == total else stats.beta.ppf(0.975, count + 1, total - count)
    assert (share.value, share.low, share.high) == pytest.approx((count / total, low, high))


def test_the_share_of_nothing_is_unknown():
    assert proportion([]).value is None
    assert str(proportion([])) == "-"


def clustered(seed, effect, clusters=12, size=6):
    rng = np.random.default_rng(seed)
    truth = np.tile([True, False], clusters * size // 2)
    names = np.repeat([f"m{i}" for i in range(clusters)], size)
    scores = rng.normal(size=len(truth)) + effect * truth + np.repeat(rng.normal(size=clusters), size)
    return truth, scores, names


def test_the_auroc_is_scikit_learns():
    truth, scores, names = clustered(0, 1.0)
    assert clustered_auroc(truth, scores, names).value == pytest.approx(roc_auc_score(truth, scores))


def test_the_interval_is_that_of_a_plain_bootstrap_of_models():
    truth, scores, names = clustered(1, 1.0)
    found = clustered_auroc(truth, scores, names)
    rng = np.random.default_rng(5)
    models = np.unique(names)
    drawn = []
    for _ in range(600):
        rows = np.concatenate([np.flatnonzero(names == m) for m in rng.choice(models, len(models))])
        more = scores[rows][truth[rows]][:, None] - scores[rows][~truth[rows]]
        drawn.append((more > 0).mean() + 0.5 * (more == 0).mean())
    low, high = np.percentile(drawn, [2.5, 97.5])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.03)


def test_infinite_scores_rank_at_the_ends():
    assert clustered_auroc([True, False], [math.inf, 1.0], ["a", "b"]).value == 1
    assert clustered_auroc([True, False], [-math.inf, 1.0], ["a", "b"]).value == 0
    assert clustered_auroc([True, False], [math.inf, math.inf], ["a", "b"]).value == 0.5


def test_one_kind_of_case_has_no_auroc_and_one_model_no_interval():
    assert clustered_auroc([True, True], [0.0, 1.0], ["a", "b"]).value is None
    alone = clustered_auroc([True, False], [1.0, 0.0], ["a", "a"])
    assert (alone.value, alone.low) == (1, None)


def test_the_interval_of_random_scores_holds_one_half_about_as_often_as_it_says():
    held = 0
    for seed in range(60):
        found = clustered_auroc(*clustered(seed, 0.0, clusters=30))
        held += found.low <= 0.5 <= found.high
    # Percentile intervals of 30 clusters are a little narrow; binomial(60, .93) is at least 50 with p > .99.
    assert held >= 50


def test_a_mean_over_models_leaves_out_the_unknown():
    assert mean_over_models([None, 0.5, 1.0]).value == 0.75
    assert mean_over_models([None]).value is None
    assert mean_over_models([0.5]).low is None
