"""The ``scrubkit pose`` and ``scrubkit grade`` commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scrubkit.errors import BenchError

if TYPE_CHECKING:
    from rich.table import Table

    from scrubkit.harness.pose import Grade, Grades

WIDTH = 100
"""Width of the table where the output is no terminal."""


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("pose")(pose)
    app.command("grade")(grade)


def pose(
    out: Annotated[Path, typer.Option(help="Folder to make; its key is written beside it.")],
    suite: Annotated[str, typer.Option(help="Name of a suite, or a manifest file.")] = "fast",
    held_out: Annotated[
        int | None, typer.Option(min=1, help="Use models of a fresh suite of the kind, made from this seed.")
    ] = None,
    models: Annotated[
        int | None, typer.Option(min=1, help="How many models are asked about; by default all.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides which models, and their order.")] = 0,
    jobs: Annotated[int, typer.Option(min=1, max=1024, help="Models trained at a time, if any are.")] = 1,
) -> None:
    """Lay models out without their truth, for writers of hypotheses: people, or agents.

    The folder says what to write and where. Keep the key to yourself: it says what each model is.
    """
    from rich.console import Console

    from scrubkit.bench.manifest import Suite
    from scrubkit.bench.suites import held_out as fresh_suite
    from scrubkit.cli.progress import shown_progress
    from scrubkit.harness.pose import key_path
    from scrubkit.harness.pose import pose as lay_out
    from scrubkit.harness.run import find_suite

    err = Console(stderr=True, emoji=False)
    with shown_progress(err, "making the suite") as progress:
        making = {"jobs": jobs, "progress": progress}
        chosen = find_suite(suite, **making) if held_out is None else fresh_suite(suite, held_out, **making)
    if not isinstance(chosen, Suite):
        raise BenchError("a suite in shards cannot be posed; name a suite, or a manifest file", title=suite)
    with shown_progress(err, "writing the models") as progress:
        key = lay_out(chosen, out, models=models, seed=seed, tell=progress)
    typer.echo(f"{len(key.questions)} questions written to {out}; their key is {key_path(out)}")


def grade(
    folder: Annotated[Path, typer.Argument(help="Folder that pose made, with answers in it.")],
    key: Annotated[Path | None, typer.Option(help="The key; by default FOLDER.key.json beside it.")] = None,
    json: Annotated[
        Path | None, typer.Option("--json", help="Write the grades as JSON; - is standard output.")
    ] = None,
    no_code: Annotated[
        bool, typer.Option("--no-code", help="Refuse answers in Python; JSON files run no code.")
    ] = False,
) -> None:
    """Grade the hypothesis files that were written in answer to the questions of a folder.

    Exit code 0: graded, whatever the grades. 2: bad input.
    """
    from rich.console import Console

    from scrubkit.cli.progress import shown_progress
    from scrubkit.harness.pose import grade as grade_all
    from scrubkit.harness.pose import key_path, read_key
    from scrubkit.report.place import STDOUT, place_fault, write_report

    if json is not None and (fault := place_fault(json)):
        raise BenchError(f"--json {json} {fault}")
    known = read_key(key_path(folder) if key is None else key)
    with shown_progress(Console(stderr=True, emoji=False), "grading") as progress:
        grades = grade_all(folder, known, allow_code=not no_code, tell=progress)
    if json is not None:
        write_report(json, grades.model_dump_json(indent=1) + "\n")
    aside = json == STDOUT
    console = Console(emoji=False, stderr=aside)
    console = console if console.is_terminal else Console(emoji=False, stderr=aside, width=WIDTH)
    console.print(_table(grades))
    console.print(f"true: {grades.true}; match, where true: mean {grades.overall:.3f}", highlight=False)


def _table(grades: Grades) -> Table:
    from rich.table import Table
    from rich.text import Text

    from scrubkit.report.plain import plain

    table = Table(title=f"{len(grades.grades)} questions", title_justify="left")
    for name in ("question", "answer", "label", "match", "why"):
        table.add_column(name, overflow="fold", justify="right" if name == "match" else "left")
    for one in grades.grades:
        shown = "-" if one.overall is None else f"{one.overall:.2f}"
        why = "; ".join(one.failed[:2])
        table.add_row(one.question, Text(plain(one.file or one.state)), _label(one), shown, Text(plain(why)))
    return table


def _label(one: Grade) -> str:
    if one.label is None:
        return one.state
    source = "" if one.source is None or one.source == one.label else f" (source: {one.source})"
    return f"{one.label}, {one.stratum}{source}" if one.stratum else f"{one.label}{source}"
