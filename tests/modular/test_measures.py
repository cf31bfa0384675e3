"""Each measure against a case whose value is known in closed form."""

import math
from dataclasses import replace

import pytest
import torch

from scrubkit.families.modular.certify.layout import lay_out
from scrubkit.families.modular.certify.measures.ablations import (
    accuracy,
    excluded_loss,
    formula_loss,
    mean_loss,
    minimum_margin,
    restricted_loss,
)
from scrubkit.families.modular.certify.measures.attention import measure_heads
from scrubkit.families.modular.certify.measures.circularity import circularity
from scrubkit.families.modular.certify.measures.distance import distance_irrelevance
from scrubkit.families.modular.certify.measures.gini import gini
from scrubkit.families.modular.certify.measures.logits import amplitudes, trig_share
from scrubkit.families.modular.certify.measures.planes import fit_plane, formula_share, logit_plane
from scrubkit.families.modular.certify.measures.skip import cut_skip_path
from scrubkit.families.modular.certify.measures.symmetricity import gradient_symmetricity
from scrubkit.families.modular.certify.spectra import difference_index, sum_index
from scrubkit.families.modular.compile import compile_model

P = 23
KEY = {3: 6.0, 7: 4.0}
CLOCK_IN_PIZZA = 8 / math.pi**2


@pytest.fixture(scope="module")
def pizza():
    return lay_out(compile_model(variant="pizza", p=P, frequencies=(3, 7)))


@pytest.fixture(scope="module")
def torus():
    return lay_out(compile_model(variant="clock-torus", p=P, frequencies=(3, 7)))


def formula(pizza: bool = False):
    """Return sum_k alpha_k cos(w_k (a + b - c)), with the pizza's factor or without."""
    t = (sum_index(P)[..., None] - torch.arange(P)) % P
    logits = torch.zeros(P, P, P, dtype=torch.float64)
    for k, alpha in KEY.items():
        factor = (math.pi * k * difference_index(P).double() / P).cos().abs() if pizza else torch.ones(P, P)
        logits += alpha * factor[..., None] * (2 * math.pi * k * t / P).cos()
    return logits


@pytest.fixture
def clock_logits(pizza):
    return replace(pizza, logits=formula())


@pytest.fixture
def pizza_logits(pizza):
    return replace(pizza, logits=formula(pizza=True))


def test_amplitudes_of_the_formula_are_found(clock_logits):
    assert amplitudes(clock_logits, (3, 7)) == pytest.approx(KEY)


def test_offsets_of_inputs_and_classes_change_no_share(clock_logits):
    shift = torch.linspace(-9, 9, P, dtype=torch.float64)
    moved = replace(clock_logits, logits=clock_logits.logits + shift + shift[:, None, None])
    assert trig_share(moved, (3, 7)) == pytest.approx(1)


def test_trig_terms_explain_a_clock_wholly_and_a_pizza_by_eight_over_pi_squared(clock_logits, pizza_logits):
    assert trig_share(clock_logits, (3, 7)) == pytest.approx(1)
    assert trig_share(pizza_logits, (3, 7)) == pytest.approx(CLOCK_IN_PIZZA, abs=5e-3)


def test_a_missing_frequency_leaves_its_share_unexplained(clock_logits):
    powers = {k: alpha**2 for k, alpha in KEY.items()}
    assert trig_share(clock_logits, (3,)) == pytest.approx(powers[3] / sum(powers.values()))


@pytest.mark.parametrize(
    ("case", "by_clock", "by_pizza"), [("clock", 1, CLOCK_IN_PIZZA), ("pizza", CLOCK_IN_PIZZA, 1)]
)
def test_planes_tell_clock_from_pizza(case, by_clock, by_pizza, clock_logits, pizza_logits):
    layout = {"clock": clock_logits, "pizza": pizza_logits}[case]
    fit = fit_plane(logit_plane(layout, 3), 3)
    assert fit.clock == pytest.approx(by_clock, abs=5e-3)
    assert fit.pizza == pytest.approx(by_pizza, abs=5e-3)
    assert fit.both == pytest.approx(1)
    assert fit.by_sum == pytest.approx(by_clock, abs=5e-3)


def test_both_formulas_together_explain_either(clock_logits, pizza_logits):
    for layout in (clock_logits, pizza_logits):
        fits = {k: fit_plane(logit_plane(layout, k), k) for k in KEY}
        assert formula_share(layout, fits) == pytest.approx(1)


def test_restricting_a_clock_to_its_frequencies_changes_nothing(clock_logits):
    loss = mean_loss(clock_logits, clock_logits.logits)
    assert restricted_loss(clock_logits, (3, 7)) == pytest.approx(loss)
    assert formula_loss(KEY, P) == pytest.approx(loss)


def test_excluding_the_frequencies_of_a_clock_leaves_a_guess(clock_logits):
    assert excluded_loss(clock_logits, (3, 7)) == pytest.approx(math.log(P))


