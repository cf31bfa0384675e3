"""Models on disk: a folder with ``weights.safetensors`` and ``model.json``.

The JSON is a `ModelRecord`; its ``weights_hash`` ties it to the weights. A task of no family has its rows in
``task.safetensors``, tied to the record by their hash. Reading checks everything before it returns anything,
so a model is either the one that was saved or a `ModelError`. No file is ever unpickled.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from torch import Tensor

from scrubkit import registry
from scrubkit.core.reading import parse_json, read_bytes, require_file, text_fault, validation_faults
from scrubkit.core.task import Task
from scrubkit.errors import ModelError, ScrubkitError
from scrubkit.models.atomic import beside, os_errors, sync_folder, write_atomically, write_synced
from scrubkit.models.config import ModelConfig
from scrubkit.models.family import Family
from scrubkit.models.model import Model, require_model, size_faults
from scrubkit.models.record import SCHEMA_VERSION, Certificate, ModelRecord, Truth
from scrubkit.models.task_file import MAX_TASK_BYTES, TASK, describe_task, family_task, read_task, task_rows
from scrubkit.models.versions import upgrade
from scrubkit.models.weights import Weights, from_mapping

WEIGHTS = "weights.safetensors"
RECORD = "model.json"

MAX_RECORD_BYTES = 32 * 2**20
"""Largest model.json that is read; the largest of ours are about a hundredth of it."""

MAX_RECORD_VALUES = 500_000
"""Most values in it; those of ours have some thousands."""

HEADER_BYTES = 2**20
"""Room for the header of a safetensors file, beside its numbers."""


def save(model: Model, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a model as a folder.

    A new folder appears whole, by one rename. In a folder that is already there each file is replaced whole,
    the record last; other files in it are left alone.

    Args:
        model: what to write; its weights are stored as float32.
        path: the folder.
        overwrite: replace a model that is already there.

    Returns:
        The folder.

    Raises:
        ModelError: there is a model already, the weights do not fit the configuration or are not finite, or
            the folder cannot be written.
    """
    require_model(model)
    folder = Path(path)
    if fault := text_fault("name", model.name):
        raise ModelError(fault, title=str(folder))
    weights = from_mapping(model.weights.named(), model.config, title=f"model {model.name!r}")
    rows = task_rows(model.task)
    files = {
        WEIGHTS: safetensors.torch.save({k: v.cpu().contiguous() for k, v in weights.named().items()}),
        **({} if rows is None else {TASK: rows}),
        RECORD: to_json(describe(model)),
    }
    with os_errors(folder):
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            _write_folder(folder, files)
            return folder
        if not folder.is_dir():
            raise ModelError("is a file; a model is saved as a folder", title=str(folder))
        present = [name for name in files if (folder / name).exists()]
    if present and not overwrite:
        raise ModelError(
            f"already holds {' and '.join(present)}; choose another folder or say overwrite (--overwrite)",
            title=str(folder),
        )
    for name, data in files.items():
        write_atomically(folder / name, data)
    return folder


def read(path: str | Path, *, links_within: Path | None = None) -> Model:
    """Read a model that `save` wrote.

    Args:
        path: the folder.
        links_within: where symbolic links may lead, the folder itself by default. A hub's download cache
            keeps its files elsewhere and links to them.

    Returns:
        The model.

    Raises:
        ModelError: with every fault found: a file that is missing, too large, truncated or leads out of
            the folder; a record that is not valid or from a newer version; tensors that are missing,
            unknown, misshapen or not finite; weights that do not match the recorded hash.
    """
    folder = Path(path)
    home = links_within or folder
    record = read_record(folder, links_within=links_within)
    path = folder / TASK
    rows = lambda: _bytes(path, home, MAX_TASK_BYTES)  # noqa: E731
    task = _task(record, rows, str(folder / RECORD), str(path))
    weights_path = folder / WEIGHTS
    data = _bytes(weights_path, home, _largest(record.config))
    weights = _weights(data, record.config, title=str(weights_path))
    return _whole(record, task, weights, title=str(folder))


