"""Training end to end on tiny models: repeatable, resumable, kept when things go wrong."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from scrubkit.errors import TrainingError
from scrubkit.families.modular.task import ModularAddition, ModularMultiplication, ModularTask
from scrubkit.families.modular.train import checkpoint as checkpoint_module
from scrubkit.families.modular.train import plan
from scrubkit.families.modular.train import recipe as recipe_module
from scrubkit.families.modular.train.checkpoint import CHECKPOINT, load_checkpoint, save_checkpoint
from scrubkit.families.modular.train.loop import Progress
from scrubkit.families.modular.train.plan import Plan, make_job
from scrubkit.families.modular.train.recipe import Recipe
from scrubkit.families.modular.train.state import Run, initial_state
from scrubkit.families.modular.train.train import train
from scrubkit.families.modular.train.trajectory import TrajectoryWriter
from scrubkit.models import store
from scrubkit.models.atomic import write_atomically
from scrubkit.models.model import Model
from scrubkit.models.record import ModelConfig
from scrubkit.models.store import read

TASK = ModularAddition(11)
CONFIG = ModelConfig.for_task(TASK, d_model=16, n_heads=2, d_head=8, d_mlp=24)
RECIPE = Recipe(
    name="tiny",
    learning_rate=1e-2,
    max_steps=200,
    trigger_loss=1e9,
    settle_steps=10,
    decay_steps=17,
    evaluate_every=5,
)
"""Every loss is under the trigger, so that a run goes through all phases: 32 steps."""
TINY = {"recipe": RECIPE, "config": CONFIG, "checkpoint_every": 10}


class Killed(BaseException):
    """Stands for a kill: nothing may catch it."""


def kill_at(step: int):
    def progress(seen: Progress) -> None:
        if seen.step == step:
            raise Killed

    return progress


def killed(*arguments: object, **options: object) -> None:
    raise Killed


def kill_at_the_record(path: Path, data: bytes) -> None:
    if path.name == store.RECORD:
        raise Killed
    write_atomically(path, data)


def kill_after_saving(*arguments: Any, **options: Any) -> None:
    store.save(*arguments, **options)
    raise Killed


def files(folder: Path) -> dict[str, bytes]:
    """Every file under a folder with its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def uninterrupted() -> Model:
    return train(TASK, seed=3, **TINY)


def test_multiplication_groks_and_only_operands_are_embedded():
    task = ModularMultiplication(31)
    recipe = Recipe(name="quick", learning_rate=1e-2, max_steps=800, trigger_loss=1e-2, decay_steps=100)
    config = ModelConfig.for_task(task, d_model=32, n_heads=2, d_head=16, d_mlp=128)
    model = train(task, recipe=recipe, config=config, train_fraction=0.7)
    right = model.logits().argmax(-1) == model.labels
    assert right.double().mean() > 0.99
    assert model.weights.W_E[0].norm() < 0.2 * model.weights.W_E[1:31].norm(dim=1).mean()


def test_a_seed_gives_the_same_weights_again_and_another_seed_others(uninterrupted):
    assert train(TASK, seed=3, **TINY).weights_hash == uninterrupted.weights_hash
    assert train(TASK, seed=4, **TINY).weights_hash != uninterrupted.weights_hash


def test_provenance_says_how_the_weights_were_made(uninterrupted):
    provenance = uninterrupted.provenance
    assert (provenance.kind, provenance.seed) == ("trained", 3)
    assert provenance.recipe == RECIPE.model_dump() | {"train_fraction": 0.5}
    assert provenance.history["steps"] == 32
    assert provenance.history["grokked_at"] == 5
    mask = torch.from_numpy(TASK.split(0.5, 3))
    loss = torch.nn.functional.cross_entropy(uninterrupted.logits(), uninterrupted.labels, reduction="none")
    assert provenance.history["train_loss"] == pytest.approx(loss[mask].mean().item(), rel=1e-4)
    assert provenance.history["test_loss"] == pytest.approx(loss[~mask].mean().item(), rel=1e-4)


@pytest.mark.parametrize("step", [5, 20, 32])
def test_a_killed_run_resumes_to_the_same_bits(tmp_path, uninterrupted, step):
    with pytest.raises(Killed):
        train(TASK, seed=3, out=tmp_path, progress=kill_at(step), **TINY)
    assert not (tmp_path / "model.json").exists()
    resumed = train(TASK, seed=3, out=tmp_path, resume=True, **TINY)
    assert resumed.weights_hash == uninterrupted.weights_hash
    assert resumed.provenance == uninterrupted.provenance


