"""The ``scrubkit check`` and ``scrubkit new`` commands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scrubkit.cli.score import DEFAULT_MODEL, complain, write_text
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
        complain(err, f"error: {wrong} of {len(files)} files are not valid on {loaded.name}")
        raise typer.Exit(2)


def _summary(plan: Plan) -> str:
    nodes, edges = len(plan.hypothesis.nodes), plan.hypothesis.graph.number_of_edges()
    text = f"valid: {nodes} nodes, {edges} edges, {plan.n_tree_nodes} tree nodes, "
    text += f"{sum(plan.bits.values()):.1f} bits"
    return text if plan.testable else f"{text}; nothing can be resampled, so it would be untestable"


def new(
    name: Annotated[str, typer.Argument(help="Name of the hypothesis; the file is NAME.py.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("."),
    family: Annotated[str, typer.Option(help="What it is about: modular or programs.")] = "modular",
) -> None:
    """Write a commented hypothesis file to start from."""
    from rich.console import Console

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
    write_text(path, TEMPLATES[family].read_text(encoding="utf-8").replace("NAME", name))
    about = " --model max3" if family == "programs" else ""
    Console(emoji=False).print(
        f"written to {path}; try: scrubkit check {path}{about}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
