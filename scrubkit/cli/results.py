"""The ``scrubkit results`` command: what the results store holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scrubkit.errors import BenchError

if TYPE_CHECKING:
    from rich.table import Table

    from scrubkit.harness.store import Store, Stored


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("results")(results)


def results(
    store: Annotated[
        Path | None, typer.Option(help="The store; by default the one in the cache folder.")
    ] = None,
    method: Annotated[str | None, typer.Option(help="Only this method.")] = None,
    suite: Annotated[str | None, typer.Option(help="Only answers first asked for by this suite.")] = None,
    case: Annotated[str | None, typer.Option(help="Only cases whose id holds this text.")] = None,
    verdict: Annotated[str | None, typer.Option(help="Only answers with this verdict.")] = None,
    faults: Annotated[bool, typer.Option("--faults", help="Only faults.")] = False,
    export: Annotated[
        Path | None, typer.Option(help="Write them to a .jsonl or .parquet file instead of a table.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=2**31 - 1, help="Number of rows shown, the latest.")] = 50,
) -> None:
    """List, filter or export the answers that are kept in the results store."""
    from typing import get_args

    from rich.console import Console

    from scrubkit.harness.export import write_rows
    from scrubkit.harness.store import open_store
    from scrubkit.methods.protocol import AnswerVerdict
    from scrubkit.models.load import cache_folder

    if export is not None and export.suffix not in (".jsonl", ".parquet"):
        raise BenchError(f"--export takes a .jsonl or a .parquet file, found {export}")
    where = [
        ("method = ?", method),
        ("instr(suite, ?) = 1", suite),
        ("instr(cases, ?) > 0", case),
        ("json_extract(answer, '$.verdict') = ?", verdict),
        ("(json_extract(answer, '$.fault') IS NOT NULL) = ?", True if faults else None),
    ]
    chosen = [(clause, value) for clause, value in where if value is not None]
    condition, values = " AND ".join(clause for clause, _ in chosen) or "1", [value for _, value in chosen]
    if verdict is not None and verdict not in get_args(AnswerVerdict):
        raise BenchError(f"no verdict {verdict!r}; there are {', '.join(get_args(AnswerVerdict))}")
    with open_store(store or cache_folder() / "results.sqlite", write=False) as opened:
        found = opened.count(condition, values)
        if not found and chosen:
            _say_what_there_is(opened)
        rows = list(opened.select(condition, values, latest=limit if export is None else None))
    console = Console(emoji=False)
    if export is not None:
        write_rows(rows, export)
        console.print(f"{len(rows)} rows written to {export}", markup=False, highlight=False)
        return
    console.print(_table(rows))
    if found > len(rows):
        console.print(f"the latest {len(rows)} of {found}; see --limit and --export", style="dim")


def _say_what_there_is(store: Store) -> None:
    """Raise BenchError: no answer fits."""
    methods, suites = store.holds()
    raise BenchError(
        f"no answer fits; the store has {store.count()} answers of the methods "
        f"{', '.join(methods) or '-'} on the suites {', '.join(suites) or '-'}"
    )


def _table(rows: list[Stored]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from scrubkit.report.plain import plain

    table = Table()
    for column in ("method", "version", "settings", "seed", "suite", "cases", "verdict", "score", "s"):
        table.add_column(column, justify="right" if column in ("seed", "score", "s") else "left")
    for row in rows:
        answer: Any = row.answer
        fault = answer.fault
        said = f"fault: {fault.kind}" if fault else getattr(answer, "verdict", None) or "-"
        score = getattr(answer, "score", None)
        cells = (
            row.method,
            row.version,
            row.config[:8],
            str(row.seed),
            row.suite,
            ", ".join(row.cases),
            said,
        )
        number = "-" if score is None else f"{score:.4g}"
        table.add_row(*(Text(plain(cell)) for cell in (*cells, number, f"{answer.seconds:.3f}")))
    return table
