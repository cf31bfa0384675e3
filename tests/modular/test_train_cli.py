"""``scrubkit train``: what it stores, says and returns."""

import json

import pytest
from typer.testing import CliRunner

from scrubkit.cli.app import app
from scrubkit.cli.train import parse_seeds
from scrubkit.errors import TrainingError
from scrubkit.families.modular.train.recipe import RECIPES
from scrubkit.families.modular.train.stepper import Stepper
from scrubkit.models.store import read


@pytest.fixture(autouse=True)
def short_recipe(monkeypatch):
    changes = {"max_steps": 30, "trigger_loss": 1e9, "decay_steps": 10, "evaluate_every": 5}
    monkeypatch.setitem(RECIPES, "fast", RECIPES["fast"].model_copy(update=changes))


def scrubkit_train(*options: object):
    return CliRunner().invoke(app, ["train", "--p", "11", *map(str, options)])


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("0-3", [0, 1, 2, 3]), ("7", [7]), ("0,3,8-10", [0, 3, 8, 9, 10]), (" 1 , 2 ", [1, 2])],
)
def test_seeds_are_numbers_and_ranges(text, seeds):
    assert parse_seeds(text) == seeds


def test_every_part_that_is_no_seed_is_named():
    with pytest.raises(TrainingError) as caught:
        parse_seeds("0-3,x,5-2,-1")
    assert len(caught.value.faults) == 3
    assert "'x'" in caught.value.faults[0] and "'5-2'" in caught.value.faults[1]


def test_a_model_that_is_not_certified_is_stored_with_the_reasons(tmp_path):
    result = scrubkit_train("--seed", 2, "--out", tmp_path / "m", "--trajectory", 3)
    assert result.exit_code == 0
    model = read(tmp_path / "m")
    assert model.provenance.seed == 2
    assert model.certificate is not None and not model.certificate.certified
    assert "stored but not certified" in result.output and "does not solve" in " ".join(result.output.split())
    assert len(json.loads((tmp_path / "m/trajectory/losses.json").read_text())["steps"]) == 3


def test_several_seeds_get_a_folder_each(tmp_path):
    result = scrubkit_train("--seeds", "0,2", "--out", tmp_path)
    assert result.exit_code == 0
    assert [read(tmp_path / f"seed-{seed}").provenance.seed for seed in (0, 2)] == [0, 2]


def test_one_seed_and_several_exclude_each_other(tmp_path):
    result = scrubkit_train("--seed", 0, "--seeds", "0-3", "--out", tmp_path)
    assert isinstance(result.exception, TrainingError)


def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_go_on(tmp_path, monkeypatch):
    step, taken = Stepper.step, []

    def interrupted(self, rates):
        if len(taken) == 12:
            raise KeyboardInterrupt
        taken.append(rates)
        step(self, rates)

    monkeypatch.setattr(Stepper, "step", interrupted)
    result = scrubkit_train("--out", tmp_path, "--checkpoint-every", 5)
    assert result.exit_code == 130
    assert "--resume" in result.output
    monkeypatch.setattr(Stepper, "step", step)
    assert scrubkit_train("--out", tmp_path, "--checkpoint-every", 5, "--resume").exit_code == 0
    assert read(tmp_path).provenance.history["steps"] == 15


@pytest.mark.parametrize(
    "where", ["scrubkit.families.modular.train.plan.save", "scrubkit.cli.train._certify"]
)
def test_ctrl_c_in_the_last_moments_says_how_to_go_on_too(tmp_path, monkeypatch, where):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(where, interrupted)
        result = scrubkit_train("--out", tmp_path)
    assert result.exit_code == 130
    assert "the same command with --resume goes on" in " ".join(result.output.split())
    assert scrubkit_train("--out", tmp_path, "--resume").exit_code == 0
    assert read(tmp_path).certificate is not None


def test_ctrl_c_before_anything_is_stored_says_so(tmp_path, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("scrubkit.families.modular.train.train.make_job", interrupted)
    result = scrubkit_train("--out", tmp_path)
    assert result.exit_code == 130
    assert "nothing had been stored yet" in result.output
