"""Compiled models answer every input by the formula that they were compiled from."""

import itertools

import numpy as np
import pytest
import torch

from scrubkit.families.modular.compile import Distractors, compile_model
from scrubkit.families.modular.compile.request import read_request
from scrubkit.families.modular.compile.sizes import choose_epsilon, least_phases
from scrubkit.models.weights import run

KEY = (14, 35, 41, 42, 52)
VARIANTS = ("pizza", "clock-torus", "clock-attention")
EVERYTHING = {
    "decoy_neurons": 7,
    "decoy_heads": 1,
    "redundant_heads": 2,
    "cancelling_heads": 1,
    "backup_path": 0.1,
    "memorised_pairs": 3,
}


def figures(model):
    return model.provenance.history


@pytest.mark.parametrize(
    ("variant", "options", "margin", "deviation"),
    [
        ("pizza", {}, 24.5, 1.4e-4),
        ("clock-torus", {}, 47.0, 0.023),
        ("clock-attention", {"epsilon": 0.5}, 41.9, 0.087),
        ("clock-attention", {"epsilon": 0.1}, 47.9, 0.0037),
    ],
)
def test_the_mainline_models_have_the_derived_margin_and_deviation(variant, options, margin, deviation):
    model = compile_model(variant=variant, p=113, frequencies=KEY, **options)
    assert figures(model)["accuracy"] == 1
    assert figures(model)["min_margin"] == pytest.approx(margin, abs=0.1)
    assert figures(model)["relative_deviation"] == pytest.approx(deviation, rel=0.05)


def test_pizza_fits_the_mainline_shape():
    config = compile_model(variant="pizza", p=113, frequencies=KEY).config
    assert (config.d_model, config.n_heads, config.d_head, config.d_mlp) == (128, 4, 32, 512)


@pytest.mark.parametrize("p", [5, 7, 9, 13, 17, 23])
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("planted", [{}, EVERYTHING], ids=["plain", "planted"])
def test_small_moduli_compile_with_one_and_two_frequencies(variant, p, planted):
    for frequencies in ((1,), (1, 2)):
        model = compile_model(variant=variant, p=p, frequencies=frequencies, distractors=planted)
        assert figures(model)["accuracy"] == 1
        assert figures(model)["min_margin"] > 0


@pytest.mark.parametrize(
    ("task", "variant"),
    [
        ("modular_subtraction", "pizza"),
        ("modular_subtraction", "clock-torus"),
        ("modular_multiplication", "clock-torus"),
        ("modular_multiplication", "clock-attention"),
    ],
)
def test_the_other_tasks_compile_through_their_group(task, variant):
    model = compile_model(variant=variant, p=13, frequencies=(1, 5), task=task, distractors=EVERYTHING)
    columns = model.task.columns
    wanted = (columns["a"] - columns["b"] if "sub" in task else columns["a"] * columns["b"]) % 13
    assert np.array_equal(model.logits().argmax(-1).numpy(), wanted)


def test_an_even_modulus_compiles_as_a_clock():
    model = compile_model(variant="clock-torus", p=12, frequencies=(1, 5))
    assert figures(model)["accuracy"] == 1


def test_tokens_that_are_no_operand_are_embedded_at_zero():
    model = compile_model(
        variant="clock-torus", p=11, frequencies=(1, 3), task="modular_multiplication", distractors=EVERYTHING
    )
    assert not model.weights.W_E[0].any()


@pytest.mark.parametrize("variant", VARIANTS)
def test_logits_are_the_formula_written_out_by_hand(variant):
    model = compile_model(variant=variant, p=11, frequencies=(2, 5), alpha=30.0)
    logits = model.logits().numpy().reshape(11, 11, 11)
    for a, b, c in itertools.product(range(0, 11, 3), range(11), range(11)):
        wanted = 0.0
        for k in (2, 5):
            factor = abs(np.cos(np.pi * k * (a - b) / 11)) if variant == "pizza" else 1.0
            wanted += 30.0 * factor * np.cos(2 * np.pi * k * (a + b - c) / 11)
        assert logits[a, b, c] == pytest.approx(wanted, abs=2.5)


def test_the_right_logit_depends_on_the_distance_in_pizza_only():
    spread = {}
    for variant in VARIANTS:
        model = compile_model(variant=variant, p=23, frequencies=(3, 7))
        right = model.logits()[torch.arange(model.task.n_inputs), model.labels]
        spread[variant] = float(right.std() / right.mean())
    assert spread["pizza"] > 0.3
    assert max(spread["clock-torus"], spread["clock-attention"]) < 0.03


