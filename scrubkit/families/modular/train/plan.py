"""A training job and its folders: whether it may begin, goes on, or is done already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from scrubkit.errors import ScrubkitError, TrainingError
from scrubkit.families.modular.certify.certificate import certify
from scrubkit.families.modular.task import ModularTask
from scrubkit.families.modular.train.checkpoint import Job, ModularTaskRecord, load_checkpoint
from scrubkit.families.modular.train.loop import Loop, Progress, Watch
from scrubkit.families.modular.train.recipe import Recipe, default_config, default_fraction, find_recipe
from scrubkit.families.modular.train.state import Losses, Run, initial_state
from scrubkit.families.modular.train.step import unflatten
from scrubkit.families.modular.train.trajectory import TrajectoryWriter
from scrubkit.models.atomic import remove_temporaries
from scrubkit.models.model import Model
from scrubkit.models.record import ModelConfig, Provenance
from scrubkit.models.store import RECORD, WEIGHTS, read, save
from scrubkit.models.trajectory import FOLDER

SHORT_NAMES = {
    "modular_addition": "modadd",
    "modular_subtraction": "modsub",
    "modular_multiplication": "modmul",
}

DEVICES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True)
class Plan:
    """A job, where it runs and where it is kept.

    Attributes:
        task: what to learn.
        job: how, and with which seeds.
        device: where.
        folders: folder of each seed's model; None keeps nothing.
        checkpoint: file of the checkpoint of all the job's seeds, gone once their models are saved.
        trajectory: number of log-spaced models to keep for each seed.
        checkpoint_every: steps between checkpoints.
    """

    task: ModularTask
    job: Job
    device: torch.device
    folders: Mapping[int, Path] | None
    checkpoint: Path | None
    trajectory: int
    checkpoint_every: int

    def status(self) -> Literal["fresh", "unfinished", "done"]:
        """Say how far an earlier command has brought this job."""
        if self.checkpoint is not None and self.checkpoint.exists():
            return "unfinished"
        folders = self.folders.values() if self.folders else ()
        return "done" if any((folder / RECORD).exists() for folder in folders) else "fresh"

    def run(self, progress: Callable[[Progress], None] | None) -> list[Model]:
        """Train from where the job stands, and save its models.

        Raises:
            TrainingError: the folder cannot be used, or a loss is not finite.
        """
        status = self.status()
        if status == "done":
            return self._stored()
        self._make_folders()
        self._clear_temporaries()
        if self.checkpoint is not None and status == "unfinished":
            state = load_checkpoint(self.checkpoint, self.job, self.device)
        else:
            state = initial_state(self.job.config, self.job.seeds, self.device)
        trajectory = self._trajectory()
        watch = Watch(
            checkpoint=self.checkpoint,
            checkpoint_every=self.checkpoint_every,
            snapshot_steps=trajectory.steps if trajectory else (),
            snapshot=trajectory.take if trajectory else None,
            progress=progress,
        )
        accept = self._certified if self.job.until_certified else None
        ended = Loop(state, self.task, self.job, watch, accept).run()
        models = []
        for run, flat in ended:
            if trajectory:
                trajectory.finish(run, flat)
            models.append(self._model(run, run.history[-1], flat))
        self._save(models)
        return models

    def _certified(self, run: Run, flat: Float[Tensor, " parameter"]) -> bool:
        return certify(self._model(run, run.history[-1], flat)).certified

    def _save(self, models: Sequence[Model]) -> None:
        for seed, folder in (self.folders or {}).items():
            save(models[self.job.seeds.index(seed)], folder, overwrite=True)
        if self.checkpoint is not None:
            self.checkpoint.unlink(missing_ok=True)

    def _stored(self) -> list[Model]:
        """Read the models that an earlier command finished; TrainingError if they are of another job."""
        models, faults = [], []
        for seed, folder in (self.folders or {}).items():
            model = read(folder)
            found = (model.task, model.config, model.provenance.recipe, model.provenance.seed)
            if found != (self.task, self.job.config, _options(self.job), seed):
                faults.append(f"{folder} holds a finished model of another task, shape, recipe or seed")
            models.append(model)
        if faults:
            raise TrainingError([*faults, "choose another folder"], title="nothing to resume")
        return models

    def _trajectory(self) -> TrajectoryWriter | None:
        if self.trajectory == 0 or self.folders is None:
            return None
        recipe = self.job.recipe
        longest = recipe.last_step(recipe.max_steps) if recipe.trigger_loss else recipe.max_steps
        return TrajectoryWriter(self.trajectory, longest, self.folders, self._model)

    def _make_folders(self) -> None:
        parents = {*(self.folders.values() if self.folders else ())}
        for folder in parents | ({self.checkpoint.parent} if self.checkpoint else set()):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise TrainingError(
                    f"cannot be used as a folder: {reason}; choose a path that you may write",
                    title=str(folder),
                ) from None

    def _clear_temporaries(self) -> None:
        """Remove what a command that was killed in the middle of writing has left behind."""
        for folder in self.folders.values() if self.folders else ():
            for place, names in ((folder, (RECORD, WEIGHTS)), (folder / FOLDER, ("*",))):
                remove_temporaries(place, names)
        if self.checkpoint is not None:
            remove_temporaries(self.checkpoint.parent, (self.checkpoint.name,))

    def _model(self, run: Run, losses: Losses, flat: Float[Tensor, " parameter"]) -> Model:
        kept = {name: getattr(losses, name) for name in ("train", "test", "accuracy")}
        history = {
            "steps": losses.step,
            "grokked_at": run.grokked_at,
            "train_loss": kept["train"],
            "test_loss": kept["test"],
            "test_accuracy": kept["accuracy"],
            "device": self.device.type,
            "torch": torch.__version__,
        }
        if run.rounds:
            history["rounds"] = run.rounds
        return Model(
            name=f"{SHORT_NAMES[self.task.name]}-p{self.task.p}-seed{run.seed}",
            task=self.task,
            config=self.job.config,
            weights=unflatten(flat, self.job.config),
            provenance=Provenance(kind="trained", seed=run.seed, recipe=_options(self.job), history=history),
        )


def make_job(
    task: ModularTask,
    seeds: Sequence[int],
    recipe: str | Recipe,
    train_fraction: float | None,
    config: ModelConfig | None,
    until_certified: bool = False,
) -> Job:
    """Return the job that the options describe, with every default written out.

    Raises:
        TrainingError: with every option that is not allowed.
    """
    chosen = find_recipe(recipe, task)
    config = default_config(task) if config is None else config
    fraction = default_fraction(task) if train_fraction is None else train_fraction
    faults = [] if task.equals else ['training needs rows that end in "="']
    for name in ("d_vocab", "d_vocab_out", "n_ctx"):
        if getattr(config, name) != getattr(task, name):
            faults.append(f"config.{name} is {getattr(config, name)}, but the task has {getattr(task, name)}")
    faults += [f"seed must lie in 0 .. 2^63 - 1, found {seed}" for seed in seeds if not 0 <= seed < 2**63]
    faults += [f"seed {seed} is given twice" for seed, n in sorted(Counter(seeds).items()) if n > 1]
    faults += [] if seeds else ["no seeds are given"]
    try:
        task.split(fraction, 0)
    except ScrubkitError as error:
        faults += error.faults
    if faults:
        raise TrainingError(faults, title="training options")
    record = ModularTaskRecord(name=task.name, p=task.p)
    return Job(
        task=record,
        config=config,
        recipe=chosen,
        train_fraction=fraction,
        seeds=tuple(seeds),
        until_certified=until_certified,
    )


def check_start(plans: Sequence[Plan], *, resume: bool) -> None:
    """Check that the folders are as a new run, or a resumed one, needs them.

    Raises:
        TrainingError: there is nothing to resume, or something that would be overwritten; a trajectory
            without a folder, or of a length that is not allowed; checkpoints less than a step apart.
    """
    trajectory, every, stored = plans[0].trajectory, plans[0].checkpoint_every, plans[0].folders is not None
    faults = []
    if trajectory < 0 or trajectory == 1:
        faults.append(
            f"a trajectory holds at least 2 models, the untrained and the last one; found {trajectory}"
        )
    if trajectory and not stored:
        faults.append("a trajectory needs an output folder")
    if every < 1:
        faults.append(f"checkpoint_every must be at least 1 step, found {every}")
    if resume and not stored:
        faults.append("resuming needs an output folder")
    elif resume and all(plan.status() == "fresh" for plan in plans):
        faults.append(f"there is no checkpoint to resume from: {plans[0].checkpoint}")
    elif not resume:
        faults += [_occupied(plan) for plan in plans if plan.status() != "fresh"]
    if faults:
        raise TrainingError(faults, title="training options")


def find_device(name: str) -> torch.device:
    """Return the device of that name; auto is cuda where there is one, else cpu.

    Raises:
        TrainingError: the name is unknown or this machine has no such device.
    """
    if name not in DEVICES:
        raise TrainingError(f"unknown device {name!r}; choose one of {', '.join(DEVICES)}")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available[name]:
        there = ", ".join(device for device, found in available.items() if found)
        raise TrainingError(f"this machine, or this build of torch, has no {name} device; there is: {there}")
    return torch.device(name)


def _occupied(plan: Plan) -> str:
    if plan.status() == "unfinished":
        return f"{plan.checkpoint} is of an unfinished run: resume it, remove it, or choose another folder"
    held = [str(f) for f in (plan.folders or {}).values() if (f / RECORD).exists()]
    return f"{' and '.join(held)} already holds a model; choose another folder"


def _options(job: Job) -> dict[str, Any]:
    options = job.recipe.model_dump() | {"train_fraction": job.train_fraction}
    return options | ({"until_certified": True} if job.until_certified else {})