@pytest.mark.parametrize("trajectory", [0, 4])
@pytest.mark.parametrize("after", ["last checkpoint", "trajectory", "weights", "model"])
def test_a_run_killed_in_its_last_moments_resumes_to_the_same_bits(tmp_path, monkeypatch, after, trajectory):
    options = TINY | {"seed": 3, "trajectory": trajectory}
    whole = train(TASK, out=tmp_path / "whole", **options)
    stops = {
        "last checkpoint": (
            TrajectoryWriter if trajectory else Plan,
            "finish" if trajectory else "_save",
            killed,
        ),
        "trajectory": (Plan, "_save", killed),
        "weights": (store, "write_atomically", kill_at_the_record),
        "model": (plan, "save", kill_after_saving),
    }
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(*stops[after])
        train(TASK, out=tmp_path / "killed", **options)
    assert (tmp_path / "killed" / CHECKPOINT).exists()
    with pytest.raises(TrainingError, match="unfinished run: resume it"):
        train(TASK, out=tmp_path / "killed", **options)
    resumed = train(TASK, out=tmp_path / "killed", resume=True, **options)
    assert resumed.weights_hash == whole.weights_hash
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


def test_what_a_killed_writer_left_behind_is_removed(tmp_path, uninterrupted):
    with pytest.raises(Killed):
        train(TASK, seed=3, out=tmp_path, progress=kill_at(15), **TINY)
    left = [tmp_path / f".{name}.0123abcd.tmp" for name in (CHECKPOINT, "model.json", "weights.safetensors")]
    for path in left:
        path.write_bytes(b"half")
    (tmp_path / ".notes.0123abcd.tmp").write_bytes(b"someone else's")
    train(TASK, seed=3, out=tmp_path, resume=True, **TINY)
    assert sorted(os.listdir(tmp_path)) == [".notes.0123abcd.tmp", "model.json", "weights.safetensors"]


def test_a_checkpoint_is_read_into_memory_aligned_as_it_was(tmp_path):
    """Products of matrices round by where their numbers lie; a file's header moves them."""
    path = tmp_path / CHECKPOINT
    for seeds in ([3], [3, 44], [3, 44, 555]):
        job = make_job(TASK, seeds, RECIPE, 0.5, CONFIG)
        save_checkpoint(initial_state(CONFIG, seeds, torch.device("cpu")), job, path)
        state = load_checkpoint(path, job, torch.device("cpu"))
        assert all(x.data_ptr() % 64 == 0 for x in (state.flat, state.momentum, state.second))


def test_a_finished_run_leaves_a_model_and_no_checkpoint_and_resumes_to_itself(tmp_path, uninterrupted):
    train(TASK, seed=3, out=tmp_path, **TINY)
    assert sorted(os.listdir(tmp_path)) == ["model.json", "weights.safetensors"]
    assert read(tmp_path).weights_hash == uninterrupted.weights_hash
    again = train(TASK, seed=3, out=tmp_path, resume=True, progress=kill_at(5), **TINY)
    assert again.weights_hash == uninterrupted.weights_hash


def test_progress_knows_the_last_step_once_the_run_has_grokked():
    seen: list[Progress] = []
    train(TASK, seed=3, progress=seen.append, **TINY)
    assert [p.step for p in seen] == [0, 5, 10, 15, 20, 25, 30, 32]
    assert [p.last_step for p in seen] == [200] + [32] * 7
    assert seen[-1].losses[3].accuracy >= 0


def test_a_run_that_never_groks_ends_at_the_last_step():
    recipe = RECIPE.model_copy(update={"trigger_loss": 1e-30, "max_steps": 13})
    model = train(TASK, recipe=recipe, config=CONFIG)
    assert model.provenance.history["steps"] == 13
    assert model.provenance.history["grokked_at"] is None


REFUSED = {
    "unknown recipe": ({"recipe": "quick"}, "known recipes: fast"),
    "unknown device": ({"device": "tpu"}, "auto, cpu, cuda, mps"),
    "fraction": ({"train_fraction": 1.5}, r"must lie in \(0, 1\), found 1.5"),
    "negative seed": ({"seed": -1}, "found -1"),
    "shape of another task": ({"config": ModelConfig.for_task(ModularAddition(13))}, "d_vocab is 14"),
    "trajectory of one": ({"trajectory": 1}, "at least 2 models"),
    "trajectory without a folder": ({"trajectory": 5}, "needs an output folder"),
    "resume without a folder": ({"resume": True}, "needs an output folder"),
    "no checkpoints": ({"checkpoint_every": 0}, "at least 1 step, found 0"),
}


@pytest.mark.parametrize(("options", "message"), REFUSED.values(), ids=REFUSED)
def test_an_option_out_of_range_is_refused(options, message):
    with pytest.raises(TrainingError, match=message):
        train(TASK, **(TINY | options))


