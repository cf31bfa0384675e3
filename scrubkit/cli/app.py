"""The ``scrubkit`` command. Each group of commands is a module; torch is imported inside commands only."""

from __future__ import annotations

import os
import sys
import threading
from typing import Annotated

import typer
from rich.console import Console

from scrubkit.cli import (
    certify,
    check,
    circuits,
    compile_,
    explain,
    import_,
    results,
    schemas,
    score,
    train,
    validate,
)
from scrubkit.errors import ScrubkitError
from scrubkit.version import __version__

INTERRUPTED = 130
"""Exit code after Ctrl-C."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for module in (
    check,
    score,
    explain,
    train,
    compile_,
    certify,
    import_,
    circuits,
    validate,
    results,
    schemas,
):
    module.register(app)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"scrubkit {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Test interpretability methods against models whose algorithm is known."""


def _computes() -> bool:
    """Say whether a method was left computing in a thread."""
    timing = sys.modules.get("scrubkit.harness.timing")
    return timing is not None and any(thread.name == timing.THREAD for thread in threading.enumerate())


def main() -> None:
    """Run the command line; a ScrubkitError becomes one message and exit code 2, an interruption 130."""
    try:
        app()
    except SystemExit as end:
        if end.code == INTERRUPTED and _computes():
            # A method that still computes in its thread would abort the interpreter on its way out.
            sys.stderr.flush()
            sys.stdout.flush()
            os._exit(INTERRUPTED)
        raise
    except ScrubkitError as error:
        from scrubkit.report.plain import plain

        Console(stderr=True, emoji=False).print(
            plain(f"error: {error}"), style="red", markup=False, highlight=False, soft_wrap=True
        )
        sys.exit(2)
