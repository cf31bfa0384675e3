"""The ``scrubkit check`` and ``scrubkit new`` commands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scrubkit.cli.score import DEFAULT_MODEL, complain, default_model, write_text
from scrubkit.errors import HypothesisError, ScrubkitError, nearest

if TYPE_CHECKING:
    from scrubkit.scrubbing.plan import Plan

TEMPLATES = {
    "modular": Path(__file__).parent / "new_hypothesis.py.txt",
    "programs": Path(__file__).parent / "new_program_hypothesis.py.txt",
}
"""What ``scrubkit new`` writes for each family, with NAME for the name."""


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("check")(check)
    app.command("new")(new)


def check(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Hypothesis files, or folders of them.")],
    model: Annotated[
        str, typer.Option(help="The model they are to fit: a name, directory, file or hf://owner/name.")
    ] = DEFAULT_MODEL,
    no_code: Annotated[
        bool, typer.Option("--no-code", help="Refuse .py files; JSON files run no code.")
    ] = False,
) -> None:
    """Check hypothesis files against a model, and report everything that is wrong with them.

    Exit code 0: all are valid. 2: some are not.
    """
    from rich.console import Console

    from scrubkit.hypothesis import find_hypotheses
    from scrubkit.models.load import load
    from scrubkit.scrubbing.check import check as check_one
    from scrubkit.subjects.network import NetworkSubject

    files = find_hypotheses(paths)
    loaded = load(model)
    subject = NetworkSubject(loaded)
    console, err, wrong = Console(emoji=False), Console(stderr=True, emoji=False), 0
    for path in files:
        try:
            plan = check_one(path, subject, loaded.truth, allow_code=not no_code)
        except ScrubkitError as error:
            wrong += 1
            complain(err, str(ScrubkitError(error.faults, title=str(path))))
        else:
            console.print(f"{path}: {_summary(plan)}", markup=False, highlight=False, soft_wrap=True)
    if wrong:
        lacking = f"{wrong} of {len(files)} files are not valid"
        complain(err, f"error: {lacking} on {loaded.name}{default_model(context)}")
        raise typer.Exit(2)


def _summary(plan: Plan) -> str:
    nodes, edges = len(plan.hypothesis.nodes), plan.hypothesis.graph.number_of_edges()
    text = f"valid: {nodes} nodes, {edges} edges, {plan.n_tree_nodes} tree nodes, "
    text += f"{sum(plan.bits.values()):.1f} bits"
    return text if plan.testable else f"{text}; nothing can be resampled, so it would be untestable"


def new(
    name: Annotated[str | None, typer.Argument(help="Name of the hypothesis; the file is NAME.py.")] = None,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("."),
    family: Annotated[str, typer.Option(help="What it is about: modular or programs.")] = "modular",
    source: Annotated[
        str | None,
        typer.Option("--from", help="Start from a shipped hypothesis by name, or from a .py file."),
    ] = None,
    task: Annotated[str | None, typer.Option(help="With --from: the task that it is to be about.")] = None,
) -> None:
    """Write a commented hypothesis file to start from."""
    from rich.console import Console

    if source is None and (name is None or task is not None):
        fault = "--task needs --from" if name is not None else "name the hypothesis, or one to start from"
        raise HypothesisError(f"{fault}, such as --from pizza", title="scrubkit new")
    if name is None:
        name = "_".join(filter(None, (Path(source or "").stem, task)))
    if family not in TEMPLATES:
        raise HypothesisError(
            f"no family {family!r}{nearest(family, TEMPLATES)}; there are files for {', '.join(TEMPLATES)}",
            title="scrubkit new",
        )
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,60}", name):
        raise HypothesisError(
            f"a name is lower-case letters, digits and underscores, such as my_claim; found {name!r}",
            title="scrubkit new",
        )
    path = out / f"{name}.py"
    if path.exists():
        raise HypothesisError("exists already; choose another name, or remove it", title=str(path))
    if source is not None:
        text = started_from(source, name, task)
        about = "" if task is None else " --model MODEL, one of that task"
    else:
        text = TEMPLATES[family].read_text(encoding="utf-8").replace("NAME", name)
        about = " --model max3" if family == "programs" else ""
    write_text(path, text)
    Console(emoji=False).print(
        f"written to {path}; try: scrubkit check {path}{about}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def started_from(source: str, name: str, task: str | None) -> str:
    """Return a hypothesis file made from another one.

    Args:
        source: name of a shipped hypothesis, or a ``.py`` file.
        name: what the new one is called.
        task: the task that it is to be about; None is that of the other one.

    Raises:
        HypothesisError: there is no such hypothesis or task, or it cannot be told of that task.
    """
    from scrubkit import registry
    from scrubkit.core.reading import read_bytes
    from scrubkit.hypothesis import find_hypotheses
    from scrubkit.hypothesis.json_file import MAX_FILE_BYTES

    (path,) = find_hypotheses([source])[:1]
    if path.suffix != ".py":
        raise HypothesisError("is no .py file, and only such a file can be started from", title=str(path))
    text = read_bytes(path, MAX_FILE_BYTES, error=HypothesisError).decode(errors="replace")
    if task is not None:
        try:
            text = registry.family_of_task(task).retell(text, task)
        except HypothesisError as error:
            raise HypothesisError(error.faults, title=f"{path.stem} for {task}") from None
    text = re.sub(r'name="[^"]*"', f'name="{name}"', text, count=1)
    head = f"# Started from {path.stem}: what follows is its claim. Change it, and say here what yours is."
    return f"{head}\n{text}"
