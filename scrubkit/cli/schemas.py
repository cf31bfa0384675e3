"""The ``scrubkit schemas`` command: JSON Schemas of the files that scrubkit writes."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Annotated

import typer

from scrubkit.errors import ScrubkitError

RECORDS = {
    "baseline": "scrubkit.harness.baseline:Baseline",
    "explanation": "scrubkit.scrubbing.explain:Explanation",
    "hypothesis": "scrubkit.hypothesis:HypothesisFile",
    "model": "scrubkit.models.record:ModelRecord",
    "report": "scrubkit.harness.report:Report",
    "score": "scrubkit.scrubbing.score:Score",
    "scores": "scrubkit.cli.score_file:ScoreFile",
    "timeline": "scrubkit.trajectories.timeline:Timeline",
}
"""File name of each schema, and the pydantic model that it describes."""

PUBLISHED = Path(__file__).parent.parent / "schemas"
"""Folder of the schemas that come with the package."""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("schemas")(schemas)


def schemas(out: Annotated[Path, typer.Option(help="Folder to write to.")]) -> None:
    """Write the JSON Schemas of scrubkit's files."""
    texts = {out / f"{name}.schema.json": schema_text(name) for name in RECORDS}
    try:
        out.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            path.write_text(text)
    except OSError as error:
        raise ScrubkitError(f"cannot be written: {error.strerror}; name a folder", title=str(out)) from None
    typer.echo(f"{len(texts)} schemas written to {out}")


def schema_text(name: str) -> str:
    """Return the text of one schema's file."""
    module, record = RECORDS[name].split(":")
    schema = getattr(importlib.import_module(module), record).model_json_schema()
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"
