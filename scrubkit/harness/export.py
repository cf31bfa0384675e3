"""Stored answers as flat rows, in a file that other tools read."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scrubkit.errors import BenchError, ModelError
from scrubkit.harness.outcome import Outcome
from scrubkit.harness.store import Stored
from scrubkit.models.atomic import write_atomically


def write_rows(rows: Sequence[Stored], path: Path) -> None:
    """Write rows as JSON Lines, or as Parquet if the name ends in ``.parquet``.

    Raises:
        BenchError: the extra is not installed, or the file cannot be written.
    """
    flat = [flatten(row) for row in rows]
    try:
        if path.suffix == ".parquet":
            _write_parquet(flat, path)
        else:
            write_atomically(path, "".join(json.dumps(row) + "\n" for row in flat).encode())
    except ModelError as error:
        raise BenchError(f"cannot be written: {error.faults[0]}", title=str(path)) from None


def flatten(row: Stored) -> dict[str, Any]:
    """Return a row of plain values; a finder's importances are JSON text."""
    answer = row.answer
    flat: dict[str, Any] = row.model_dump(mode="json", exclude={"answer", "cases"})
    flat["cases"] = " ".join(row.cases)
    flat["question"] = answer.key
    flat["kind"] = "score" if isinstance(answer, Outcome) else "find"
    for name in ("score", "low", "high", "verdict", "evaluations", "seconds", "device"):
        flat[name] = getattr(answer, name, None)
    flat["fault"] = answer.fault.kind if answer.fault else None
    flat["detail"] = answer.fault.detail if answer.fault else None
    importances = None if isinstance(answer, Outcome) else [answer.sites, answer.edges]
    flat["importances"] = None if importances is None else json.dumps(importances)
    return flat


def _write_parquet(rows: Sequence[dict[str, Any]], path: Path) -> None:
    try:
        arrow = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise BenchError(
            "the extra parquet is not installed: pip install 'scrubkit-interp[parquet]'"
        ) from None
    sink = arrow.BufferOutputStream()
    parquet.write_table(arrow.Table.from_pylist(list(rows)), sink)
    write_atomically(path, sink.getvalue().to_pybytes())
