"""The ``scrubkit certify`` command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scrubkit.errors import ModelError


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("certify")(certify)


def certify(
    model: Annotated[str, typer.Argument(help="Bundled name, directory, file or hf://owner/name.")],
    json: Annotated[
        Path | None, typer.Option("--json", help="Write the certificate to this file as JSON.")
    ] = None,
) -> None:
    """Measure a model and judge whether it runs the Fourier algorithm.

    Exit code 0: certified. 1: not certified, with the reasons. 2: the model could not be read.
    """
    from rich.console import Console

    from scrubkit.cli.certificate_table import certificate_table, verdict
    from scrubkit.families.modular.certify.certificate import certify as measure
    from scrubkit.models.load import load

    loaded = load(model)
    certificate = measure(loaded)
    if json is not None:
        try:
            json.write_text(certificate.model_dump_json(indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise ModelError(f"cannot write {json}: {error.strerror}", title="scrubkit certify") from None
    console = Console(emoji=False)
    console.print(certificate_table(certificate, loaded.name))
    console.print(verdict(certificate))
    raise typer.Exit(0 if certificate.certified else 1)
