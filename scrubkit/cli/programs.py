"""The ``scrubkit programs`` and ``scrubkit compile-graph`` commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from scrubkit.models.model import Model


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("programs")(programs)
    app.command("compile-graph")(compile_graph)


def programs() -> None:
    """List the programs that have a name; each is a model, as it is and in several codes."""
    from rich.console import Console
    from rich.table import Table

    from scrubkit.families.programs.family import STYLES
    from scrubkit.families.programs.library import LIBRARY

    table = Table("program", "inputs", "variables", "rows", "what it does")
    for name, entry in LIBRARY.items():
        program = entry.program()
        counts = (len(program.inputs), len(program.computed), len(program.rows))
        table.add_row(name, *map(str, counts), entry.summary)
    console = Console(emoji=False)
    console.print(table)
    styles = ", ".join(f"NAME{style}" for style in STYLES)
    console.print(f"Models: {styles}.", markup=False, highlight=False)


def compile_graph(
    file: Annotated[Path, typer.Argument(help="Python file with a function program().")],
    out: Annotated[Path, typer.Option(help="Folder to write the model to.")],
    placement: Annotated[str, typer.Option(help="last, inputs or random.")] = "last",
    codes: Annotated[str, typer.Option(help="onehot, rotated or superposed.")] = "onehot",
    ratio: Annotated[float, typer.Option(help="superposed: values a dimension.")] = 1.25,
    normalization: Annotated[str, typer.Option(help="none, LN or RMS.")] = "none",
    act_fn: Annotated[str, typer.Option(help="relu or gelu.")] = "relu",
    attention: Annotated[str, typer.Option(help="causal or bidirectional.")] = "causal",
    slack: Annotated[int, typer.Option(help="Blocks more than needed.")] = 0,
    noise: Annotated[float, typer.Option(help="Noise, as a share of each tensor's size.")] = 0.0,
    permute: Annotated[bool, typer.Option("--permute", help="Permute neurons and heads.")] = False,
    n_layers: Annotated[int | None, typer.Option(help="Blocks; the fewest that do.")] = None,
    d_model: Annotated[int | None, typer.Option(help="Residual width; likewise.")] = None,
    n_heads: Annotated[int | None, typer.Option(help="Attention heads; likewise.")] = None,
    d_head: Annotated[int | None, typer.Option(help="Width of a head; likewise.")] = None,
    d_mlp: Annotated[int | None, typer.Option(help="Neurons; likewise.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of all that is random.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model in OUT.")] = False,
) -> None:
    """Turn a graph of finite functions into a model whose every variable is known, and store it."""
    options: dict[str, Any] = dict(locals())
    path, folder, replace = options.pop("file"), options.pop("out"), options.pop("overwrite")
    options["normalization"] = None if normalization == "none" else normalization

    from rich.console import Console

    from scrubkit.families.programs.file import load_graph
    from scrubkit.families.programs.model import compile_graph as compile_
    from scrubkit.models.store import save

    model = compile_(load_graph(path), **options)
    save(model, folder, overwrite=replace)
    console = Console(emoji=False)
    console.print(summary(model))
    console.print(f"written to {folder}", markup=False, highlight=False)


def summary(model: Model) -> Table:
    """Return what a compiled program is, and where its variables are, as a table."""
    from rich.table import Table
    from rich.text import Text

    from scrubkit.families.programs.truth import ProgramTruth

    table = Table(title=Text(model.name), show_header=False)
    config, history = model.config, model.provenance.history
    size = f"{config.n_layers} layers, d_model {config.d_model}, {config.n_heads} heads of {config.d_head}"
    table.add_row("shape", f"{size}, {config.d_mlp} neurons")
    table.add_row("rows", f"{model.task.n_inputs:,}, {history['wrong']} answered wrong")
    table.add_row("largest errors", f"code {history['code']:.2g}, logit {history['logit']:.2g}")
    table.add_row("weights", model.weights_hash[:16])
    if isinstance(model.truth, ProgramTruth):
        for name, sites in model.truth.sites.items():
            table.add_row(Text(name), Text(sites["subspace"]))
    return table
