"""The ``scrubkit train`` command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scrubkit.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console
    from rich.table import Table

    from scrubkit.families.modular.train.loop import Progress
    from scrubkit.models.model import Model


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("train")(train)


def train(
    out: Annotated[Path, typer.Option(help="Folder for the model; with --seeds, one folder a seed in it.")],
    task: Annotated[str, typer.Option(help="Name of the task.")] = "modular_addition",
    p: Annotated[int, typer.Option("--p", help="Modulus.")] = 113,
    seed: Annotated[int | None, typer.Option(help="Seed of weights and split.  [default: 0]")] = None,
    seeds: Annotated[str | None, typer.Option(help="Several seeds instead: 0-63 or 0,3,8-11.")] = None,
    recipe: Annotated[str, typer.Option(help="fast or paper.")] = "fast",
    train_fraction: Annotated[
        float | None, typer.Option(help="Share of the inputs to train on; chosen by the modulus.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in OUT.")] = False,
    trajectory: Annotated[int, typer.Option(help="Log-spaced models to keep in OUT/trajectory.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    checkpoint_every: Annotated[int, typer.Option(help="Steps between checkpoints.")] = 100,
    until_certified: Annotated[
        bool, typer.Option("--until-certified", help="Go on where a run ends without a certificate.")
    ] = False,
) -> None:
    """Train a model from scratch, certify it and store it."""
    if seed is not None and seeds is not None:
        raise TrainingError("--seed and --seeds were both given; give one of them")
    many = None if seeds is None else parse_seeds(seeds)
    options: dict[str, Any] = {
        "recipe": recipe,
        "train_fraction": train_fraction,
        "device": device,
        "resume": resume,
        "trajectory": trajectory,
        "checkpoint_every": checkpoint_every,
        "until_certified": until_certified,
    }

    from rich.console import Console

    console, err = Console(emoji=False), Console(stderr=True, emoji=False)
    with _interruptible(err, out):
        certified = train_and_certify(task, p, seed or 0, many, out, options, err)
    console.print(summary(certified))
    for model in certified:
        _warn(err, model)
    console.print(f"written to {out}", highlight=False, markup=False)


def train_and_certify(
    task: str, p: int, seed: int, many: list[int] | None, out: Path, options: dict[str, Any], err: Console
) -> list[Model]:
    """Train one seed or many, and certify and store every model.

    Args:
        task: name of the task.
        p: its modulus.
        seed: the one seed, where there are not many.
        many: several seeds instead, a folder each.
        out: folder of the model, or of the folders.
        options: as for `scrubkit.train`.
        err: where the progress is shown.
    """
    from scrubkit.families.modular.task import ModularTask
    from scrubkit.families.modular.train.train import train as train_one
    from scrubkit.families.modular.train.train import train_many

    with _progress_bar(err, len(many or [seed])) as progress:
        options = {**options, "out": out, "progress": progress}
        if many is None:
            models, folders = [train_one(ModularTask(task, p), seed=seed, **options)], [out]
        else:
            models = train_many(ModularTask(task, p), seeds=many, **options)
            folders = [out / f"seed-{s}" for s in many]
    return [_certify(model, folder) for model, folder in zip(models, folders, strict=True)]


MOST_SEEDS = 100_000


def parse_seeds(text: str) -> list[int]:
    """Read seeds such as ``0-63`` or ``0,3,8-11``.

    Raises:
        TrainingError: with every part that is no seed and no range.
    """
    seeds, faults = [], []
    for part in (piece.strip() for piece in text.split(",")):
        match = re.fullmatch(r"([0-9]{1,19})(?:-([0-9]{1,19}))?", part)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            faults.append(f"--seeds takes numbers and ranges such as 0-63 or 0,3,8-11; found {part[:99]!r}")
            continue
        if len(seeds) + int(match[2] or match[1]) - int(match[1]) >= MOST_SEEDS:
            faults.append(f"--seeds takes at most {MOST_SEEDS:,} seeds; with {part!r} they are more")
            continue
        seeds += range(int(match[1]), int(match[2] or match[1]) + 1)
    if faults:
        raise TrainingError(faults)
    return seeds


def summary(models: list[Model]) -> Table:
    """Return the figures of trained models as a table."""
    from rich.table import Column, Table
    from rich.text import Text

    from scrubkit.families.modular.truth import ModularCertificate

    names = ("model", "steps", "test loss", "frequencies", "clustered", "certified")
    table = Table(*(Column(name, no_wrap=name != "frequencies") for name in names))
    for model in models:
        history, certificate = model.provenance.history, model.certificate
        assert isinstance(certificate, ModularCertificate)
        table.add_row(
            Text(model.name),
            f"{history['steps']:,}",
            f"{history['test_loss']:.2e}",
            ", ".join(map(str, certificate.frequencies)),
            f"{certificate['clustered_neurons'].value:.1%}",
            "yes" if certificate.certified else "no",
        )
    return table


def _certify(model: Model, folder: Path) -> Model:
    """Certify a model and store it with its certificate, unless an earlier command did."""
    if model.certificate is not None:
        return model
    from scrubkit.families.modular.certify.certificate import with_certificate
    from scrubkit.models.store import save

    certified = with_certificate(model)
    save(certified, folder, overwrite=True)
    return certified


def _warn(err: Console, model: Model) -> None:
    if model.certificate is not None and not model.certificate.certified:
        err.print(f"warning: {model.name} is stored but not certified:", style="yellow", markup=False)
        for reason in model.certificate.reasons:
            err.print(f"  - {reason}", style="yellow", markup=False, highlight=False)


@contextmanager
def _interruptible(err: Console, out: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        begun = any(out.glob("**/*.safetensors"))
        advice = f"the same command with --resume goes on from what is stored in {out}"
        err.print(
            f"interrupted; {advice if begun else 'nothing had been stored yet: repeat the command'}",
            markup=False,
        )
        raise typer.Exit(130) from None


@contextmanager
def _progress_bar(err: Console, n_seeds: int) -> Iterator[Callable[[Progress], None]]:
    """Show steps, losses, accuracy and the time left; of runs side by side, the median run's losses."""
    from rich import progress as rich_progress

    bar = rich_progress.Progress(
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(bar_width=10),
        rich_progress.TextColumn("{task.completed:,.0f}/{task.total:,.0f} {task.fields[figures]}"),
        rich_progress.TimeRemainingColumn(compact=True),
        console=err,
    )
    line = bar.add_task("training", total=1, figures="")
    begun: set[int] = set()

    def show(seen: Progress) -> None:
        if not begun.issuperset(seen.losses):
            begun.update(seen.losses)
            bar.reset(line)
        losses = sorted(seen.losses.values(), key=lambda x: x.test)
        middle = losses[len(losses) // 2]
        figures = f"train {middle.train:.0e} test {middle.test:.0e} acc {middle.accuracy:.3f}"
        phase = "grokked" if seen.grokked else "training"
        if n_seeds > 1:
            phase = f"{len(begun) - len(seen.losses)}/{n_seeds} done"
        bar.start()
        bar.update(line, completed=seen.step, total=seen.last_step, figures=figures, description=phase)

    try:
        yield show
    finally:
        bar.stop()