def model_parts(model: Model) -> tuple[str, dict[str, Tensor]]:
    """Return a model as a record, in JSON, and tensors: what `save` writes, for a file that holds several.

    Returns:
        The record; the weights by full name, and the rows of the task under ``task/`` and their name.
    """
    tensors = {k: v.detach().to("cpu", torch.float32).contiguous() for k, v in model.weights.named().items()}
    rows = task_rows(model.task)
    if rows is not None:
        tensors |= {f"{_ROWS}{name}": value for name, value in safetensors.torch.load(rows).items()}
    return describe(model).model_dump_json(), tensors


def model_from_parts(record: str, tensors: Mapping[str, Tensor], *, title: str) -> Model:
    """Return the model that `model_parts` took apart; raises ModelError as `read` does.

    Args:
        record: the model.json.
        tensors: weights by name.
        title: what messages call the model.
    """
    if len(record) > MAX_RECORD_BYTES:
        raise ModelError(f"a record of {len(record):,} characters", title=title)
    known = parse_record(record.encode(), title=title)
    rows = {name.removeprefix(_ROWS): value for name, value in tensors.items() if name.startswith(_ROWS)}
    task = _task(known, lambda: safetensors.torch.save(rows), title, title)
    held = {name: value for name, value in tensors.items() if not name.startswith(_ROWS)}
    return _whole(known, task, from_mapping(held, known.config, title=title), title=title)


_ROWS = "task/"


def _whole(record: ModelRecord, task: Task, weights: Weights, *, title: str) -> Model:
    """Return the model of a record, after checking that the weights are those that it is about."""
    found = weights.digest(record.config.behaviour)
    if found != record.weights_hash:
        raise ModelError(
            f"the weights hash to {found[:12]}..., {RECORD} says {record.weights_hash[:12]}...; "
            "the two files are not of one model, or one was changed",
            title=title,
        )
    return Model(
        name=record.name,
        task=task,
        config=record.config,
        weights=weights,
        provenance=record.provenance,
        truth=record.truth,
        certificate=record.certificate,
    )


def read_record(folder: Path, *, links_within: Path | None = None) -> ModelRecord:
    """Read the record of a stored model, and not its weights; raises ModelError as `read` does.

    Args:
        folder: where the model is.
        links_within: where symbolic links may lead, the folder itself by default.

    Returns:
        The record.
    """
    path = folder / RECORD
    return parse_record(_bytes(path, links_within or folder, MAX_RECORD_BYTES), title=str(path))


def describe(model: Model) -> ModelRecord:
    """Return the record that is stored beside a model's weights."""
    return ModelRecord(
        name=model.name,
        task=describe_task(model.task),
        config=model.config,
        provenance=model.provenance,
        truth=model.truth,
        certificate=model.certificate,
        weights_hash=model.weights_hash,
    )


def to_json(record: ModelRecord) -> bytes:
    """Return a record as the text of its file."""
    return (record.model_dump_json(indent=1) + "\n").encode()


def parse_record(data: bytes, *, title: str) -> ModelRecord:
    """Return the record in the bytes of a model.json; the version is judged before anything else.

    Args:
        data: the bytes.
        title: what messages call the file.

    Raises:
        ModelError: not JSON, a future version, or keys and values that the record does not allow.
    """
    document = parse_json(data, MAX_RECORD_VALUES, error=ModelError, title=title)
    version = document.get("schema_version") if isinstance(document, dict) else None
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise ModelError(f"schema_version must be a whole number from 1, found {version!r:.80}", title=title)
    if version > SCHEMA_VERSION:
        raise ModelError(
            f"schema version {version} is from a newer scrubkit and this one reads up to {SCHEMA_VERSION}; "
            "upgrade scrubkit",
            title=title,
        )
    document = upgrade(document, version)
    faults: list[str] = []
    known = {
        key: _known(key, document[key], faults)
        for key in ("truth", "certificate")
        if isinstance(document.get(key), dict)
    }
    try:
        record = ModelRecord.model_validate({**document, **known})
    except ValidationError as error:
        raise ModelError([*validation_faults(error), *faults], title=title) from None
    if faults:
        raise ModelError(faults, title=title)
    return record


