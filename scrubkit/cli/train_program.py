"""The ``scrubkit train-program`` command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from scrubkit.models.record import Certificate


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("train-program")(train_program)


def train_program(
    program: Annotated[str, typer.Argument(help="A program of the library, or a .py file with program().")],
    out: Annotated[Path, typer.Option(help="Folder to write the model to.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of weights and batches.")] = 0,
    steps: Annotated[int | None, typer.Option(min=1, max=1_000_000, help="Steps of the training.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model in OUT.")] = False,
) -> None:
    """Train a program from scratch, each variable at a place of its own, and certify it.

    Exit code 0: the model is certified. 1: it is not; the reasons are listed, and it is stored all the same.
    """
    from rich.console import Console

    from scrubkit.cli.progress import shown_progress
    from scrubkit.families.programs.file import load_graph
    from scrubkit.families.programs.library import named
    from scrubkit.families.programs.train.train import Recipe
    from scrubkit.families.programs.train.train import train_program as train
    from scrubkit.models.store import save

    graph = load_graph(program) if program.endswith(".py") else named(program).build()
    recipe = Recipe() if steps is None else Recipe(steps=steps)
    with shown_progress(Console(stderr=True, emoji=False), "training") as progress:
        model = train(graph, seed=seed, recipe=recipe, progress=progress)
    save(model, out, overwrite=overwrite)
    console = Console(emoji=False)
    assert model.certificate is not None
    console.print(figures(model.certificate, model.name))
    console.print(str(model.certificate), markup=False, highlight=False)
    console.print(f"written to {out}", markup=False, highlight=False)
    raise typer.Exit(0 if model.certificate.certified else 1)


def figures(certificate: Certificate, name: str) -> Table:
    """Return the figures of a certificate beside their thresholds."""
    from rich.table import Table
    from rich.text import Text

    table = Table("figure", "value", "threshold", "", title=Text(f"Certificate of {name}"))
    for m in certificate.measurements:
        bound = "" if m.at_least is None else f"≥ {100 * m.at_least:g} %"
        table.add_row(Text(m.name), f"{100 * m.value:.2f} %", bound, "ok" if m.passed else "missed")
    return table
