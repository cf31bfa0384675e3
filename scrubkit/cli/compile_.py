"""The ``scrubkit compile`` command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scrubkit.errors import ModelError

if TYPE_CHECKING:
    from rich.table import Table

    from scrubkit.models.model import Model

PLANTED = (
    "dead_frequencies",
    "decoy_neurons",
    "decoy_heads",
    "redundant_heads",
    "cancelling_heads",
    "backup_path",
    "memorised_pairs",
)
"""Options that plant distractors."""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("compile")(compile_)


def compile_(
    variant: Annotated[str, typer.Option(help="pizza, clock-torus or clock-attention.")],
    frequencies: Annotated[str, typer.Option(help="Key frequencies: 14,35,41,42,52.")],
    out: Annotated[Path, typer.Option(help="Folder to write the model to.")],
    p: Annotated[int, typer.Option("--p", help="Modulus.")] = 113,
    task: Annotated[str, typer.Option(help="Name of the task.")] = "modular_addition",
    d_model: Annotated[int | None, typer.Option(help="Residual width; the smallest that fits.")] = None,
    n_heads: Annotated[int | None, typer.Option(help="Attention heads; likewise.")] = None,
    d_head: Annotated[int | None, typer.Option(help="Width of a head; likewise.")] = None,
    d_mlp: Annotated[int | None, typer.Option(help="Neurons; likewise.")] = None,
    alpha: Annotated[float | None, typer.Option(help="Scale of the logits.")] = None,
    epsilon: Annotated[float | None, typer.Option(help="clock-attention: size of the scores.")] = None,
    dead_frequencies: Annotated[str, typer.Option(help="Embedded and never read: 7,9.")] = "",
    decoy_neurons: Annotated[int, typer.Option(min=0, help="Neurons that no class depends on.")] = 0,
    decoy_heads: Annotated[int, typer.Option(min=0, help="Heads that attend and write nothing.")] = 0,
    redundant_heads: Annotated[int, typer.Option(min=0, help="Copies that share a head's value.")] = 0,
    cancelling_heads: Annotated[int, typer.Option(min=0, help="Pairs of heads, +X and -X.")] = 0,
    backup_path: Annotated[float, typer.Option(help="Share of alpha of a second circuit.")] = 0.0,
    memorised_pairs: Annotated[int, typer.Option(min=0, help="Inputs with a neuron of their own.")] = 0,
    noise: Annotated[float, typer.Option(help="Noise, as a share of each tensor's size.")] = 0.0,
    rotate: Annotated[bool, typer.Option("--rotate", help="Turn the residual basis at random.")] = False,
    permute: Annotated[bool, typer.Option("--permute", help="Permute neurons and heads.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of all that is random.")] = 0,
    allow_uncertified: Annotated[
        bool, typer.Option("--allow-uncertified", help="Store also what a certificate does not bear out.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model in OUT.")] = False,
) -> None:
    """Write down a model whose algorithm is known, check it on every input, certify it and store it."""
    options: dict[str, Any] = dict(locals())
    folder, replace = options.pop("out"), options.pop("overwrite")
    uncertified = options.pop("allow_uncertified")
    options["frequencies"] = _numbers("--frequencies", frequencies)
    options["dead_frequencies"] = _numbers("--dead-frequencies", dead_frequencies)
    options["distractors"] = {name: options.pop(name) for name in PLANTED}

    from rich.console import Console

    from scrubkit.families.modular.compile import compile_model
    from scrubkit.models.store import save

    model = certified(compile_model(**options), allow_uncertified=uncertified)
    save(model, folder, overwrite=replace)
    console = Console(emoji=False)
    console.print(summary(model))
    console.print(f"written to {folder}", markup=False, highlight=False)


def certified(model: Model, *, allow_uncertified: bool) -> Model:
    """Return the model with its certificate, or as it is where it is too large to be measured.

    Raises:
        ModelError: what was planted, or noise, hides the algorithm from its certificate.
    """
    from scrubkit.families.modular.certify.certificate import with_certificate

    try:
        model = with_certificate(model)
    except ModelError:
        return model
    if model.certificate is None or model.certificate.certified or allow_uncertified:
        return model
    advice = "plant less or use less noise, or store it all the same with --allow-uncertified"
    raise ModelError([*model.certificate.reasons, advice], title=f"{model.name} is not certified")


def summary(model: Model) -> Table:
    """Return the figures of a compiled model as a table."""
    from rich.table import Table
    from rich.text import Text

    from scrubkit.families.modular.task import modular
    from scrubkit.families.modular.truth import ModularTruth

    table = Table(title=Text(model.name), show_header=False)
    config, history, truth = model.config, model.provenance.history, model.truth
    table.add_row("task", f"{model.task.name}, p = {modular(model).p}")
    if isinstance(truth, ModularTruth):
        table.add_row("frequencies", ", ".join(map(str, truth.frequencies)))
        planted = ", ".join(f"{name} {value}" for name, value in truth.distractors.items())
        table.add_row("distractors", planted or "none")
    shape = f"d_model {config.d_model}, {config.n_heads} heads of {config.d_head}, d_mlp {config.d_mlp}"
    table.add_row("shape", shape)
    table.add_row("accuracy", f"{history['accuracy']:.6f} of {model.task.n_inputs:,} inputs")
    table.add_row("smallest margin", f"{history['min_margin']:.4g}")
    deviation = (
        f"{history['deviation']:.3g} ({100 * history['relative_deviation']:.2g} % of the largest logit)"
    )
    table.add_row("from the formula", deviation)
    if model.certificate is None:
        table.add_row("certified", "too large to be measured")
    else:
        table.add_row(
            "certified", f"yes, {model.certificate.algorithm}" if model.certificate.certified else "no"
        )
    table.add_row("weights", model.weights_hash[:16])
    return table


def _numbers(option: str, text: str) -> list[int]:
    """Read a comma-separated list of whole numbers."""
    items = [item.strip() for item in text.split(",") if item.strip()]
    wrong = [item for item in items if not item.lstrip("-").isdecimal()]
    if wrong:
        raise ModelError(
            f"{option} takes whole numbers with commas, such as 14,35,41; found {', '.join(map(repr, wrong))}"
        )
    return [int(item) for item in items]