def _known(key: str, value: dict[str, Any], faults: list[str]) -> Truth | Certificate | None:
    """Return a truth or certificate as its family's type, None with its faults added if it is not valid."""
    name = value.get("family", "")
    try:
        family = registry.family(name) if name else Family()
        kind = family.truth_type if key == "truth" else family.certificate_type
        return kind.model_validate(value)
    except ValidationError as error:
        faults += [f"{key}.{fault}" for fault in validation_faults(error)]
    except ScrubkitError as error:
        faults += [f"{key}.family: {fault}" for fault in error.faults]
    return None


def _task(record: ModelRecord, rows: Callable[[], bytes], title: str, rows_title: str) -> Task:
    """Return the task of a record, after checking that all that the record says is of one model."""
    if record.task.family:
        task = family_task(record.task, title=title)
    else:
        task = read_task(record.task, rows(), title=rows_title)
    truth, certificate = record.truth, record.certificate
    faults = _basis_faults(truth, record.config) if truth else []
    if record.task.family:
        faults += registry.family(record.task.family).faults(record.config, task, truth, certificate)
        for what, known in (("truth", truth), ("certificate", certificate)):
            if known is not None and known.family not in ("", record.task.family):
                faults.append(f"{what}.family is {known.family!r}, the task's is {record.task.family!r}")
    faults = faults or size_faults(record.config, task)
    if certificate and certificate.weights_hash not in ("", record.weights_hash):
        faults.append("the certificate is of other weights: its weights_hash differs from the model's")
    if faults:
        raise ModelError(faults, title=title)
    return task


def _basis_faults(truth: Truth, config: ModelConfig) -> list[str]:
    """Return which subspaces are no bases of anything in a model of this shape."""
    faults = []
    sizes = sorted({config.d_model, config.d_mlp, config.d_head, config.d_vocab_out} - {0})
    for name, rows in truth.subspaces.items():
        widths = {len(row) for row in rows}
        if len(widths) != 1 or 0 in widths or not all(math.isfinite(x) for row in rows for x in row):
            faults.append(f"truth.subspaces[{name[:80]!r}] is no rectangular array of finite numbers")
        elif not widths <= set(sizes):
            faults.append(
                f"truth.subspaces[{name[:80]!r}] has rows of {widths.pop()} numbers, but this model's sites "
                f"have {', '.join(map(str, sizes))}"
            )
    return faults


def _weights(data: bytes, config: ModelConfig, *, title: str) -> Weights:
    if (header := int.from_bytes(data[:8], "little")) > HEADER_BYTES:
        raise ModelError(
            f"not a complete safetensors file: a header of {header:,} bytes, at most {HEADER_BYTES:,} are "
            "read",
            title=title,
        )
    try:
        tensors = safetensors.torch.load(data)
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ModelError(f"not a complete safetensors file: {error}", title=title) from None
    return from_mapping(tensors, config, title=title)


def _largest(config: ModelConfig) -> int:
    return 8 * config.n_parameters + HEADER_BYTES


def _bytes(path: Path, home: Path, largest: int) -> bytes:
    with os_errors(path):
        if not path.parent.is_dir():
            raise ModelError("no such folder", title=str(path.parent))
        missing = f"a model's folder holds {RECORD} and {WEIGHTS}; this one is missing"
        require_file(path, error=ModelError, missing=missing)
        if not path.resolve().is_relative_to(home.resolve()):
            raise ModelError(
                "is a link that leads out of the model's folder; it is not followed", title=str(path)
            )
    return read_bytes(path, largest, error=ModelError, missing=missing)


def _write_folder(folder: Path, files: dict[str, bytes]) -> None:
    temporary = beside(folder)
    temporary.mkdir()
    try:
        for name, data in files.items():
            write_synced(temporary / name, data)
        sync_folder(temporary)
        os.rename(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    sync_folder(folder.parent)
