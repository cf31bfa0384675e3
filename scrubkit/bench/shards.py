"""Suites too large for memory: a folder of shards, each with its cases and their models.

A shard is three files: ``cases-N.parquet``, a row a case; ``models-N.parquet``, the record of each model; and
``weights-N.safetensors``, the tensors of all of them and the rows of their tasks, each name after the number
of its model in the shard and a slash. The cases are written last, so that a shard with cases is whole, and
``suite.json`` when all shards are there. A shard is read when its turn comes.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import safetensors.torch
from pydantic import Field, ValidationError
from safetensors import SafetensorError

from scrubkit.bench.case import Case, Frozen
from scrubkit.core.reading import parse_json, read_bytes, validation_faults
from scrubkit.errors import BenchError, ModelError
from scrubkit.models.atomic import write_atomically
from scrubkit.models.model import Model
from scrubkit.models.store import model_from_parts, model_parts

SUITE = "suite.json"
MAKING = "making.json"
MAX_BYTES = 2**30
"""Largest file of a shard that is read."""
MAX_RECORD_BYTES, MAX_RECORD_VALUES = 2**26, 5_000_000
MAX_SHARDS = 100_000


class ShardList(Frozen):
    """What ``suite.json`` holds.

    Attributes:
        name: name of the suite.
        version: version of how suites are made.
        seed: seed of its making.
        cases: number of cases of each shard.
        models: number of models in all.
        hashes: SHA-256 of the file of cases of each shard.
    """

    name: str = Field(max_length=100)
    version: str = Field(max_length=20)
    seed: int = 0
    cases: tuple[int, ...] = Field(max_length=MAX_SHARDS)
    models: int
    hashes: tuple[str, ...] = Field(max_length=MAX_SHARDS)


@dataclass(frozen=True)
class Shard:
    """Some cases of a suite, with their models by key of the description."""

    cases: tuple[Case, ...]
    models: Mapping[str, Model]


@dataclass(frozen=True)
class ShardedSuite:
    """A suite that is read shard by shard.

    Attributes:
        folder: where it lies.
        listed: what its ``suite.json`` holds.
    """

    folder: Path
    listed: ShardList

    @classmethod
    def read(cls, folder: Path) -> ShardedSuite:
        """Open a suite; raises BenchError where its list is missing or no such list."""
        path = folder / SUITE
        missing = (
            f"a suite in shards has this file once it is whole; there is only {MAKING}, so make it again"
        )
        hint = missing if (folder / MAKING).is_file() else "a suite in shards has this file; it is missing"
        data = read_bytes(path, MAX_BYTES, error=BenchError, missing=hint)
        parse_json(data, MAX_RECORD_VALUES, error=BenchError, title=str(path))
        try:
            return cls(folder, ShardList.model_validate_json(data))
        except ValidationError as error:
            raise BenchError(validation_faults(error), title=f"{path} is no suite") from None

    @property
    def name(self) -> str:
        """Name of the suite."""
        return self.listed.name

    @property
    def version(self) -> str:
        """Version of how suites are made."""
        return self.listed.version

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the list, and so of all cases."""
        return hashlib.sha256(self.listed.model_dump_json().encode()).hexdigest()

    @property
    def n_cases(self) -> int:
        """Number of cases."""
        return sum(self.listed.cases)

    def shards(self) -> Iterator[Shard]:
        """Yield the shards, each read when it is asked for; raises BenchError where one is not whole."""
        for number, expected in enumerate(self.listed.hashes):
            yield read_shard(self.folder, number, expected)


def paths(folder: Path, number: int) -> tuple[Path, Path, Path]:
    """Return where the cases, models and weights of a shard are.

    Args:
        folder: of the suite.
        number: of the shard.
    """
    return (
        folder / f"cases-{number:05}.parquet",
        folder / f"models-{number:05}.parquet",
        folder / f"weights-{number:05}.safetensors",
    )


def write_shard(folder: Path, number: int, cases: Sequence[Case], models: Mapping[str, Model]) -> None:
    """Write a shard, its cases last.

    Args:
        folder: of the suite.
        number: of the shard.
        cases: what is asked.
        models: the models that they are about, by key of their description.

    Raises:
        BenchError: the extra for Parquet is not installed.
        ModelError: the folder cannot be written.
    """
    at_cases, at_models, at_weights = paths(folder, number)
    tensors: dict[str, Any] = {}
    records = []
    for index, (key, model) in enumerate(models.items()):
        record, held = model_parts(model)
        records.append({"key": key, "record": record})
        tensors |= {f"{index}/{name}": value for name, value in held.items()}
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(at_weights, safetensors.torch.save(tensors))
    write_atomically(at_models, _to_parquet(records))
    write_atomically(at_cases, _to_parquet([_row(case) for case in cases]))


