"""Checkpoints of training: one file, replaced whole, from which a run goes on as if never stopped.

It is a safetensors file. The tensors are the parameters and AdamW's moments; the header's metadata holds what
the run is (task, shape, recipe, seeds) and how far it has come. No generator state is kept, since nothing is
drawn after the first step: the seeds give the initial weights and the split.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import safetensors.torch
import torch
from pydantic import Field, ValidationError
from safetensors import SafetensorError, safe_open
from torch import Tensor

from scrubkit.core.reading import parse_json, require_file, validation_faults
from scrubkit.errors import ModelError, TrainingError
from scrubkit.families.modular.train.recipe import Recipe
from scrubkit.families.modular.train.state import Losses, Run, State
from scrubkit.families.modular.train.step import n_parameters
from scrubkit.models.atomic import write_atomically
from scrubkit.models.record import ModelConfig, Record

CHECKPOINT = "checkpoint.safetensors"
MAX_VALUES = 2_000_000
"""Most values in the record of a checkpoint: every evaluation of a hundred runs, several times over."""
_KEY = "scrubkit"
_ADVICE = "remove it and train again from the start"
_TENSORS = ("flat", "momentum", "second")


class ModularTaskRecord(Record):
    """Name and modulus of a task, and whether its rows end in "="."""

    name: str
    p: int = Field(gt=2, le=2000)
    equals: bool = True


class Job(Record):
    """What is being trained: two runs of the same job take the same steps."""

    task: ModularTaskRecord
    config: ModelConfig
    recipe: Recipe
    train_fraction: float = Field(gt=0, lt=1)
    seeds: tuple[int, ...] = Field(min_length=1)
    until_certified: bool = False


class RunRecord(Record):
    """A run as JSON; each evaluation is [step, train loss, test loss, accuracy]."""

    seed: int
    grokked_at: int | None
    history: list[tuple[int, float, float, float]]
    rounds: int = 0


class CheckpointRecord(Record):
    """The metadata of a checkpoint file."""

    schema_version: Literal[1] = 1
    job: Job
    step: int = Field(ge=0)
    runs: list[RunRecord]
    finished: list[RunRecord]


def save_checkpoint(state: State, job: Job, path: Path) -> None:
    """Write the state; the last checkpoint stays as it was until the new one is whole.

    Raises:
        TrainingError: the folder cannot be written or the disk is full.
    """
    record = CheckpointRecord(
        job=job,
        step=state.step,
        runs=[_to_record(run) for run in state.runs],
        finished=[_to_record(run) for run, _ in state.finished],
    )
    tensors = {name: getattr(state, name) for name in _TENSORS}
    tensors |= {f"finished.{i}": flat for i, (_, flat) in enumerate(state.finished)}
    on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    data = safetensors.torch.save(on_cpu, metadata={_KEY: record.model_dump_json()})
    try:
        write_atomically(path, data)
    except ModelError as error:
        kept = f"; the last good checkpoint is kept: {path}" if path.exists() else ""
        raise TrainingError(
            f"no checkpoint could be written at step {state.step}: {error.faults[0]}{kept}",
            title=str(path.parent),
        ) from None


def load_checkpoint(path: Path, job: Job, device: torch.device) -> State:
    """Read the state of a job.

    Raises:
        TrainingError: no whole checkpoint, or one of another job; the message lists every difference.
    """
    require_file(path, error=TrainingError, missing="there is no checkpoint to resume from")
    try:
        with safe_open(path, framework="pt") as file:
            return _state(file, job, device, path)
    except (SafetensorError, OSError) as error:
        raise TrainingError(f"not a whole checkpoint: {error}; {_ADVICE}", title=str(path)) from None


def _state(file: Any, job: Job, device: torch.device, path: Path) -> State:
    """Read a state from an open file; what it holds beside the state of this job is not loaded."""
    record = _record(file, path)
    theirs, ours = record.job.model_dump(), job.model_dump()
    faults = [
        f"{name} was {theirs[name]!r}, this command asks for {ours[name]!r}"
        for name in ours
        if theirs[name] != ours[name]
    ]
    if faults:
        raise TrainingError(
            [*faults, "repeat the command that began the run, or choose another folder"], title=str(path)
        )
    tensors = _tensors(file, record, path)
    # Copied: a tensor in a file's memory may lie where a product of matrices rounds otherwise.
    flat, momentum, second = (tensors[name].clone().to(device) for name in _TENSORS)
    finished = [(_from_record(run), tensors[f"finished.{i}"]) for i, run in enumerate(record.finished)]
    return State(record.step, [_from_record(run) for run in record.runs], flat, momentum, second, finished)


def _record(file: Any, path: Path) -> CheckpointRecord:
    """Read what a file says of itself."""
    text = (file.metadata() or {}).get(_KEY, "")
    try:
        parse_json(text, MAX_VALUES, error=TrainingError, title=str(path))
        return CheckpointRecord.model_validate_json(text)
    except TrainingError as error:
        raise TrainingError(
            f"not a checkpoint of this version: {error.faults[0]}; {_ADVICE}", title=str(path)
        ) from None
    except ValidationError as error:
        first = validation_faults(error)[0]
        raise TrainingError(
            f"not a checkpoint of this version: {first}; {_ADVICE}", title=str(path)
        ) from None


def _tensors(file: Any, record: CheckpointRecord, path: Path) -> dict[str, Tensor]:
    """Load the tensors of a record, after a look at their shapes."""
    size = n_parameters(record.job.config)
    expected: dict[str, tuple[int, ...]] = {name: (len(record.runs), size) for name in _TENSORS}
    expected |= {f"finished.{i}": (size,) for i in range(len(record.finished))}
    found: dict[str, Any] = dict.fromkeys(expected, "missing")
    for name in set(file.keys()) & set(expected):
        found[name] = tuple(file.get_slice(name).get_shape())
    faults = [
        f"tensor {name} is {found[name]}, expected {shape}"
        for name, shape in expected.items()
        if found[name] != shape
    ]
    if faults:
        raise TrainingError(faults, title=str(path))
    return {name: file.get_tensor(name) for name in expected}


def _to_record(run: Run) -> RunRecord:
    history = [(x.step, x.train, x.test, x.accuracy) for x in run.history]
    return RunRecord(seed=run.seed, grokked_at=run.grokked_at, history=history, rounds=run.rounds)


def _from_record(record: RunRecord) -> Run:
    return Run(record.seed, record.grokked_at, tuple(Losses(*row) for row in record.history), record.rounds)
