"""The ``scrubkit make-suite`` command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scrubkit.errors import BenchError, nearest


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("make-suite")(make_suite)


def make_suite(
    family: Annotated[str, typer.Argument(help="What the suite is about: programs.")],
    out: Annotated[Path, typer.Option(help="Folder to write to; one that was begun is gone on with.")],
    programs: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many; a multiple of 8.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, max=999_999, help="Decides the programs.")] = 0,
    jobs: Annotated[int, typer.Option(min=1, max=1024, help="Processes.")] = 1,
) -> None:
    """Make a suite of any size, in shards that ``scrubkit validate --suite FOLDER`` reads one by one.

    A making that was killed goes on with the same command.
    """
    if family != "programs":
        raise BenchError(
            f"no suites of {family!r} are made{nearest(family, ['programs'])}; there is: programs"
        )
    import time

    from rich.console import Console

    from scrubkit.cli.progress import shown_progress
    from scrubkit.families.programs.suites.stream import stream

    began = time.monotonic()
    with shown_progress(Console(stderr=True, emoji=False), "making the suite") as progress:
        made = stream(out, seed=seed, programs=programs, jobs=jobs, progress=progress)
    seconds = time.monotonic() - began
    counts = f"{made.listed.models:,} programs, {made.n_cases:,} cases in {len(made.listed.cases):,} shards"
    typer.echo(f"{counts}, in {seconds:.0f} s; written to {out}")
