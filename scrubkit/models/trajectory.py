"""Trajectories on disk: models kept along one training run, with the losses that training noted at each.

A run's folder holds its last model and ``trajectory/``: ``losses.json`` and a model's folder for each step
that was kept. How they are made is a family's business, how they are read is here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from scrubkit.core.reading import parse_json, read_bytes, validation_faults
from scrubkit.errors import ModelError
from scrubkit.models.config import Record

FOLDER = "trajectory"
"""Folder of a run that its trajectory is in."""
LOSSES = "losses.json"
"""File of the losses, beside the models."""

MAX_BYTES = 2**24
"""Largest file of losses that is read; a step takes some 150 bytes."""
MAX_VALUES = 500_000
"""Most values in it."""


class TrajectoryStep(Record):
    """One model that was kept.

    Attributes:
        step: optimiser steps taken.
        train: mean loss on the training inputs, in nats.
        test: mean loss on the held-out inputs, in nats.
        accuracy: share of the held-out inputs that are answered rightly.
        folder: name of the model's folder, beside the file.
    """

    step: int = Field(ge=0)
    train: float = Field(allow_inf_nan=False)
    test: float = Field(allow_inf_nan=False)
    accuracy: float = Field(ge=0, le=1)
    # A name alone, so that a file from a stranger leads nowhere else.
    folder: str = Field(pattern=r"^step-[0-9]{1,20}$")


class Trajectory(Record):
    """The models kept along one run, the untrained one first.

    Attributes:
        schema_version: of the file.
        seed: of the run.
        grokked_at: step at which the held-out loss fell under the recipe's trigger, None where it has not.
        steps: the models, in the order of training.
    """

    schema_version: Literal[1] = 1
    seed: int
    grokked_at: int | None
    steps: tuple[TrajectoryStep, ...] = Field(min_length=2)


def read_trajectory(run: Path) -> Trajectory:
    """Read what a run's folder says of its trajectory.

    Args:
        run: folder of the run.

    Returns:
        The steps and their losses; the models are in ``run / FOLDER / step.folder``.

    Raises:
        ModelError: the run has no trajectory, or its file is not one; with every fault.
    """
    path = run / FOLDER / LOSSES
    missing = "there is no trajectory here; scrubkit train keeps one with --trajectory 40"
    title = str(path)
    data = read_bytes(path, MAX_BYTES, error=ModelError, missing=missing)
    document = parse_json(data, MAX_VALUES, error=ModelError, title=title)
    try:
        found = Trajectory.model_validate(document)
    except ValidationError as error:
        raise ModelError(validation_faults(error), title=title) from None
    steps = [step.step for step in found.steps]
    if steps != sorted(set(steps)):
        raise ModelError("steps are not in ascending order, each once", title=title)
    return found
