"""Where a report is to be written: found wanting before the work, not after it."""

from __future__ import annotations

import os
from pathlib import Path


def place_fault(path: Path) -> str:
    """Say why a file could not be written; the empty string if it can. Missing folders can be made."""
    if path.is_dir():
        return "is a folder; name a file"
    there = path if path.exists() else next(p for p in path.resolve().parents if p.exists())
    if there != path and not there.is_dir():
        return f"cannot be written: {there} is no folder"
    if not os.access(there, os.W_OK):
        return f"cannot be written: permission denied in {there}"
    return ""


def write_report(path: Path, text: str) -> None:
    """Write a report, and the folders that it lies in; raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