def test_rows_without_equals_are_refused():
    with pytest.raises(TrainingError, match='end in "="'):
        train(ModularTask("modular_addition", 11, equals=False))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a cuda device")
def test_a_device_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(TrainingError, match="no cuda device; there is: cpu"):
        train(TASK, device="cuda", **TINY)


def test_a_model_that_is_there_already_is_not_overwritten(tmp_path):
    train(TASK, seed=3, out=tmp_path, **TINY)
    with pytest.raises(TrainingError, match="already holds a model"):
        train(TASK, seed=3, out=tmp_path, **TINY)
    with pytest.raises(TrainingError, match="finished model of another"):
        train(TASK, seed=4, out=tmp_path, resume=True, **TINY)


def test_an_unfinished_run_is_neither_overwritten_nor_mixed_with_another(tmp_path):
    with pytest.raises(Killed):
        train(TASK, seed=3, out=tmp_path, progress=kill_at(15), **TINY)
    with pytest.raises(TrainingError, match="unfinished run: resume it"):
        train(TASK, seed=3, out=tmp_path, **TINY)
    with pytest.raises(TrainingError) as caught:
        train(TASK, seed=4, train_fraction=0.6, out=tmp_path, resume=True, **TINY)
    assert "train_fraction was 0.5, this command asks for 0.6" in str(caught.value)
    assert "seeds was (3,), this command asks for (4,)" in str(caught.value)


def test_nothing_to_resume_is_an_error(tmp_path):
    with pytest.raises(TrainingError, match="no checkpoint to resume from"):
        train(TASK, out=tmp_path, resume=True, **TINY)


def test_a_folder_that_cannot_be_made_is_refused_before_training(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TrainingError, match="cannot be used as a folder"):
        train(TASK, out=tmp_path / "file" / "model", progress=kill_at(0), **TINY)


def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path, monkeypatch):
    monkeypatch.setattr("scrubkit.models.atomic.open", refuse(errno.EACCES), raising=False)
    with pytest.raises(TrainingError, match="at step 0: permission denied; choose a path"):
        train(TASK, out=tmp_path, progress=kill_at(5), **TINY)


