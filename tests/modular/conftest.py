"""Trained models small enough to be trained where they are needed."""

from functools import cache

import pytest

from scrubkit.families.modular.task import ModularAddition
from scrubkit.families.modular.train.recipe import find_recipe
from scrubkit.families.modular.train.train import train
from scrubkit.models.record import ModelConfig
from scrubkit.models.store import read
from tests.trajectories.conftest import run as run  # noqa: PLC0414 - the fixture


@cache
def trained(**changes):
    """Return a model of p = 31 trained by the fast recipe with some of its numbers changed."""
    task = ModularAddition(31)
    config = ModelConfig.for_task(task, d_model=32, n_heads=4, d_head=8, d_mlp=128)
    recipe = find_recipe("fast", **{"max_steps": 2000, "decay_steps": 300, **changes})
    return train(task, seed=1, recipe=recipe, train_fraction=0.6, config=config, device="cpu")


@pytest.fixture(scope="session")
def grokked(run):
    """Return the model of the run that timelines are made of, as it comes out of training."""
    return read(run).with_(certificate=None, truth=None)


@pytest.fixture(scope="session")
def memorising():
    return trained(weight_decay=0.0, max_steps=150)


@pytest.fixture(scope="session")
def half_trained():
    return trained(max_steps=200)


@pytest.fixture(scope="session")
def untrained():
    return trained(max_steps=1, learning_rate=1e-9)
