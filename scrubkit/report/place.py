"""Where a report is to be written: found wanting before the work, not after it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from scrubkit.errors import BenchError, ModelError
from scrubkit.models.atomic import write_atomically

STDOUT = Path("-")
"""Stands for standard output, as in other commands; tables then go to standard error."""


def place_fault(path: Path) -> str:
    """Say why a file could not be written; the empty string if it can. Missing folders can be made."""
    if path == STDOUT:
        return ""
    if path.is_dir():
        return "is a folder; name a file"
    there = path if path.exists() else next(p for p in path.resolve().parents if p.exists())
    if there != path and not there.is_dir():
        return f"cannot be written: {there} is not a folder"
    if not os.access(there, os.W_OK):
        return f"cannot be written: permission denied in {there}"
    return ""


def write_report(path: Path, text: str) -> None:
    """Write a report, and the folders that it lies in; one that was there is replaced whole or not at all.

    The path `STDOUT` writes it to standard output.

    Raises:
        BenchError: it cannot be written; what was there before is unchanged.
    """
    if path == STDOUT:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    data = text.encode("utf-8", "backslashreplace")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            path.write_bytes(data)  # a pipe or a terminal: nothing to replace
        else:
            write_atomically(path.resolve(), data)
    except OSError as error:
        raise BenchError(f"cannot be written: {error.strerror or error}", title=str(path)) from None
    except ModelError as error:
        raise BenchError(f"cannot be written: {error.faults[0]}", title=str(path)) from None
