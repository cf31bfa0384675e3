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


def test_a_share_over_clusters_that_err_together_has_the_interval_of_the_clusters():
    errors = [True] * 30 + [False] * 70
    alone, together = proportion(errors), proportion(errors, [f"m{i // 10}" for i in range(100)])
    assert together.low < alone.low and together.high > alone.high
    # Ten clusters, each all right or all wrong, and how they differ is known from these ten alone.
    assert 6 < together.effective <= 10


def test_independent_cases_keep_about_the_exact_interval_and_never_a_narrower_one():
    rng = np.random.default_rng(0)
    errors = list(rng.random(400) < 0.3)
    exact, found = proportion(errors), proportion(errors, [str(i % 40) for i in range(400)])
    assert found.low <= exact.low and found.high >= exact.high
    assert found.high - found.low < 1.4 * (exact.high - exact.low)


def test_no_error_at_all_leaves_more_room_where_cases_share_a_model():
    none = [False] * 180
    assert proportion(none, [str(i) for i in range(180)]).high == pytest.approx(proportion(none).high)
    # 180 / (1 + .1 * (12 - 1)) independent cases.
    shared = proportion(none, [str(i % 15) for i in range(180)])
    assert shared.effective == pytest.approx(85.7)
    assert shared.high == pytest.approx(1 - 0.025 ** (1 / (180 / 2.1)))


def test_one_cluster_says_nothing_of_how_clusters_differ():
    errors = [True] * 20 + [False] * 20
    assert proportion(errors, ["m"] * 40) == proportion(errors).model_copy()


def test_no_error_at_all_leaves_yet_more_room_where_cases_were_made_in_few_ways():
    none, names = [False] * 180, [str(i) for i in range(180)]
    found = proportion(none, names, [str(i % 15) for i in range(180)])
    assert found.effective == pytest.approx(180 / (1 + 0.35 * 11), abs=0.1)


def test_two_ways_of_clustering_widen_by_the_worse():
    errors = [i % 10 < 3 for i in range(100)]  # decided by the operator alone
    models, operators = [str(i // 10) for i in range(100)], [str(i % 10) for i in range(100)]
    by_model, by_both = proportion(errors, models), proportion(errors, models, operators)
    assert by_model.effective == 100 and by_both.effective < 15


def test_clustered_intervals_hold_the_value_where_exact_ones_do_not():
    rng, held, exact = np.random.default_rng(1), 0, 0
    for _ in range(80):
        chances = np.repeat(rng.beta(0.7, 1.63, size=16), 11)  # mean .3, correlation .3
        errors, names = list(rng.random(176) < chances), [str(i // 11) for i in range(176)]
        share, alone = proportion(errors, names), proportion(errors)
        held += share.low <= 0.7 / 2.33 <= share.high
        exact += alone.low <= 0.7 / 2.33 <= alone.high
    # By hand over 600 draws: .957 against .652.
    assert held >= 71 and exact <= 64
