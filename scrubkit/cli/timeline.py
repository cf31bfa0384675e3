"""The ``scrubkit timeline`` command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scrubkit.cli.score import read_draws, require_places, wide_console, write_text
from scrubkit.errors import HypothesisError, TrainingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("timeline")(timeline)


def timeline(
    context: typer.Context,
    run: Annotated[
        Path, typer.Argument(help="Folder of a run that train --trajectory made, or of runs seed-N.")
    ],
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Hypothesis files, folders of them, or names of shipped ones."),
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write figure and tables as one page.")] = None,
    json: Annotated[
        Path | None,
        typer.Option("--json", help="Write every figure to this file as JSON; - is standard output."),
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(help="Of a folder of runs, take these: 0-9 or 0,3,8-11.")
    ] = None,
    p: Annotated[
        int | None,
        typer.Option("--p", help="With --seeds: train those that are not there, mod p."),
    ] = None,
    task: Annotated[str, typer.Option(help="With --p: the task to train.")] = "modular_addition",
    recipe: Annotated[str, typer.Option(help="With --p: fast or paper.")] = "fast",
    trajectory: Annotated[int, typer.Option(min=2, help="With --p: models to keep of each run.")] = 40,
    draws: Annotated[str, typer.Option(help='Passes over all inputs, or "auto".')] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of all draws.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    no_code: Annotated[
        bool, typer.Option("--no-code", help="Refuse .py files; JSON files run no code.")
    ] = False,
) -> None:
    """Watch a circuit form: losses, progress measures and scores of hypotheses along training runs.

    Hypotheses are about each run's last model and are asked of every model before it. Exit code 0: done. 2: a
    run has no trajectory or no certificate, or a hypothesis does not fit it.
    """
    passes = read_draws(draws)
    require_places({"--json": json, "--html": html})

    from rich.console import Console

    from scrubkit.cli.command import command_line
    from scrubkit.cli.progress import shown_progress
    from scrubkit.cli.train import parse_seeds
    from scrubkit.hypothesis import find_hypotheses
    from scrubkit.trajectories.page import page
    from scrubkit.trajectories.signs import sign_rows
    from scrubkit.trajectories.watch import timeline as watch

    files = find_hypotheses(paths or [])
    if code := [str(file) for file in files if no_code and file.suffix == ".py"]:
        raise HypothesisError([f"{file} is Python code, which --no-code refuses" for file in code])
    chosen = None if seeds is None else parse_seeds(seeds)
    if p is not None:
        _train_missing(run, chosen, task, p, {"recipe": recipe, "trajectory": trajectory})
    with shown_progress(Console(stderr=True, emoji=False), "watching") as progress:
        found = watch(
            run,
            files,
            seeds=chosen,
            draws=passes,
            seed=seed,
            device=device,
            progress=progress,
        )
    when = found.rows()
    console = wide_console(json, html)
    console.print(simple_table(list(when[0]), [list(row.values()) for row in when], found.task))
    heads, rows = sign_rows(found)
    if rows:
        console.print(simple_table(heads, rows))
    if json is not None:
        write_text(json, found.model_dump_json(indent=1) + "\n")
    if html is not None:
        write_text(html, page(found, command_line(context)))


def simple_table(heads: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> Table:
    """Return rows of text as a table; nothing in them is read as markup."""
    from rich.table import Table
    from rich.text import Text

    from scrubkit.report.plain import plain

    table = Table(title=Text(plain(title)) if title else None, title_justify="left")
    for head in heads:
        table.add_column(Text(plain(head)), overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    return table


def _train_missing(run: Path, seeds: list[int] | None, task: str, p: int, options: dict[str, Any]) -> None:
    """Train the runs that are not there yet; raises TrainingError where no seeds are named."""
    from rich.console import Console

    from scrubkit.cli.train import train_and_certify
    from scrubkit.models.store import RECORD

    if seeds is None:
        raise TrainingError("--p trains the runs that --seeds names; give --seeds 0-9 as well")
    missing = [seed for seed in seeds if not (run / f"seed-{seed}" / RECORD).exists()]
    if missing:
        train_and_certify(task, p, 0, missing, run, options, Console(stderr=True, emoji=False))
