"""The commands ``scrubkit export`` and ``scrubkit import-circuit``: the files of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from scrubkit.errors import HypothesisError

if TYPE_CHECKING:
    from scrubkit.models.model import Model

DEFAULT_MODEL = "modadd-p113"


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("export")(export)
    app.command("import-circuit")(import_circuit)


def export(
    paths: Annotated[list[Path], typer.Argument(help="Hypothesis files, or folders of them.")],
    out: Annotated[Path, typer.Option(help="File to write for one hypothesis, folder for several.")],
    format: Annotated[
        Literal["eap", "json"],
        typer.Option(
            help="eap: circuit of EAP-IG and the MIB circuit track; json: hypothesis that runs no code."
        ),
    ] = "json",
    model: Annotated[
        str, typer.Option(help="Model that hypothesis(truth) is asked about; gives a circuit its sizes.")
    ] = DEFAULT_MODEL,
    no_code: Annotated[
        bool, typer.Option("--no-code", help="Refuse .py files; JSON files run no code.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
) -> None:
    """Write hypotheses as node-link JSON, or as the circuits that they run through."""
    from rich.console import Console

    from scrubkit.hypothesis import find_hypotheses
    from scrubkit.models.load import load

    files = find_hypotheses(paths)
    single = out.suffix == ".json"
    if single and len(files) > 1:
        raise HypothesisError(f"{len(files)} hypotheses cannot go to one file; give a folder", title=str(out))
    targets = [out if single else out / f"{file.stem}.json" for file in files]
    twice = sorted({target.name for target in targets if targets.count(target) > 1})
    if twice:
        raise HypothesisError(f"several hypotheses would be written as {', '.join(twice)}", title=str(out))
    subject = load(model)
    texts = [_text(file, subject, format, allow_code=not no_code) for file in files]
    for target, text in zip(targets, texts, strict=True):
        _write(target, text, overwrite=overwrite)
    if format == "eap":
        typer.echo(
            "note: this format holds nodes and edges alone; what a hypothesis says of features is left out, "
            "so what is imported again claims less",
            err=True,
        )
    Console(emoji=False).print(f"{len(files)} written to {out}", markup=False, highlight=False)


def import_circuit(
    path: Annotated[Path, typer.Argument(help="Graph that EAP-IG or a tool of the MIB circuit track wrote.")],
    out: Annotated[Path, typer.Option(help="Hypothesis to write, a .json file.")],
    task: Annotated[str, typer.Option(help="Task that the circuit is for.")] = "modular_addition",
    top: Annotated[
        int | None, typer.Option(min=1, help="Take this many edges by score, not those marked in_graph.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False,
) -> None:
    """Write a circuit of another tool as a hypothesis, which ``scrubkit score`` takes."""
    from rich.console import Console

    from scrubkit.families.modular.task import lookup
    from scrubkit.formats import from_eap, read_eap
    from scrubkit.hypothesis import to_json

    lookup(task)
    if out.suffix != ".json":
        raise HypothesisError("a hypothesis without code is a .json file", title=str(out))
    graph = read_eap(path)
    hypothesis = from_eap(graph, name=out.stem, task=task, top=top, title=str(path))
    _write(out, to_json(hypothesis), overwrite=overwrite)
    inside = sum(not node.unimportant for node in hypothesis.nodes.values())
    Console(emoji=False).print(
        f"{inside} nodes in the circuit; written to {out}", markup=False, highlight=False
    )


def _text(file: Path, model: Model, format: Literal["eap", "json"], *, allow_code: bool) -> str:
    from scrubkit.formats import to_eap
    from scrubkit.hypothesis import load_hypothesis, to_json
    from scrubkit.subjects.sites import Sites

    hypothesis = load_hypothesis(file, truth=model.truth, allow_code=allow_code)
    if format == "json":
        return to_json(hypothesis)
    graph = to_eap(hypothesis, Sites.of(model))
    return graph.model_dump_json(indent=1, exclude_none=True)


def _write(path: Path, text: str, *, overwrite: bool) -> None:
    from scrubkit.report.place import write_report

    if path.exists() and not overwrite:
        raise HypothesisError("is there already; choose another name or add --overwrite", title=str(path))
    try:
        write_report(path, text + "\n")
    except OSError as error:
        raise HypothesisError(f"cannot be written: {error.strerror}", title=str(path)) from None
