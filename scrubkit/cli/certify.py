"""The ``scrubkit certify`` command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scrubkit.cli.score import require_places, wide_console, write_text
from scrubkit.errors import ModelError


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("certify")(certify)


def certify(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="Bundled name, directory, file or hf://owner/name.")],
    json: Annotated[
        Path | None,
        typer.Option("--json", help="Write the certificate to this file as JSON; - is standard output."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Write spectra, clusters, attention and every figure as one page."),
    ] = None,
    save: Annotated[
        bool, typer.Option("--save", help="Store certificate and measured truth in the model's folder.")
    ] = False,
) -> None:
    """Measure a model and judge whether it runs the Fourier algorithm.

    Exit code 0: certified. 1: not certified, with the reasons. 2: the model could not be read or stored.
    """
    from scrubkit.cli.certificate_table import certificate_table, verdict
    from scrubkit.cli.command import command_line
    from scrubkit.families.modular.certify.certificate import with_certificate
    from scrubkit.families.modular.truth import ModularCertificate
    from scrubkit.models.load import load
    from scrubkit.models.store import save as store

    require_places({"--json": json, "--html": html})
    folder = _folder(model) if save else None
    measured = with_certificate(load(model))
    certificate = measured.certificate
    assert isinstance(certificate, ModularCertificate)
    if folder is not None:
        store(measured, folder, overwrite=True)
    if json is not None:
        write_text(json, certificate.model_dump_json(indent=2) + "\n")
    if html is not None:
        from scrubkit.report.certificate_page import certificate_page

        write_text(html, certificate_page(certificate, model=measured, command=command_line(context)))
    console = wide_console(json)
    console.print(certificate_table(certificate, measured.name))
    console.print(verdict(certificate))
    if folder is not None:
        console.print(f"stored in {folder}", markup=False, highlight=False)
    raise typer.Exit(0 if certificate.certified else 1)


def _folder(model: str) -> Path:
    """Return the folder of a stored model; raises ModelError where a certificate has none to go to."""
    from scrubkit.families.modular.catalogue import CATALOGUE
    from scrubkit.models.load import bundled_names

    fault = None
    if model in bundled_names() or model in CATALOGUE:
        fault = f"{model} comes with the package and stays as it is; --save is for a folder of your own"
    elif not Path(model).is_dir():
        fault = f"{model} is not a folder; import the model into one, or save it, and certify the folder"
    if fault:
        raise ModelError(fault, title="scrubkit certify --save")
    return Path(model)
