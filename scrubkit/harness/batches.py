"""The unit of work: one method, one model, and a handful of questions about it.

A model's tables are made once for all of its questions, and a model travels once. Questions stand in
the order of their keys, which no label has a say in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from scrubkit.bench.case import Case
from scrubkit.bench.models import build_subject
from scrubkit.errors import BenchError, ScrubkitError
from scrubkit.harness.ask import Examiner
from scrubkit.harness.call import Caller
from scrubkit.harness.outcome import Finding, Outcome
from scrubkit.harness.questions import Given, Question, bare, question_key, question_of
from scrubkit.methods.protocol import Budget
from scrubkit.models.model import Model

Result = tuple[int, Outcome | Finding]
"""Index of a job, and one of its answers."""
MAX_QUESTIONS = 32
"""Largest number of questions in one batch: what a lost Dask worker loses."""


@dataclass(frozen=True)
class Batch:
    """Questions about one model.

    Attributes:
        model: the bare model, or a graph of functions.
        key: identity of the model and its task.
        questions: what is asked about it, in the order of their keys.
    """

    model: Given
    key: str
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Job:
    """One method to be asked about one batch.

    Attributes:
        method: the method.
        role: "score" asks the questions, "find" asks about the model alone.
        batch: model and questions.
        seed: the run's seed.
        budget: what one question may cost.
    """

    method: Any
    role: Literal["score", "find"]
    batch: Batch
    seed: int
    budget: Budget


@dataclass(frozen=True)
class Layout:
    """A suite laid out as questions.

    Attributes:
        batches: one per model, with all its questions.
        keys: the question of each case, by the case's id.
        models: the models with their truth, by the key of their batch.
    """

    batches: tuple[Batch, ...]
    keys: dict[str, str]
    models: dict[str, Given]


def lay_out(cases: Sequence[Case], known: Mapping[str, Model] | None = None) -> Layout:
    """Build the models of a suite and group its cases by them.

    Cases that ask the same of the same weights share a question.

    Args:
        cases: the cases.
        known: models that need not be built, by key of their description.

    Raises:
        BenchError: with every case whose model cannot be built or whose hypothesis is not valid.
    """
    batches: dict[str, Batch] = {}
    keys: dict[str, str] = {}
    models: dict[str, Given] = {}
    faults: list[str] = []
    for group in group_by_model(cases):
        try:
            spec = group[0].model
            model = known[spec.key] if known and spec.key in known else build_subject(spec)
        except ScrubkitError as error:
            faults.append(f"model of case {group[0].id}: {error}")
            continue
        questions: dict[str, Question] = {}
        for case in group:
            try:
                question = question_of(case, model)
            except ScrubkitError as error:
                faults.append(f"case {case.id}: {error}")
                continue
            keys[case.id] = question.key
            questions[question.key] = question
        key = question_key(model, "model")
        if key in batches:
            questions |= {question.key: question for question in batches[key].questions}
        ordered = tuple(questions[name] for name in sorted(questions))
        batches[key] = Batch(bare(model), key, ordered)
        models[key] = model
    if faults:
        raise BenchError(faults, title="the suite cannot be asked")
    return Layout(tuple(batches.values()), keys, models)


def group_by_model(cases: Sequence[Case]) -> list[list[Case]]:
    """Group cases by the description of their model, in the order in which models first appear."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.model.key, []).append(case)
    return list(groups.values())


def split(batch: Batch, skip: set[str]) -> list[Batch]:
    """Return what is left of a batch without the questions to skip, in pieces of bounded size."""
    left = [question for question in batch.questions if question.key not in skip]
    pieces = range(0, len(left), MAX_QUESTIONS)
    return [Batch(batch.model, batch.key, tuple(left[low : low + MAX_QUESTIONS])) for low in pieces]


def work(job: Job, caller: Caller) -> Iterator[Outcome | Finding]:
    """Ask all that a job holds, one question after another, of the method where it is called."""
    examiner = Examiner(caller, job.batch.model, seed=job.seed, budget=job.budget)
    if job.role == "find":
        yield examiner.find(job.batch.key)
        return
    for question in job.batch.questions:
        yield examiner.ask(question)
