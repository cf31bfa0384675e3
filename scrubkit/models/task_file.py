"""The task of a stored model: made anew by its family, or read from the rows kept beside the weights."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from scrubkit import registry
from scrubkit.core.reading import parse_json
from scrubkit.core.task import Task
from scrubkit.errors import ModelError, ScrubkitError
from scrubkit.models.record import TaskRecord

TASK = "task.safetensors"
MAX_TASK_BYTES = 2**29
"""Largest file of rows that is read."""
MAX_NUMBERS = 2**26
"""Most numbers in it; every one becomes one of 64 bits, however small it was."""
MAX_VALUES = 100_000
"""Most values in its header."""
MAX_HEADER = 2**20
"""Largest header of it, in bytes."""

_COLUMN = "variable."


def describe_task(task: Task) -> TaskRecord:
    """Return what is written down of a task."""
    if task.family:
        options = registry.family(task.family).task_options(task)
        return TaskRecord(family=task.family, name=task.name, options=options)
    options = {
        "answer": list(task.answer),
        "constants": dict(task.constants),
        "variables": list(task.variables),
        "d_vocab": task.d_vocab,
        "d_vocab_out": task.d_vocab_out,
    }
    return TaskRecord(name=task.name, options=options, hash=task.hash)


def task_rows(task: Task) -> bytes | None:
    """Return the content of the file of rows, None for a task that its family makes anew."""
    if task.family:
        return None
    arrays = {"tokens": task.tokens, "labels": task.labels, "weights": task.weights}
    arrays |= {f"{_COLUMN}{name}": column for name, column in task.columns.items()}
    kept = {name: np.ascontiguousarray(value) for name, value in arrays.items() if value is not None}
    return safetensors.numpy.save(kept)


def family_task(record: TaskRecord, *, title: str) -> Task:
    """Return a task that its family makes; raises ModelError.

    Args:
        record: what a model.json says of the task.
        title: what messages call the file.
    """
    try:
        return registry.family(record.family).task(record.name, record.options)
    except ScrubkitError as error:
        raise ModelError([f"task: {fault}" for fault in error.faults], title=title) from None


def read_task(record: TaskRecord, data: bytes, *, title: str) -> Task:
    """Return a task from its record and its rows.

    Args:
        record: what a model.json says of the task.
        data: bytes of the file with its rows.
        title: what messages call the file.

    Raises:
        ModelError: the rows are not whole, or not those of the record.
    """
    _require_few(data, title)
    try:
        arrays = safetensors.numpy.load(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"not a complete safetensors file: {error}", title=title) from None
    options = dict(record.options)
    names = options.pop("variables", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ModelError(f"variables must be a list of names, found {names!r:.80}", title=title)
    expected = {"tokens", *(f"{_COLUMN}{name}" for name in names)}
    faults = [f"missing rows {name!r:.80}" for name in sorted(expected - arrays.keys())]
    faults += [
        f"unknown rows {name!r:.80}" for name in sorted(arrays.keys() - expected - {"labels", "weights"})
    ]
    unknown = options.keys() - {"answer", "constants", "d_vocab", "d_vocab_out"}
    faults += [f"unknown option of the task {key!r:.80}" for key in sorted(unknown)]
    faults += _option_faults(options)
    if faults:
        raise ModelError(faults, title=title)
    try:
        task = Task(
            record.name,
            tokens=arrays["tokens"],
            labels=arrays.get("labels"),
            weights=arrays.get("weights"),
            variables={name: arrays[f"{_COLUMN}{name}"] for name in names},
            **options,
        )
    except ScrubkitError as error:
        raise ModelError(error.faults, title=title) from None
    if task.hash != record.hash:
        raise ModelError(
            f"the rows hash to {task.hash[:12]}..., the record says {record.hash[:12]!r}...; the files are "
            "not of one model, or one was changed",
            title=title,
        )
    return task


def _require_few(data: bytes, title: str) -> None:
    """Refuse rows that would take gigabytes, from the header alone; raises ModelError."""
    size = int.from_bytes(data[:8], "little")
    if size > MAX_HEADER:
        raise ModelError(
            f"not a complete safetensors file: a header of {size:,} bytes, at most {MAX_HEADER:,} are read",
            title=title,
        )
    try:
        header = parse_json(data[8 : 8 + size], MAX_VALUES, error=ModelError, title=title)
    except ModelError as error:
        raise ModelError(f"not a complete safetensors file: {error.faults[0]}", title=title) from None
    listed = header.values() if isinstance(header, dict) else ()
    shapes = [one.get("shape") for one in listed if isinstance(one, dict)]
    whole = [shape for shape in shapes if isinstance(shape, list) and all(isinstance(n, int) for n in shape)]
    count = sum(math.prod(shape) for shape in whole)
    if count > MAX_NUMBERS:
        raise ModelError(
            f"holds {count:,} numbers, more than the {MAX_NUMBERS:,} that are read; sample the rows",
            title=title,
        )


def _option_faults(options: Mapping[str, object]) -> list[str]:
    """Return what is of a wrong type, before the task judges the values."""
    answer, constants = options.get("answer", []), options.get("constants", {})
    faults = []
    if not isinstance(answer, list) or not all(isinstance(i, int) for i in answer):
        faults.append(f"answer must be a list of positions, found {answer!r:.80}")
    if not isinstance(constants, dict) or any(
        isinstance(x, float) and not math.isfinite(x) for x in constants.values()
    ):
        faults.append(f"constants must be numbers by name, found {constants!r:.80}")
    return faults
