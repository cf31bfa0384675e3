"""Many seeds: side by side or one after the other, and resumed."""

import pytest

from scrubkit.errors import TrainingError
from scrubkit.families.modular.task import ModularAddition
from scrubkit.families.modular.train.loop import Progress
from scrubkit.families.modular.train.recipe import Recipe
from scrubkit.families.modular.train.train import train, train_many
from scrubkit.models.record import ModelConfig
from scrubkit.models.store import read
from tests.modular.test_train import Killed

TASK = ModularAddition(11)
CONFIG = ModelConfig.for_task(TASK, d_model=16, n_heads=2, d_head=8, d_mlp=24)
RECIPE = Recipe(
    name="tiny", learning_rate=1e-3, max_steps=20, trigger_loss=3.0, decay_steps=7, evaluate_every=2
)
TINY = {"recipe": RECIPE, "config": CONFIG}


def test_seeds_side_by_side_are_the_seeds_alone():
    together = train_many(TASK, seeds=[5, 2, 9], at_once=3, **TINY)
    assert [model.provenance.seed for model in together] == [5, 2, 9]
    for model in together:
        alone = train(TASK, seed=model.provenance.seed or 0, **TINY)
        assert alone.provenance.history["steps"] == model.provenance.history["steps"]
        for name, value in alone.weights.short().items():
            assert (value - model.weights.short()[name]).abs().max() < 1e-5


def test_runs_that_end_at_different_steps_are_each_ended_at_their_own():
    seen: list[Progress] = []
    recipe = RECIPE.model_copy(update={"trigger_loss": 2.49})
    models = train_many(TASK, seeds=range(6), at_once=6, recipe=recipe, config=CONFIG, progress=seen.append)
    ends = [model.provenance.history["steps"] for model in models]
    assert len(set(ends)) > 1
    for model in models:
        grokked = model.provenance.history["grokked_at"]
        assert model.provenance.history["steps"] == (20 if grokked is None else grokked + 7)
    assert seen[-1].finished < 6 and seen[-1].last_step == max(ends)


def test_groups_are_stored_as_they_finish_and_resumed_where_they_stopped(tmp_path):
    expected = train_many(TASK, seeds=range(4), at_once=2, **TINY)

    def kill_in_second_group(seen: Progress) -> None:
        if 2 in seen.losses and seen.step == 6:
            raise Killed

    options = TINY | {"seeds": range(4), "at_once": 2, "out": tmp_path, "checkpoint_every": 2}
    with pytest.raises(Killed):
        train_many(TASK, progress=kill_in_second_group, **options)
    assert read(tmp_path / "seed-1").weights_hash == expected[1].weights_hash
    assert not (tmp_path / "seed-2" / "model.json").exists()
    resumed = train_many(TASK, resume=True, **options)
    assert [m.weights_hash for m in resumed] == [m.weights_hash for m in expected]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"seed-{i}" for i in range(4)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": []}, "no seeds"),
        ({"seeds": [1, 2, 1]}, "seed 1 is given twice"),
        ({"seeds": [-4]}, "found -4"),
        ({"at_once": 0}, "at_once must be at least 1"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(TrainingError, match=message):
        train_many(TASK, **(TINY | options))