def test_excluded_loss_is_taken_over_the_training_pairs(clock_logits):
    train = torch.zeros(P, P, dtype=torch.bool)
    train[0] = True
    lookup = 30 * torch.nn.functional.one_hot(sum_index(P), P) * train[..., None]
    layout = replace(clock_logits, logits=clock_logits.logits + lookup)
    assert excluded_loss(replace(layout, train=train), (3, 7)) < 1e-3
    assert excluded_loss(layout, (3, 7)) > 1


def test_accuracy_and_margin_count_the_worst_pair(clock_logits):
    logits = clock_logits.logits.clone()
    right = logits[2, 5, 7].item()
    logits[2, 5, 11] = right + 1.5
    layout = replace(clock_logits, logits=logits)
    assert accuracy(layout) == pytest.approx(1 - 1 / P**2)
    assert minimum_margin(layout) == pytest.approx(-1.5)


def test_distance_irrelevance_is_zero_for_a_pizza(pizza_logits):
    assert distance_irrelevance(pizza_logits) == pytest.approx(0, abs=1e-9)


def test_distance_irrelevance_is_not_defined_for_an_exact_clock(clock_logits):
    assert distance_irrelevance(clock_logits) is None


def test_distance_irrelevance_is_one_where_only_the_sum_matters(clock_logits):
    bonus = torch.randn(P, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    right = torch.nn.functional.one_hot(sum_index(P), P) * bonus[sum_index(P)][..., None]
    layout = replace(clock_logits, logits=clock_logits.logits + right)
    assert distance_irrelevance(layout) == pytest.approx(1)


def test_distance_irrelevance_is_taken_of_the_raw_logits(pizza_logits):
    by_sum = 200 * (2 * math.pi * 3 * sum_index(P).double() / P).cos()[..., None]
    layout = replace(pizza_logits, logits=pizza_logits.logits + by_sum)
    assert distance_irrelevance(layout) > 0.5


def test_gradients_of_a_pizza_are_alike_and_of_a_clock_are_not(pizza, torus):
    assert gradient_symmetricity(pizza) == pytest.approx(1)
    assert abs(gradient_symmetricity(torus)) < 0.2


def test_gradient_symmetricity_is_not_defined_where_operands_are_indexed_differently():
    model = compile_model(variant="pizza", task="modular_subtraction", p=P, frequencies=(3, 7))
    assert gradient_symmetricity(lay_out(model)) is None


def test_circularity_is_one_for_waves_and_small_for_noise(pizza):
    x = 2 * math.pi * torch.arange(P + 1, dtype=torch.float64) / P
    waves = torch.stack([3 * (2 * x).cos(), 2.5 * (2 * x).sin(), (5 * x).cos(), 0.9 * (5 * x).sin()], dim=1)
    noise = torch.randn(P + 1, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert circularity(replace(pizza, weights=pizza.weights.with_(W_E=waves))) == pytest.approx(1)
    assert circularity(replace(pizza, weights=pizza.weights.with_(W_E=noise))) < 0.6


def test_gini_runs_from_equal_to_one_having_all():
    assert gini(torch.ones(10, dtype=torch.float64)) == pytest.approx(0)
    assert gini(torch.tensor([0.0, 0, 0, 5])) == pytest.approx(0.75)
    assert gini(torch.zeros(4)) == 0


def test_a_compiled_model_does_without_its_skip_path(pizza):
    base, cut = mean_loss(pizza, pizza.logits), cut_skip_path(pizza)
    assert cut.resampled == pytest.approx(base)
    assert cut.held == pytest.approx(base)
    assert cut.removed == pytest.approx(base)


def test_a_constant_of_the_skip_path_is_removed_and_is_not_missed_where_it_is_held(pizza):
    w = pizza.weights
    constant = torch.full((w.W_U.shape[0],), 50.0, dtype=torch.float64)
    moved = replace(
        pizza,
        resid_mid=pizza.resid_mid + constant,
        logits=pizza.logits + (constant @ w.W_U)[pizza.classes],
    )
    cut = cut_skip_path(moved)
    assert cut.held == pytest.approx(mean_loss(moved, moved.logits))
    assert cut.removed == pytest.approx(mean_loss(pizza, pizza.logits))
    assert abs(cut.held - cut.removed) > 1e-3


def test_a_skip_path_that_carries_the_answer_is_missed():
    layout = lay_out(compile_model(variant="clock-attention", p=P, frequencies=(3, 7)))
    cut = cut_skip_path(layout)
    assert mean_loss(layout, layout.logits) < 0.01
    assert cut.removed == pytest.approx(math.log(P), rel=0.05)
    assert cut.resampled > math.log(P)


def test_heads_of_a_pizza_are_uniform_and_one_of_them_writes(pizza):
    heads = measure_heads(pizza)
    assert [head.from_uniform for head in heads] == pytest.approx([0] * len(heads), abs=1e-12)
    assert sorted(head.output_share for head in heads)[-1] == pytest.approx(1)
    assert all(head.frequency is None for head in heads)


def test_heads_of_the_attention_clock_attend_by_one_frequency_each():
    layout = lay_out(compile_model(variant="clock-attention", p=P, frequencies=(3, 7)))
    found = sorted(head.frequency for head in measure_heads(layout) if head.frequency)
    assert found == [3, 3, 7, 7]
    assert min(head.explained for head in measure_heads(layout) if head.frequency) > 0.99
