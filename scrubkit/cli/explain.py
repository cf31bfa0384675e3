"""The ``scrubkit explain`` command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scrubkit.cli.score import (
    DEFAULT_MODEL,
    default_model,
    require_places,
    thresholds,
    wide_console,
    write_text,
)
from scrubkit.errors import HypothesisError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console
    from rich.table import Table

    from scrubkit.hypothesis import Hypothesis
    from scrubkit.models.model import Model
    from scrubkit.scrubbing.explain import Explanation, Step


DEEPER = (
    "Each claim is tested on average over the inputs; scrubkit score FILE --method audited-scrubbing looks "
    "for single inputs on which one fails, and for what is named and not needed."
)
"""Said under the claims: what the table does not look at."""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("explain")(explain)


def explain(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A hypothesis file.")],
    model: Annotated[
        str, typer.Option(help="Bundled name, directory, file or hf://owner/name.")
    ] = DEFAULT_MODEL,
    draws: Annotated[int, typer.Option(min=2, help="Passes over all inputs for each claim.")] = 4,
    seed: Annotated[int, typer.Option(help="Seed of all draws.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    json: Annotated[
        Path | None,
        typer.Option("--json", help="Write the figures to this file as JSON; - is standard output."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Write one page with the graph, every claim and maps to this file."),
    ] = None,
    no_code: Annotated[
        bool, typer.Option("--no-code", help="Refuse .py files; JSON files run no code.")
    ] = False,
) -> None:
    """Test each claim of a hypothesis alone, and all of them from the inputs up, to see which one fails."""
    from rich.console import Console

    from scrubkit.cli.command import command_line
    from scrubkit.hypothesis import load_hypothesis
    from scrubkit.models.load import load
    from scrubkit.report.plain import plain
    from scrubkit.scrubbing.explain import explain as test_claims

    require_places({"--json": json, "--html": html})
    loaded = load(model)
    try:
        hypothesis = load_hypothesis(path, truth=loaded.truth, allow_code=not no_code)
        with _progress(Console(stderr=True, emoji=False)) as advance:
            found = test_claims(loaded, hypothesis, seed=seed, draws=draws, device=device, progress=advance)
    except HypothesisError as error:
        title = f"{error.title or path} on {loaded.name}{default_model(context)}"
        raise HypothesisError(error.faults, title=title) from None
    console = wide_console(json)
    for table in explanation_tables(found):
        console.print(table)
    console.print(plain(str(found)), markup=False, highlight=False, soft_wrap=True)
    typer.echo(f"{thresholds(found.score)}\n{DEEPER}", err=True)
    if json is not None:
        write_text(json, found.model_dump_json(indent=2) + "\n")
    if html is not None:
        write_text(html, _page(found, loaded, hypothesis, device, command_line(context)))


def _page(found: Explanation, model: Model, hypothesis: Hypothesis, device: str, command: str) -> str:
    from scrubkit.report.examined import examine
    from scrubkit.report.explain_page import explain_page
    from scrubkit.scrubbing.scoring import Scorer

    one = examine(Scorer(model, device=device), hypothesis, found.score, explanation=found)
    return explain_page(one, n_inputs=model.task.n_inputs, command=command, model=model)


def explanation_tables(found: Explanation) -> tuple[Table, Table]:
    """Return the claims alone, and the levels from the inputs up."""
    name = f"{found.score.hypothesis} on {found.score.model}"
    alone = _table(f"{name}: each claim alone, the rest as in the model", found.alone)
    return alone, _table(f"{name}: all claims up to each level", found.cumulative)


def _table(title: str, steps: tuple[Step, ...]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from scrubkit.cli.score_table import COLOURS, figure
    from scrubkit.report.plain import plain

    table = Table(title=Text(plain(title)), title_justify="left")
    for column in ("", "where", "claim"):
        table.add_column(column, overflow="fold")
    for column in ("verdict", "fidelity", "faithfulness", "loss recovered"):
        table.add_column(column, no_wrap=True, justify="left" if column == "verdict" else "right")
    for step in steps:
        table.add_row(
            step.kind,
            Text(plain(step.where)),
            Text(plain(step.claim)),
            Text(step.verdict, style=COLOURS[step.verdict]),
            figure(step.fidelity),
            figure(step.faithfulness),
            figure(step.loss_recovered),
        )
    return table


@contextmanager
def _progress(err: Console) -> Iterator[Callable[[int, int, str], None]]:
    """Show which claim is being tested and the time that is left; nothing where stderr is no terminal."""
    from scrubkit.cli.progress import timed_bar

    bar = timed_bar(err)
    line = bar.add_task("whole", total=None)

    with bar:
        yield lambda done, total, where: bar.update(line, completed=done, total=total, description=where[:40])
