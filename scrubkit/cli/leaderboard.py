"""The ``scrubkit leaderboard`` command."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scrubkit.errors import BenchError

if TYPE_CHECKING:
    from scrubkit.harness.leaderboard import Leaderboard

STORE = "answers.sqlite"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("leaderboard")(leaderboard)


def leaderboard(
    out: Annotated[Path, typer.Option(help="Folder for the tables and the answers.")],
    suites: Annotated[
        str | None,
        typer.Option(help="Draws, with commas between: NAME of a suite, or NAME:SEED for one held out."),
    ] = None,
    methods: Annotated[
        str | None, typer.Option(help="Methods, with commas between; by default all that are built in.")
    ] = None,
    sample: Annotated[
        int, typer.Option(min=10, help="Cases of each draw that slow scorers are asked.")
    ] = 200,
    slow: Annotated[
        float, typer.Option(min=0, help="A scorer that takes more seconds a case is asked about the sample.")
    ] = 0.5,
    jobs: Annotated[int, typer.Option(min=1, max=1024, help="Worker processes on this machine.")] = 1,
    seed: Annotated[int, typer.Option(help="Decides all randomness.")] = 0,
    draws: Annotated[int, typer.Option(min=2, help="Passes over all inputs that a method should take.")] = 8,
    timeout: Annotated[
        float, typer.Option(min=0.01, max=2_592_000, help="Seconds that one question may take.")
    ] = 60.0,
    nulls: Annotated[bool, typer.Option(help="Ask about null models as well.")] = True,
) -> None:
    """Rank every method on the published suites and two held-out draws.

    The folder gets leaderboard.md, .html and .json, renewed after each draw, and the answers; the same
    command goes on where it was broken off.
    """
    from rich.console import Console

    from scrubkit.cli.progress import shown_progress
    from scrubkit.harness.entrants import find
    from scrubkit.harness.leaderboard import DRAWS, Settings, leaderboards, read_draw
    from scrubkit.methods.protocol import Budget
    from scrubkit.methods.registry import builtin_methods
    from scrubkit.report.place import place_fault

    names = list(DRAWS) if suites is None else _listed(suites, "--suites")
    for name in names:
        read_draw(name)
    asked = list(builtin_methods()) if methods is None else _listed(methods, "--methods")
    if fault := place_fault(out / "leaderboard.json"):
        raise BenchError(f"--out {out} {fault}")
    found = find(asked)
    settings = Settings(sample, slow, seed, Budget(draws, timeout), nulls, jobs)
    err = Console(stderr=True, emoji=False)
    with ExitStack() as stack:
        shown = _shown(stack, lambda title: shown_progress(err, title))
        board = None
        for board in leaderboards(found, names, settings, store=out / STORE, progress=shown):
            write(board, out)
    if board is not None:
        Console(emoji=False, soft_wrap=True).print(_told(board), markup=False, highlight=False)


def write(board: Leaderboard, out: Path) -> None:
    """Write a leaderboard as Markdown, HTML and JSON."""
    from scrubkit.report.leaderboard import markdown, page
    from scrubkit.report.place import write_report

    write_report(out / "leaderboard.md", markdown(board))
    write_report(out / "leaderboard.html", page(board))
    write_report(out / "leaderboard.json", board.model_dump_json(indent=1) + "\n")


def _told(board: Leaderboard) -> str:
    lines = [f"{s.rank:5g} [{s.low:.0f}, {s.high:.0f}]  {s.method:24} {s.auroc}" for s in board.standings]
    return "\n".join(["rank, method, mean AUROC over the draws", *lines])


def _listed(text: str, option: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(names) or len(set(names)) < len(names):
        raise BenchError(f"{option} takes names with commas between, each once; found {text!r}")
    return names


def _shown(stack: ExitStack, bar: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return what opens a progress bar for each piece of work, and closes the one before."""

    def begin(title: str) -> Any:
        stack.close()
        return stack.enter_context(bar(title))

    return begin
