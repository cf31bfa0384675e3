"""A run of the bench: every method is asked every question of a suite that it was not asked before."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from scrubkit.bench import manifest
from scrubkit.bench.manifest import Suite
from scrubkit.bench.nulls import NULLS
from scrubkit.bench.shards import MAKING, SUITE, Shard, ShardedSuite
from scrubkit.bench.suites import load_suite
from scrubkit.core.reading import require_file
from scrubkit.errors import BenchError
from scrubkit.harness.backends import Backend, backend
from scrubkit.harness.backends import share as memory_share
from scrubkit.harness.batches import Job, Layout, lay_out, split
from scrubkit.harness.entrants import Entrant, enter, find
from scrubkit.harness.exact_value import exact_value
from scrubkit.harness.figures import method_report, share
from scrubkit.harness.finders import finder_report
from scrubkit.harness.gathered import Gathered
from scrubkit.harness.oracle import oracle_report
from scrubkit.harness.outcome import Finding, Outcome
from scrubkit.harness.report import NullFigures, Report, SuiteRef
from scrubkit.harness.store import Store, open_store
from scrubkit.methods.protocol import Budget
from scrubkit.scrubbing.options import versions
from scrubkit.subjects.function_graph import FunctionGraph
from scrubkit.version import __version__

Progress = Callable[[int, int], None]
Answer = Outcome | Finding


def validate(
    methods: Any,
    suite: str | Path | Suite | ShardedSuite = "fast",
    *,
    jobs: int = 1,
    seed: int = 0,
    store: str | Path | None = None,
    dask: str | None = None,
    budget: Budget | None = None,
    calibrate: bool = False,
    nulls: bool = False,
    in_process: bool = False,
    memory: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Put methods under test: how often does each accept a false hypothesis, or reject a true one?

    Args:
        methods: one method or several: built-in names, entry points, ``module:attribute``, or instances.
        suite: name, manifest file or folder of shards of a suite, or the suite itself. Of a suite in shards
            one shard is held at a time, and finders are not asked; nor are they about graphs of functions.
        jobs: worker processes on this machine; with ``dask="local"`` the number of its workers.
        seed: decides all randomness that methods are given.
        store: file in which answers are kept and found again; None keeps nothing.
        dask: address of a Dask scheduler, or "local".
        budget: what one question may cost.
        calibrate: hold stated intervals against enumerated values, for methods that name their `estimand`, on
            models small enough; takes seconds a case.
        nulls: ask the scorers about null models as well (`scrubkit.bench.nulls`), for `false_discovery`.
        in_process: call methods in this process, for debugging. A method that crashes then ends the run, one
            that hangs is not given up, and one can reach all that this process holds, labels included.
        memory: bytes that one worker may allocate, on Linux; by default its share of three quarters of the
            machine's memory.
        progress: called with the number of answers so far and the number there will be.

    Returns:
        The figures of every method, with every answer.

    Raises:
        BenchError: a method, suite, store or option cannot be used.
    """
    began = time.perf_counter()
    budget = budget or Budget()
    _refuse_options(seed, budget)
    with contextlib.ExitStack() as stack:
        machine = stack.enter_context(backend(jobs, dask, in_process=in_process, memory=memory))
        entrants = enter(find(methods, in_process=in_process, memory=memory_share(memory, jobs)))
        asked_of = [(find_suite(suite, jobs=jobs), entrants)]
        _refuse_finders(asked_of[0][0], entrants)
        if nulls:
            asked_of.append((find_suite(NULLS, jobs=jobs), entrants))
        kept = stack.enter_context(open_store(store, write=True)) if store is not None else None
        reports = []
        for chosen, some in asked_of:
            if not _for_finders(chosen):
                some = [entrant for entrant in some if entrant.role == "score"]
            found = Gathered.of(len(some))
            for part in _parts(chosen):
                run = _Run(chosen, lay_out(part.cases, part.models), some, seed, budget, kept, machine)
                tell = (
                    None
                    if progress is None
                    else partial(_told, progress, chosen, len(found.cases), len(some))
                )
                answers, asked = run.collect(tell)
                exact = [_exact_values(run, entrant, calibrate) for entrant in some]
                found.add(part.cases, run.layout, answers, exact, asked, whole=isinstance(chosen, Suite))
            reports.append(_report(chosen, some, found, seed, budget, time.perf_counter() - began))
    return with_nulls(*reports) if nulls else reports[0]