def write_list(folder: Path, *, name: str, version: str, seed: int, shards: int) -> ShardedSuite:
    """Write down that a suite is whole, and return it.

    Args:
        folder: of the suite.
        name: of the suite.
        version: of how it is made.
        seed: decided models and choices.
        shards: how many there are.

    Returns:
        The suite, read from what was written.
    """
    counts, hashes, models = [], [], 0
    for number in range(shards):
        at_cases, at_models, _ = paths(folder, number)
        data = read_bytes(at_cases, MAX_BYTES, error=BenchError)
        counts.append(_count(at_cases))
        models += _count(at_models)
        hashes.append(hashlib.sha256(data).hexdigest())
    listed = ShardList(
        name=name, version=version, seed=seed, cases=tuple(counts), models=models, hashes=tuple(hashes)
    )
    write_atomically(folder / SUITE, (listed.model_dump_json() + "\n").encode())
    return ShardedSuite(folder, listed)


def read_shard(folder: Path, number: int, expected: str = "") -> Shard:
    """Read a shard.

    Args:
        folder: of the suite.
        number: of the shard.
        expected: SHA-256 of its cases; empty for any.

    Returns:
        The cases of the shard, with their models.

    Raises:
        BenchError: a file is missing, too large, damaged, or not the one that the suite lists.
    """
    at_cases, at_models, at_weights = paths(folder, number)
    data = read_bytes(at_cases, MAX_BYTES, error=BenchError)
    if expected and hashlib.sha256(data).hexdigest() != expected:
        raise BenchError(f"is not the file that {SUITE} lists; make the suite again", title=str(at_cases))
    described = read_bytes(at_models, MAX_BYTES, error=BenchError)
    rows = _from_parquet(described, at_models, ("key", "record"))
    tensors = _tensors(at_weights)
    models = {}
    for index, row in enumerate(rows):
        held = tensors.get(str(index), {})
        try:
            title = f"model {index} of {at_models}"
            models[row["key"]] = model_from_parts(row["record"], held, title=title)
        except ModelError as error:
            raise BenchError(error.faults, title=str(at_models)) from None
    cases = tuple(_case(row, at_cases) for row in _from_parquet(data, at_cases, tuple(_COLUMNS)))
    strangers = [
        f"case {case.id} is about no model of the shard" for case in cases if case.model.key not in models
    ]
    if strangers:
        raise BenchError(strangers, title=str(at_cases))
    return Shard(cases, models)


_COLUMNS = ("id", "model", "variant", "family", "operator", "label", "hypothesis", "details")


def _row(case: Case) -> dict[str, str]:
    return {
        "id": case.id,
        "model": case.model.model_dump_json(),
        "variant": case.variant,
        "family": case.family,
        "operator": case.operator,
        "label": case.label.label,
        "hypothesis": json.dumps(case.hypothesis),
        "details": case.label.model_dump_json(),
    }


def _case(row: Mapping[str, Any], path: Path) -> Case:
    try:
        parsed = {key: json.loads(row[key]) for key in ("model", "hypothesis", "details")}
        plain = {key: row[key] for key in ("id", "variant", "family", "operator")}
        return Case.model_validate_json(
            json.dumps(
                {
                    **plain,
                    "model": parsed["model"],
                    "hypothesis": parsed["hypothesis"],
                    "label": parsed["details"],
                }
            )
        )
    except ValidationError as error:
        raise BenchError(validation_faults(error), title=f"a case of {path}") from None
    except (ValueError, TypeError, RecursionError) as error:
        raise BenchError(f"no JSON: {error}", title=f"a case of {path}") from None


def _tensors(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """Return the tensors of each model, by its number in the shard."""
    data = read_bytes(path, MAX_BYTES, error=BenchError)
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    try:
        for name, tensor in safetensors.torch.load(data).items():
            index, _, own = name.partition("/")
            found[index][own] = tensor
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise BenchError(f"not a complete safetensors file: {error}", title=str(path)) from None
    return found


def _arrow() -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise BenchError(
            "suites in shards need the extra parquet: pip install 'scrubkit-interp[parquet]'"
        ) from None


def _to_parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    arrow, parquet = _arrow()
    sink = arrow.BufferOutputStream()
    parquet.write_table(arrow.Table.from_pylist(list(rows)), sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def _count(path: Path) -> int:
    _, parquet = _arrow()
    return parquet.read_metadata(path).num_rows


def _from_parquet(data: bytes, path: Path, columns: Sequence[str]) -> list[dict[str, Any]]:
    arrow, parquet = _arrow()
    try:
        table = parquet.read_table(arrow.BufferReader(data), columns=list(columns))
        if table.column_names != list(columns) or any(
            not arrow.types.is_string(f.type) for f in table.schema
        ):
            raise BenchError(f"its columns must be texts: {', '.join(columns)}", title=str(path))
        if table.nbytes > MAX_BYTES:
            raise BenchError(f"would unpack to {table.nbytes:,} bytes", title=str(path))
        return table.to_pylist()
    except arrow.ArrowException as error:
        raise BenchError(f"not a complete Parquet file: {error}", title=str(path)) from None
