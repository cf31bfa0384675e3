"""The bundled models: how they were trained is recorded, and they are as good as they say."""

import numpy as np
import pytest
import torch

from scrubkit.families.modular.train.recipe import Recipe, default_config, default_fraction
from scrubkit.models.load import BUNDLED, bundled_names, load

TRAINED = [name for name in bundled_names() if load(name).provenance.kind == "trained"]


def test_there_are_the_mainline_and_two_small_ones():
    assert "modadd-p113" in TRAINED
    assert sum(load(name).task.p < 100 for name in TRAINED) >= 2


def test_together_they_are_small():
    assert sum(path.stat().st_size for path in BUNDLED.rglob("*") if path.is_file()) < 5_000_000


@pytest.mark.parametrize("name", TRAINED)
def test_seed_and_recipe_are_recorded_in_full(name):
    model = load(name)
    recorded = dict(model.provenance.recipe)
    assert isinstance(model.provenance.seed, int)
    assert recorded.pop("train_fraction") == default_fraction(model.task)
    assert Recipe.model_validate(recorded).model_dump() == recorded
    assert model.config == default_config(model.task)


@pytest.mark.parametrize("name", TRAINED)
def test_every_input_is_right_and_the_held_out_loss_is_the_recorded_one(name):
    model = load(name)
    logits, labels = model.logits(), model.labels
    held_out = ~torch.from_numpy(
        model.task.split(model.provenance.recipe["train_fraction"], model.provenance.seed or 0)
    )
    loss = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    assert bool((logits.argmax(-1) == labels).all())
    assert loss[held_out].mean().item() < 1e-6
    np.testing.assert_allclose(loss[held_out].mean(), model.provenance.history["test_loss"], rtol=1e-3)
