"""The commands ``scrubkit import`` and ``scrubkit models``: models from elsewhere, and those with a name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scrubkit.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

    from scrubkit.models.family import NamedModel


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
    from scrubkit.families.modular.truth import ModularCertificate
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
    if isinstance(model.certificate, ModularCertificate):
        console.print(verdict(model.certificate))
    else:
        console.print(f"not certified: {unmeasured}", style="yellow", markup=False)
    console.print(f"written to {out}", markup=False, highlight=False)


def models() -> None:
    """List the models that `load` and the commands know by name."""
    from rich.console import Console

    Console(emoji=False).print(named_models())


def named_models() -> Table:
    """Return the bundled and the compiled models as a table.

    Models of one program in several codes share a row, so that the table can be read at 80 columns.
    """
    from rich.table import Table

    from scrubkit import registry
    from scrubkit.models.load import BUNDLED, bundled_names
    from scrubkit.models.store import read_record
    from scrubkit.models.task_file import family_task

    table = Table("name", "what it is")
    table.columns[0].no_wrap = True
    for name in bundled_names():
        record = read_record(BUNDLED / name)
        certificate = record.certificate
        size = sum(path.stat().st_size for path in (BUNDLED / name).iterdir())
        task = str(family_task(record.task, title=name)).removeprefix("modular_")
        kept = "certified" if certificate and certificate.certified else "not certified"
        known = f": {record.truth.summary}" if record.truth else ""
        table.add_row(name, f"{task}, trained, {kept}, {size / 2**10:.0f} KiB{known}")
    for family in map(registry.family, registry.families()):
        for name, made in _by_name(family.models).items():
            task = "" if made.task == name.partition("\n")[0] else f"{made.task}: "
            table.add_row(name, f"{task}{made.known}")
    table.caption = (
        "Models without training are compiled from a formula when they are first loaded, and kept."
    )
    return table


def _by_name(models: Mapping[str, NamedModel]) -> dict[str, NamedModel]:
    """Return models by name; those whose names only add an ending to another's, of the same task, join it."""
    endings: dict[str, list[str]] = {}
    for name, made in models.items():
        stem = made.task if name.startswith(f"{made.task}-") and made.task in models else name
        endings.setdefault(stem, []).extend([] if name == stem else [name.removeprefix(stem)])
    return {
        "\n  ".join([stem, " ".join(more)]) if more else stem: models[stem] for stem, more in endings.items()
    }