def with_nulls(report: Report, about_nulls: Report) -> Report:
    """Return a run with what the same scorers said of null models.

    Args:
        report: the run.
        about_nulls: the run on the suite of null models.
    """
    found = {method.name: method for method in about_nulls.methods}
    methods = tuple(
        method.model_copy(
            update={
                "false_discovery": share(
                    found[method.name].results, lambda result: result.wrong == "accepted"
                ),
                "nulls": tuple(
                    NullFigures(kind=figures.variant, accepted=figures.accepted)
                    for figures in found[method.name].variants
                ),
                "null_results": found[method.name].results,
            }
        )
        for method in report.methods
    )
    update = {"methods": methods, "nulls": about_nulls.suite, "asked": report.asked + about_nulls.asked}
    return report.model_copy(update=update)


def _told(
    progress: Progress, suite: Suite | ShardedSuite, before: int, entrants: int, done: int, total: int
) -> None:
    """Tell how far a run is; of a suite in shards it is not known which answers are there already."""
    if isinstance(suite, ShardedSuite):
        done, total = before * entrants + done, suite.n_cases * entrants
    progress(done, total)


def _parts(suite: Suite | ShardedSuite) -> Iterator[Shard]:
    """Yield the cases of a suite in parts that are held at a time."""
    if isinstance(suite, ShardedSuite):
        yield from suite.shards()
    else:
        yield Shard(suite.cases, {})


MAX_SECONDS = 30 * 24 * 3600.0
"""Longest time limit of one question: thirty days."""
MAX_DRAWS = 2**31 - 1


def _for_finders(suite: Suite | ShardedSuite) -> bool:
    """Say whether finders are asked about the models of a suite."""
    if isinstance(suite, ShardedSuite) or suite.name == NULLS:
        return False
    return any(case.model.kind != "functions" for case in suite.cases)


def _refuse_finders(suite: Suite | ShardedSuite, entrants: Sequence[Entrant]) -> None:
    """Refuse methods that are finders only where none is asked; raises BenchError with each."""
    scorers = {entrant.method.name for entrant in entrants if entrant.role == "score"}
    idle = sorted({entrant.method.name for entrant in entrants} - scorers)
    if idle and not _for_finders(suite):
        raise BenchError(
            [
                f"{name} is a finder, and finders are not asked about the suite {suite.name}; name a scorer"
                for name in idle
            ],
            title="validate",
        )


def _refuse_options(seed: int, budget: Budget) -> None:
    """Refuse numbers that no run can use; raises BenchError with each."""
    faults = []
    if not -(2**63) <= seed < 2**63:
        faults.append(f"seed must fit into 64 bits, found one of {seed.bit_length():,} bits")
    if not 0 < budget.seconds <= MAX_SECONDS:
        faults.append(f"timeout must be above 0 and at most {MAX_SECONDS:.0f} s, found {budget.seconds:g}")
    if not 1 <= budget.draws <= MAX_DRAWS:
        faults.append(f"draws must lie between 1 and {MAX_DRAWS:,}, found {budget.draws}")
    if faults:
        raise BenchError(faults, title="validate")


def find_suite(
    source: str | Path | Suite | ShardedSuite, *, jobs: int = 1, progress: Progress | None = None
) -> Suite | ShardedSuite:
    """Return a published suite by name, the one in a manifest file or in a folder, or the suite itself.

    Args:
        source: the name, the file, the folder of a suite in shards, or the suite.
        jobs: models that are trained at a time, where the suite has to be made.
        progress: told how far the making is.

    Raises:
        BenchError: there is no such suite, or no such file.
    """
    if isinstance(source, Suite | ShardedSuite):
        return source
    path = Path(source)
    if os.path.isfile(path / SUITE) or os.path.isfile(path / MAKING):
        return ShardedSuite.read(path)
    if os.path.isfile(path):
        return manifest.read(path)
    if path.suffix or len(path.parts) > 1:
        advice = "give a manifest file, or the name of a suite"
        require_file(path, error=BenchError, missing=f"is not there; {advice}")
    return load_suite(str(source), jobs=jobs, progress=progress)


