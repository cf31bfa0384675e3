"""The ``scrubkit`` command. Each group of commands is a module; torch is imported inside commands only."""

from __future__ import annotations

import sys
import traceback
from typing import Annotated, Any, cast

import typer
from rich.console import Console
from typer.rich_utils import rich_format_error

from scrubkit.cli import (
    certify,
    check,
    circuits,
    compile_,
    explain,
    import_,
    leaderboard,
    make_suite,
    pose,
    programs,
    results,
    schemas,
    score,
    tasks,
    timeline,
    train,
    train_program,
    validate,
)
from scrubkit.errors import ScrubkitError
from scrubkit.version import __version__

INTERRUPTED = 130
"""Exit code after Ctrl-C."""
REFUSED = 2
"""Exit code of bad input."""
INTERNAL = 3
"""Exit code of an error of scrubkit's own."""

app = typer.Typer(
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
for module in (
    check,
    score,
    explain,
    train,
    train_program,
    timeline,
    compile_,
    tasks,
    programs,
    certify,
    import_,
    leaderboard,
    circuits,
    make_suite,
    validate,
    leaderboard,
    pose,
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


def main() -> None:
    """Run the command line.

    A ScrubkitError becomes one message and exit code 2, an interruption 130. Whatever else goes wrong is an
    error of scrubkit's own: its traceback, and exit code 3, which no judgement of a hypothesis or method has.
    """
    try:
        # Not standalone: there an internal error and a closed pipe would end with 1, as a missed limit does.
        code = app(standalone_mode=False)
    except SystemExit as end:
        # What commands end with is returned; Typer itself leaves like this where a pipe was closed.
        code = INTERNAL if end.code == 1 else end.code
    except (typer.Abort, KeyboardInterrupt):
        typer.echo("interrupted", err=True)
        code = INTERRUPTED
    except ScrubkitError as error:
        _show_error(f"error: {error}")
        code = REFUSED
    except Exception as error:
        if hasattr(error, "format_message"):  # a fault in the arguments, of whichever click Typer brings
            rich_format_error(cast(Any, error))
            code = REFUSED
        else:
            traceback.print_exc()
            _show_error(f"this is an error of scrubkit's own: {type(error).__name__}; please report it")
            code = INTERNAL
    sys.exit(code if isinstance(code, int) else 0)


def _show_error(text: str) -> None:
    from scrubkit.report.plain import plain

    Console(stderr=True, emoji=False).print(
        plain(text), style="red", markup=False, highlight=False, soft_wrap=True
    )