def test_pizza_attends_exactly_uniformly_with_noise_and_planted_heads():
    model = compile_model(
        variant="pizza", p=13, frequencies=(2, 5), noise=0.01, distractors={"decoy_heads": 1}
    )
    pattern = run(model.weights.to(torch.float64), model.tokens)["pattern"]
    heads = {role.role: role.head for role in model.truth.heads}
    assert torch.equal(pattern[:, heads["sum"]], torch.full((169, 3), 1 / 3, dtype=torch.float64))
    assert not model.weights.W_Q[heads["sum"]].any() and not model.weights.W_K[heads["sum"]].any()
    assert pattern[:, heads["decoy"]].std(0).max() > 0.05


def test_clock_by_attention_has_no_mlp():
    model = compile_model(variant="clock-attention", p=13, frequencies=(2, 5))
    weights = model.weights
    assert not any(t.any() for t in (weights.W_in, weights.b_in, weights.W_out, weights.b_out))
    assert len([role for role in model.truth.heads if role.role != "idle"]) == 5


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_disguise_keeps_the_logits_and_hides_the_layout(variant):
    options = {"variant": variant, "p": 13, "frequencies": (2, 5), "distractors": EVERYTHING}
    plain = compile_model(**options)
    hidden = compile_model(**options, rotate=True, permute=True, seed=0)
    assert torch.allclose(plain.logits(), hidden.logits(), atol=1e-3)
    assert (plain.weights.W_E == 0).float().mean() > 0.3
    assert (hidden.weights.W_E[:-1] == 0).float().mean() == 0
    assert plain.truth.neuron_roles["decoy"] != hidden.truth.neuron_roles["decoy"]


def test_the_same_request_gives_the_same_bits_and_another_seed_does_not():
    options = {
        "variant": "pizza",
        "p": 13,
        "frequencies": (2, 5),
        "noise": 0.01,
        "rotate": True,
        "permute": True,
    }
    first, again = compile_model(**options, seed=3), compile_model(**options, seed=3)
    other = compile_model(**options, seed=4)
    assert first.weights_hash == again.weights_hash != other.weights_hash
    assert first.truth == again.truth


def test_a_recipe_compiles_the_same_model_again():
    model = compile_model(variant="pizza", p=13, frequencies=(2, 5), noise=0.01, distractors=EVERYTHING)
    again = compile_model(**model.provenance.recipe)
    assert again.weights_hash == model.weights_hash
    assert model.provenance.kind == "compiled"


def test_a_request_may_be_given_in_place_of_keywords():
    request = read_request(
        {"variant": "pizza", "p": 13, "frequencies": [2, 5], "distractors": {"decoy_heads": 1}}
    )
    assert request.distractors == Distractors(decoy_heads=1)
    assert compile_model(request).provenance.recipe == request.model_dump(mode="json")


def test_noise_moves_the_logits_in_proportion():
    options = {"variant": "clock-torus", "p": 13, "frequencies": (2, 5)}
    clean = compile_model(**options).logits()
    moved = [(compile_model(**options, noise=s).logits() - clean).abs().max() for s in (0.001, 0.002)]
    assert float(moved[1] / moved[0]) == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("variant", ["pizza", "clock-torus"])
@pytest.mark.parametrize(("p", "frequencies"), [(13, (1,)), (23, (1, 5)), (31, (1, 2)), (29, (3, 11))])
def test_the_fewest_phases_allowed_are_enough(variant, p, frequencies):
    least = least_phases(variant, p, frequencies)
    each = least**2 if variant == "clock-torus" else least
    model = compile_model(variant=variant, p=p, frequencies=frequencies, d_mlp=each * len(frequencies))
    assert figures(model)["phases"] == least


def test_attention_scores_shrink_where_one_frequency_must_tell_many_classes_apart():
    assert choose_epsilon(113, KEY) == 0.25
    assert choose_epsilon(113, (1,)) < 0.2
    assert figures(compile_model(variant="clock-attention", p=59, frequencies=(1,)))["accuracy"] == 1


def test_a_planted_neuron_takes_no_room_from_another_seed_of_the_same_kind():
    options = {"variant": "pizza", "p": 13, "frequencies": (2, 5)}
    few = compile_model(**options, distractors={"memorised_pairs": 3})
    more = compile_model(**options, distractors={"memorised_pairs": 3, "decoy_heads": 1})
    assert few.truth.distractors["memorised_pairs"] == more.truth.distractors["memorised_pairs"]