def refuse(number: int):
    def fail(*_args: object, **_options: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_on_a_full_disk_the_last_good_checkpoint_is_kept(tmp_path, uninterrupted, monkeypatch):
    def fill_disk(seen: Progress) -> None:
        if seen.step == 15:
            monkeypatch.setattr("scrubkit.models.atomic.os.fsync", refuse(errno.ENOSPC))

    with pytest.raises(TrainingError, match="step 20: no space left.*last good checkpoint is kept"):
        train(TASK, seed=3, out=tmp_path, progress=fill_disk, **TINY)
    assert os.listdir(tmp_path) == [CHECKPOINT]
    monkeypatch.undo()
    assert train(TASK, seed=3, out=tmp_path, resume=True, **TINY).weights_hash == uninterrupted.weights_hash


def test_a_loss_that_is_no_number_ends_training_and_keeps_the_last_good_checkpoint(tmp_path):
    recipe = RECIPE.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(TrainingError) as caught:
        train(TASK, seed=3, recipe=recipe, config=CONFIG, out=tmp_path)
    assert "seed 3, step 5: the loss is nan" in str(caught.value)
    assert "of step 0, is kept" in str(caught.value)
    assert os.listdir(tmp_path) == [CHECKPOINT]


@pytest.mark.parametrize("size", [0, 7, 400, 20_000])
def test_a_truncated_checkpoint_is_refused(tmp_path, size):
    with pytest.raises(Killed):
        train(TASK, seed=3, out=tmp_path, progress=kill_at(15), **TINY)
    path = tmp_path / CHECKPOINT
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(TrainingError, match="not a whole checkpoint"):
        train(TASK, seed=3, out=tmp_path, resume=True, **TINY)


def test_another_programs_file_is_no_checkpoint(tmp_path):
    from safetensors.torch import save_file

    save_file({"flat": torch.zeros(3)}, tmp_path / CHECKPOINT)
    with pytest.raises(TrainingError, match="not a checkpoint of this version"):
        train(TASK, out=tmp_path, resume=True, **TINY)


@pytest.fixture
def stopped(tmp_path):
    """A folder with a whole checkpoint."""
    with pytest.raises(Killed):
        train(TASK, seed=3, out=tmp_path, progress=kill_at(15), **TINY)
    return tmp_path


def rewritten(path, change):
    """Change the tensors and the record of a checkpoint."""
    from safetensors import safe_open
    from safetensors.torch import save_file

    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    change(tensors, metadata)
    save_file(tensors, path, metadata=metadata)


DAMAGE = {
    "a tensor of another shape": (
        lambda tensors, record: tensors.update(flat=tensors["flat"][:, 1:].contiguous()),
        "tensor flat is",
    ),
    "a tensor that is missing": (lambda tensors, record: tensors.pop("second"), "tensor second is missing"),
    "a record of a million lists": (
        lambda tensors, record: record.update(scrubkit='{"runs": [' + "[]," * 2_000_000 + "[]]}"),
        "values, more than the",
    ),
    "a record of many wrong values": (
        lambda tensors, record: record.update(scrubkit='{"runs": [' + "[]," * 90_000 + "[]]}"),
        "not a checkpoint of this version",
    ),
    "a record nested deep": (
        lambda tensors, record: record.update(scrubkit="[" * 100_000),
        "not a checkpoint of this version",
    ),
    "a step of 5,000 digits": (
        lambda tensors, record: record.update(
            scrubkit=record["scrubkit"].replace('"step":', '"step":1' + "0" * 5000 + ',"x":')
        ),
        "not a checkpoint of this version",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_checkpoint_from_somebody_else_is_one_clear_error(stopped, damage):
    change, message = DAMAGE[damage]
    rewritten(stopped / CHECKPOINT, change)
    with pytest.raises(TrainingError, match=message) as caught:
        train(TASK, seed=3, out=stopped, resume=True, **TINY)
    assert len(str(caught.value)) < 2000


def test_what_else_a_checkpoint_holds_is_not_loaded(stopped, monkeypatch):
    rewritten(stopped / CHECKPOINT, lambda tensors, record: tensors.update(other=torch.zeros(10)))
    loaded = []
    opened = checkpoint_module.safe_open

    class Spy:
        def __init__(self, *arguments, **options):
            self.file = opened(*arguments, **options)

        def __enter__(self):
            self.file = self.file.__enter__()
            return self

        def __exit__(self, *error):
            return None

        def get_tensor(self, name):
            loaded.append(name)
            return self.file.get_tensor(name)

        def __getattr__(self, name):
            return getattr(self.file, name)

    monkeypatch.setattr(checkpoint_module, "safe_open", Spy)
    with pytest.raises(Killed):
        train(TASK, seed=3, out=stopped, resume=True, progress=kill_at(20), **TINY)
    assert set(loaded) == {"flat", "momentum", "second"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize(("make", "kind"), [(os.mkfifo, "a pipe"), (os.mkdir, "a folder")])
def test_a_pipe_or_a_folder_in_the_place_of_a_checkpoint_is_refused(tmp_path, make, kind):
    make(tmp_path / CHECKPOINT)
    with pytest.raises(TrainingError, match=f"is not a file but {kind}"):
        train(TASK, seed=3, out=tmp_path, resume=True, **TINY)


@pytest.fixture
def certified_after_two_rounds(monkeypatch):
    """Stands for a certificate that a run gets once it has gone on twice."""
    asked: list[int] = []

    def certified(self: Plan, run: Run, flat: torch.Tensor) -> bool:
        asked.append(len(run.history))
        return run.rounds == 2

    monkeypatch.setattr(Plan, "_certified", certified)
    monkeypatch.setattr(recipe_module, "ROUND", 6)
    return asked


def test_a_run_goes_on_until_it_is_certified(tmp_path, certified_after_two_rounds):
    model = train(TASK, seed=3, out=tmp_path, until_certified=True, **TINY)
    assert model.provenance.history["steps"] == 32 + 2 * (6 + 17)
    assert model.provenance.history["rounds"] == 2
    assert model.provenance.recipe["until_certified"]
    assert len(certified_after_two_rounds) == 3


@pytest.mark.parametrize("step", [32, 45, 78])
def test_a_run_that_goes_on_is_resumed_to_the_same_bits(tmp_path, certified_after_two_rounds, step):
    whole = train(TASK, seed=3, until_certified=True, **TINY)
    with pytest.raises(Killed):
        train(TASK, seed=3, until_certified=True, out=tmp_path, progress=kill_at(step), **TINY)
    resumed = train(TASK, seed=3, until_certified=True, out=tmp_path, resume=True, **TINY)
    assert resumed.weights_hash == whole.weights_hash
    assert resumed.provenance == whole.provenance


def test_a_run_that_is_never_certified_ends_all_the_same(monkeypatch):
    monkeypatch.setattr(Plan, "_certified", lambda *arguments: False)
    monkeypatch.setattr(recipe_module, "ROUND", 1)
    model = train(TASK, seed=3, until_certified=True, **TINY)
    assert model.provenance.history["rounds"] == recipe_module.MOST_ROUNDS
