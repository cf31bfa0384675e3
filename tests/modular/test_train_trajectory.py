"""Trajectories: how many steps are kept, which, and that keeping them changes nothing."""

import json

import pytest
import torch

from scrubkit.families.modular.train.train import train
from scrubkit.families.modular.train.trajectory import choose, log_spaced
from scrubkit.models.record import ModelConfig
from scrubkit.models.store import read
from scrubkit.models.weights import random_weights
from tests.modular.test_train import CONFIG, TASK, TINY, Killed, kill_at


def test_log_spaced_steps_begin_at_zero_and_end_at_the_last():
    assert log_spaced(7, 100_000) == [0, 1, 10, 100, 1000, 10_000, 100_000]
    assert log_spaced(50, 12) == sorted(set(log_spaced(50, 12)))
    assert log_spaced(50, 12)[-1] == 12


@pytest.mark.parametrize("count", [2, 3, 8, 20])
def test_the_chosen_steps_are_as_many_as_asked_for_with_both_ends(count):
    taken = log_spaced(80, 4600)
    taken = [step for step in taken if step < 900] + [875]
    kept = choose(taken, count)
    assert len(kept) == count
    assert kept[0] == 0 and kept[-1] == 875
    assert set(kept) <= set(taken)


def test_fewer_steps_than_asked_for_are_all_kept():
    assert choose([0, 1, 2], 10) == [0, 1, 2]


def test_a_trajectory_holds_models_with_their_losses_and_changes_nothing(tmp_path):
    plain = train(TASK, seed=3, **TINY)
    kept = train(TASK, seed=3, out=tmp_path, trajectory=5, **TINY)
    assert kept.weights_hash == plain.weights_hash
    document = json.loads((tmp_path / "trajectory" / "losses.json").read_text())
    rows = document["steps"]
    assert len(rows) == 5
    folders = {path.name for path in (tmp_path / "trajectory").iterdir() if path.is_dir()}
    assert folders == {row["folder"] for row in rows}
    models = [read(tmp_path / "trajectory" / row["folder"]) for row in rows]
    assert models[0].weights_hash == random_weights(CONFIG, torch.Generator().manual_seed(3)).digest()
    assert models[-1].weights_hash == plain.weights_hash
    mask = torch.from_numpy(TASK.split(0.5, 3))
    for row, model in zip(rows, models, strict=True):
        loss = torch.nn.functional.cross_entropy(model.logits()[~mask], model.labels[~mask])
        assert row["test"] == pytest.approx(loss.item(), rel=1e-4)
        assert model.provenance.history["steps"] == row["step"]


def test_a_resumed_trajectory_is_the_uninterrupted_one(tmp_path):
    options = TINY | {"seed": 3, "trajectory": 6}
    train(TASK, out=tmp_path / "whole", **options)
    with pytest.raises(Killed):
        train(TASK, out=tmp_path / "resumed", progress=kill_at(20), **options)
    train(TASK, out=tmp_path / "resumed", resume=True, **options)
    whole, resumed = (
        {
            str(path.relative_to(tmp_path / name)): path.read_bytes()
            for path in (tmp_path / name).rglob("*.*s*")
        }
        for name in ("whole", "resumed")
    )
    assert whole == resumed


def test_the_shape_is_stored_with_every_model(tmp_path):
    train(TASK, seed=3, out=tmp_path, trajectory=2, **TINY)
    first = read(tmp_path / "trajectory" / "step-000000")
    assert first.config == ModelConfig.for_task(TASK, d_model=16, n_heads=2, d_head=8, d_mlp=24)
