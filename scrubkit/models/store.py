"""Models on disk: a folder with ``weights.safetensors`` and ``model.json``.

The JSON is a `ModelRecord`; its ``weights_hash`` ties it to the weights. Reading checks everything before it
returns anything, so a model is either the one that was saved or a `ModelError`. No file is ever unpickled.
"""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path

import safetensors.torch
from pydantic import ValidationError
from safetensors import SafetensorError

from scrubkit.core.reading import parse_json, read_bytes, require_file, text_fault, validation_faults
from scrubkit.core.task import Task
from scrubkit.errors import ModelError, ScrubkitError
from scrubkit.families.modular.sound import certificate_faults, truth_faults
from scrubkit.models.atomic import beside, os_errors, sync_folder, write_atomically, write_synced
from scrubkit.models.model import Model, require_model
from scrubkit.models.record import SCHEMA_VERSION, ModelConfig, ModelRecord, TaskRecord
from scrubkit.models.weights import Weights, from_mapping, shapes

WEIGHTS = "weights.safetensors"
RECORD = "model.json"

MAX_RECORD_BYTES = 32 * 2**20
"""Largest model.json that is read; the largest of ours are about a hundredth of it."""

MAX_RECORD_VALUES = 500_000
"""Most values in it; those of ours have some thousands."""

MAX_NUMBERS = 2**26
"""Most numbers in a model's weights: a quarter of a gigabyte as float32."""

HEADER_BYTES = 2**20
"""Room for the header of a safetensors file, beside its numbers."""


def save(model: Model, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a model as a folder.

    A new folder appears whole, by one rename. In a folder that is already there each of the two files is
    replaced whole, the record last; other files in it are left alone.

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
    files = {
        WEIGHTS: safetensors.torch.save({k: v.cpu().contiguous() for k, v in weights.named().items()}),
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

    Raises:
        ModelError: with every fault found: a file that is missing, too large, truncated or leads out of
            the folder; a record that is not valid or from a newer version; tensors that are missing,
            unknown, misshapen or not finite; weights that do not match the recorded hash.
    """
    folder = Path(path)
    home = links_within or folder
    record = read_record(folder, links_within=links_within)
    task = _task(record, title=str(folder / RECORD))
    weights_path = folder / WEIGHTS
    data = _bytes(weights_path, home, _largest(record.config, title=str(folder / RECORD)))
    weights = _weights(data, record.config, title=str(weights_path))
    found = weights.digest()
    if found != record.weights_hash:
        raise ModelError(
            f"the weights hash to {found[:12]}..., {RECORD} says {record.weights_hash[:12]}...; "
            "the two files are not of one model, or one was changed",
            title=str(folder),
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
    """Read the record of a stored model, and not its weights; raises ModelError as `read` does."""
    path = folder / RECORD
    return parse_record(_bytes(path, links_within or folder, MAX_RECORD_BYTES), title=str(path))


def describe(model: Model) -> ModelRecord:
    """Return the record that is stored beside a model's weights."""
    return ModelRecord(
        name=model.name,
        task=TaskRecord(name=model.task.name, p=model.task.p, equals=model.task.equals),
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
    try:
        return ModelRecord.model_validate_json(data)
    except ValidationError as error:
        raise ModelError(validation_faults(error), title=title) from None


def _task(record: ModelRecord, *, title: str) -> Task:
    try:
        task = record.task.build()
    except ScrubkitError as error:
        raise ModelError(error.faults, title=title) from None
    config, faults = record.config, []
    for field in ("d_vocab", "d_vocab_out", "n_ctx"):
        found, expected = getattr(config, field), getattr(task, field)
        if found != expected:
            faults.append(f"config.{field} is {found}, but {task.name} mod {task.p} has {expected}")
    if record.truth:
        faults += truth_faults(record.truth, config, task)
    if record.certificate:
        faults += certificate_faults(record.certificate, config, task)
    if record.certificate and record.certificate.weights_hash not in ("", record.weights_hash):
        faults.append("the certificate is of other weights: its weights_hash differs from the model's")
    if faults:
        raise ModelError(faults, title=title)
    return task


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


def _largest(config: ModelConfig, *, title: str) -> int:
    count = sum(math.prod(shape) for shape in shapes(config).values())
    if count > MAX_NUMBERS:
        raise ModelError(
            f"config: its sizes make {count:,} numbers, more than the {MAX_NUMBERS:,} that a model may have",
            title=title,
        )
    return 8 * count + HEADER_BYTES


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
