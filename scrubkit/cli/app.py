"""The ``scrubkit`` command. Each group of commands is a module; torch is imported inside commands only."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from scrubkit.cli import certify, compile_, import_, schemas, train
from scrubkit.errors import ScrubkitError

app = typer.Typer(
    help="Test interpretability methods against models whose algorithm is known.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for module in (train, compile_, certify, import_, schemas):
    module.register(app)


def main() -> None:
    """Run the command line; a ScrubkitError becomes one message and exit code 2."""
    try:
        app()
    except ScrubkitError as error:
        Console(stderr=True).print(f"error: {error}", style="red", markup=False, highlight=False)
        sys.exit(2)
