"""The commands ``scrubkit import`` and ``scrubkit models``: models from elsewhere, and those with a name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scrubkit.errors import ModelError

if TYPE_CHECKING:
    from rich.table import Table


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("import")(import_)
    app.command("models")(models)


def import_(
    path: Annotated[Path, typer.Argument(help="Checkpoint: .pth, .pt or .safetensors.")],
    out: Annotated[Path, typer.Option(help="Folder to write the model to.")],
    activation: Annotated[
        str | None, typer.Option(help="Activation function, such as relu, where no config says it.")
    ] = None,
    p: Annotated[
        int | None, typer.Option("--p", help="Modulus; read off the vocabulary if left out.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="Name of the task; modular_addition if nothing says.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="JSON config of the run.")] = None,
    heads: Annotated[int | None, typer.Option(help="Heads; for state dicts of TransformerLens 4.")] = None,
    allow_inaccurate: Annotated[
        bool, typer.Option("--allow-inaccurate", help="Take also a model that fails on the task.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model in OUT.")] = False,
) -> None:
    """Convert another project's checkpoint, without running code from it, and certify it."""
    from rich.console import Console

    from scrubkit.cli.certificate_table import verdict
    from scrubkit.families.modular.certify.certificate import with_certificate
    from scrubkit.families.modular.published.read import read_published
    from scrubkit.families.modular.task import modular
    from scrubkit.models.store import save

    model = read_published(
        path,
        activation=activation,
        p=p,
        task=task,
        config=config,
        heads=heads,
        allow_inaccurate=allow_inaccurate,
    )
    unmeasured = ""
    try:
        model = with_certificate(model)
    except ModelError as error:
        unmeasured = error.faults[0]
    save(model, out, overwrite=overwrite)
    console, history = Console(emoji=False), model.provenance.history
    console.print(
        f"{model.provenance.recipe['format']} format: {model.task.name}, p = {modular(model).p}, "
        f"{model.config.n_heads} heads of {model.config.d_head}, {model.config.d_mlp} neurons",
        highlight=False,
    )
    figures = f"accuracy {history['accuracy']:.4f}, loss {history['loss']:.3g} nats"
    console.print(f"{figures}, on all {model.task.n_inputs:,} inputs", highlight=False)
    if model.certificate is not None:
        console.print(verdict(model.certificate))
    else:
        console.print(f"not certified: {unmeasured}", style="yellow", markup=False)
    console.print(f"written to {out}", markup=False, highlight=False)


def models() -> None:
    """List the models that `load` and the commands know by name."""
    from rich.console import Console

    Console(emoji=False).print(named_models())


def named_models() -> Table:
    """Return the bundled and the compiled models as a table."""
    from rich.table import Table

    from scrubkit import registry
    from scrubkit.models.load import BUNDLED, bundled_names
    from scrubkit.models.store import read_record
    from scrubkit.models.task_file import family_task

    table = Table("name", "task", "from", "known", "certified", "size")
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    for name in bundled_names():
        record = read_record(BUNDLED / name)
        certificate = record.certificate
        size = sum(path.stat().st_size for path in (BUNDLED / name).iterdir())
        table.add_row(
            name,
            str(family_task(record.task, title=name)).removeprefix("modular_"),
            "training",
            record.truth.summary if record.truth else "",
            "yes" if certificate and certificate.certified else "no",
            f"{size / 2**10:.0f} KiB",
        )
    for family in map(registry.family, registry.families()):
        for name, made in family.models.items():
            table.add_row(name, made.task, "formula", made.known)
    table.caption = "Models from a formula are compiled when they are first loaded, and kept."
    return table
