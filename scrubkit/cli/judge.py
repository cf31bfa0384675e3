"""``scrubkit score --method``: hypothesis files judged by a method of the bench instead of by their scrub."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from rich.table import Table
from rich.text import Text

from scrubkit.cli.score_file import Judged, NotScored, ScoreFile
from scrubkit.cli.score_table import COLOURS
from scrubkit.errors import BenchError, ScrubError, ScrubkitError
from scrubkit.report.plain import plain

if TYPE_CHECKING:
    from scrubkit.cli.score import Options
    from scrubkit.models.model import Model

DRAWS = 8
"""Draws that a method is allowed where none are said, as in ``scrubkit validate``."""


def scorer(name: str) -> Any:
    """Return the scorer of a name; raises BenchError where it is none."""
    from scrubkit.methods.registry import builtin_methods, find_method, roles_of

    found = find_method(name)
    if "score" not in roles_of(found):
        known = ", ".join(n for n in builtin_methods() if "score" in roles_of(find_method(n)))
        raise BenchError(f"--method {name} finds circuits and judges no hypothesis; scorers are {known}")
    return found


def judge_files(
    method: Any, model: Model, files: Sequence[Path], options: Options, advance: Callable[[str], None]
) -> ScoreFile:
    """Ask a method about each file, as the bench does: it sees neither names nor the model's truth.

    Args:
        method: a scorer.
        model: the model that the files are asked about.
        files: hypothesis files.
        options: how to read and judge them.
        advance: called with each file's name before it is judged.
    """
    judged: list[Judged] = []
    not_scored: list[NotScored] = []
    for path in files:
        advance(path.stem)
        try:
            judged.append(_judge(method, model, path, options))
        except ScrubkitError as error:
            not_scored.append(NotScored(file=str(path), faults=error.faults))
    return ScoreFile(
        model=model.name,
        model_hash=model.weights_hash,
        scores=(),
        judged=tuple(judged),
        not_scored=tuple(not_scored),
    )


def _judge(method: Any, model: Model, path: Path, options: Options) -> Judged:
    from scrubkit.harness.questions import bare, question_key, seed_of
    from scrubkit.harness.reading import FaultFound, read_answer
    from scrubkit.hypothesis import load_hypothesis
    from scrubkit.methods.protocol import Budget
    from scrubkit.scrubbing.expectation import expected_verdicts
    from scrubkit.subjects.sites import Sites

    hypothesis = load_hypothesis(path, truth=model.truth, allow_code=options.allow_code)
    sites, given = Sites.of(model), bare(model)
    resolve = lambda site: sites.part(site, hypothesis.subspaces)  # noqa: E731
    stripped, names = hypothesis.stripped(resolve), hypothesis.names_when_stripped(resolve)
    seed = seed_of(options.seed, question_key(model, stripped.hash), method.name)
    draws = DRAWS if options.draws == "auto" else options.draws
    value = method.score(
        given,
        stripped,
        task=given.task,
        generator=torch.Generator().manual_seed(seed),
        budget=Budget(draws),
    )
    try:
        answer = read_answer(value, method)
    except FaultFound as fault:
        raise ScrubError(f"{method.name} gave no valid answer: {fault.detail}", title=str(path)) from None
    expected = expected_verdicts(hypothesis, model)
    return Judged(
        file=str(path),
        hypothesis=hypothesis.name,
        method=method.name,
        score=float(answer.score),
        interval=answer.interval,
        verdict=answer.verdict or "inconclusive",
        notes=tuple(re.sub(r"\bn\d+\b", lambda m: names.get(m[0], m[0]), note) for note in answer.notes),
        evaluations=answer.evaluations,
        expected=expected,
        as_expected=answer.verdict in expected if expected else None,
    )


def judged_table(judged: Sequence[Judged], title: str) -> Table:
    """Return a row for each hypothesis: the method's verdict, its score, and its first reasons."""
    table = Table(title=Text(plain(title)), title_justify="left")
    table.add_column("hypothesis", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("expected", overflow="fold")
    table.add_column("why", overflow="fold")
    for one in judged:
        colour = "green" if one.as_expected else "bold red"
        table.add_row(
            Text(plain(one.hypothesis)),
            Text(one.verdict, style=COLOURS[one.verdict]),
            f"{one.score:.4f}",
            Text("-", style="dim") if one.as_expected is None else Text(" or ".join(one.expected), colour),
            Text(plain("; ".join(one.notes[:2]))),
        )
    return table
