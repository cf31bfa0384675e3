"""Recipes: the learning rate over a run, and refusals."""

import pytest

from scrubkit.errors import TrainingError
from scrubkit.families.modular.task import ModularAddition
from scrubkit.families.modular.train.recipe import (
    RECIPES,
    Recipe,
    default_config,
    default_fraction,
    find_recipe,
)

SHORT = Recipe(
    name="short",
    learning_rate=0.1,
    warmup_steps=4,
    max_steps=100,
    trigger_loss=0.5,
    settle_steps=10,
    decay_steps=20,
)


@pytest.mark.parametrize(
    ("step", "grokked_at", "rate"),
    [
        (1, None, 0.025),
        (4, None, 0.1),
        (90, None, 0.1),
        (50, 40, 0.1),
        (60, 40, 0.05),
        (70, 40, 0.0),
    ],
)
def test_the_rate_warms_up_holds_settles_and_decays(step, grokked_at, rate):
    assert SHORT.learning_rate_at(step, grokked_at) == pytest.approx(rate, abs=1e-12)


def test_a_run_ends_at_the_end_of_its_decay_or_without_one_at_the_last_step():
    assert SHORT.last_step(None) == 100
    assert SHORT.last_step(95) == 125


def test_without_a_trigger_the_rate_never_decays():
    paper = RECIPES["paper"]
    assert paper.learning_rate_at(40_000, None) == 1e-3
    assert paper.last_step(None) == 40_000


def test_an_unknown_recipe_is_refused_with_the_known_ones():
    with pytest.raises(TrainingError, match=r'did you mean "paper".*fast.*paper'):
        find_recipe("papper")


def test_every_number_out_of_range_is_named():
    with pytest.raises(TrainingError) as caught:
        find_recipe("fast", learning_rate=-1.0, beta2=1.0, evaluate_every=0)
    assert len(caught.value.faults) == 3
    assert "learning_rate" in str(caught.value) and "-1.0" in str(caught.value)


def test_a_decay_without_a_trigger_is_refused():
    with pytest.raises(TrainingError, match="trigger_loss"):
        find_recipe("paper", decay_steps=100)


def test_small_tasks_get_the_small_model_and_more_of_their_inputs():
    small, mainline = ModularAddition(59), ModularAddition(113)
    assert (default_config(small).d_model, default_config(small).d_mlp) == (64, 256)
    assert (default_config(mainline).d_model, default_config(mainline).d_mlp) == (128, 512)
    assert default_fraction(small) == 0.5 and default_fraction(mainline) == 0.3


def test_the_fast_recipe_decays_weights_more_for_a_large_modulus_unless_told_otherwise():
    small, mainline = ModularAddition(59), ModularAddition(113)
    assert find_recipe("fast", small).weight_decay == 1.0
    assert find_recipe("fast", mainline).weight_decay == 1.5
    assert find_recipe("fast", mainline, weight_decay=1.0).weight_decay == 1.0
    assert find_recipe("paper", mainline).weight_decay == 1.0
    assert find_recipe(SHORT, mainline) == SHORT