@dataclass(frozen=True)
class _Run:
    """All that decides which questions are asked, and where."""

    suite: Suite | ShardedSuite
    layout: Layout
    entrants: Sequence[Entrant]
    seed: int
    budget: Budget
    store: Store | None
    machine: Backend

    def collect(self, progress: Progress | None) -> tuple[list[dict[str, Answer]], int]:
        """Return the answers of each entrant, by question, and how many of them are new."""
        known = [self._known(entrant) for entrant in self.entrants]
        jobs, whose = self._jobs(known)
        total = sum(1 if job.role == "find" else len(job.batch.questions) for job in jobs)
        asked = 0
        for index, answer in self.machine.run(jobs):
            number = whose[index]
            known[number][answer.key] = answer
            self._keep(self.entrants[number], answer)
            asked += 1
            if progress is not None:
                progress(asked, total)
        return known, asked

    def _known(self, entrant: Entrant) -> dict[str, Answer]:
        """Return the stored answers that this run may use: the seed, draws and kind of device must agree."""
        if self.store is None:
            return {}
        kind = Outcome if entrant.role == "score" else Finding
        devices = self.machine.devices()
        stored = self.store.known(entrant.identity, seed=self.seed, draws=self.budget.draws)
        return {k: a for k, a in stored.items() if isinstance(a, kind) and a.device in devices}

    def _jobs(self, known: Sequence[dict[str, Answer]]) -> tuple[list[Job], list[int]]:
        """Return the jobs left to do, one method after another, and the entrant of each."""
        jobs, whose = [], []
        for number, entrant in enumerate(self.entrants):
            for batch in self.layout.batches:
                if entrant.role == "find":
                    found = batch.key in known[number] or isinstance(batch.model, FunctionGraph)
                    pieces = [] if found else [batch]
                else:
                    pieces = split(batch, set(known[number]))
                for piece in pieces:
                    jobs.append(Job(entrant.method, entrant.role, piece, self.seed, self.budget))
                    whose.append(number)
        return jobs, whose

    def _keep(self, entrant: Entrant, answer: Answer) -> None:
        if self.store is not None:
            self.store.add(
                entrant.identity,
                answer,
                seed=self.seed,
                draws=self.budget.draws,
                suite=f"{self.suite.name} {self.suite.version}",
                cases=self._cases.get(answer.key, []),
            )

    @cached_property
    def _cases(self) -> dict[str, list[str]]:
        """The cases that ask each question."""
        asking: dict[str, list[str]] = {}
        for case, key in self.layout.keys.items():
            asking.setdefault(key, []).append(case)
        return asking


def _exact_values(run: _Run, entrant: Entrant, calibrate: bool) -> dict[str, float]:
    """Return what an entrant's scores estimate, by case, where it can be enumerated."""
    estimand = getattr(entrant.method, "estimand", None)
    if not calibrate or entrant.role != "score":
        return {}
    questions = ((batch.model, question) for batch in run.layout.batches for question in batch.questions)
    values = {q.key: exact_value(estimand, model, q.hypothesis) for model, q in questions}
    return {case: value for case, key in run.layout.keys.items() if (value := values[key]) is not None}


def _report(
    suite: Suite | ShardedSuite,
    entrants: Sequence[Entrant],
    found: Gathered,
    seed: int,
    budget: Budget,
    seconds: float,
) -> Report:
    methods, finders = [], []
    for index, entrant in enumerate(entrants):
        if entrant.role == "score":
            scored, exact = found.scored[index], found.exact[index]
            methods.append(method_report(entrant.identity, found.cases, scored, exact))
        else:
            finders.append(finder_report(entrant.identity, found.models, found.found[index]))
    oracle = oracle_report(found.models) if finders else None
    return Report(
        scrubkit=__version__,
        suite=SuiteRef.of(suite),
        seed=seed,
        draws=budget.draws,
        timeout=budget.seconds,
        devices=tuple(sorted(found.devices)),
        methods=tuple(methods),
        finders=tuple(finders) if oracle is None else (*finders, oracle),
        asked=found.asked,
        seconds=seconds,
        versions=versions(),
    )
