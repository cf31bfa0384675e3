"""A run of p = 31 that is kept along the way, and what is seen when it is watched."""

import pytest

import scrubkit
from scrubkit.families.modular.task import ModularAddition
from scrubkit.families.modular.train.recipe import find_recipe
from scrubkit.families.modular.train.train import train
from scrubkit.models.config import ModelConfig
from scrubkit.models.store import save

TASK = ModularAddition(31)
CONFIG = ModelConfig.for_task(TASK, d_model=32, n_heads=4, d_head=8, d_mlp=128)


def make_run(folder, *, seed=1, trajectory=10, **changes):
    recipe = find_recipe("fast", **{"max_steps": 2000, "decay_steps": 300, **changes})
    options = {"seed": seed, "recipe": recipe, "config": CONFIG, "train_fraction": 0.6, "device": "cpu"}
    model = scrubkit.with_certificate(train(TASK, out=folder, trajectory=trajectory, **options))
    save(model, folder, overwrite=True)
    return folder


@pytest.fixture(scope="session")
def run(made_once):
    return made_once("runs", lambda folder: make_run(folder / "seed-1")) / "seed-1"


@pytest.fixture(scope="session")
def memoriser(made_once):
    return made_once(
        "memoriser", lambda folder: make_run(folder, weight_decay=0.0, max_steps=60, trajectory=3)
    )


@pytest.fixture(scope="session")
def watched(run):
    return scrubkit.timeline(run, ["sum", "one_operand"], draws=2)
