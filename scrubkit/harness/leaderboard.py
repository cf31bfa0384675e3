"""The leaderboard: every method on several draws of suites, pooled, and ranked with the ranks' uncertainty.

On each draw all methods are first asked about a sample of the cases, chosen by strata; those that answer fast
enough go on to all of them. Every answer is kept, so that a run that was broken off goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scrubkit.bench.manifest import Suite
from scrubkit.bench.nulls import NULLS
from scrubkit.bench.suites import held_out, load_suite
from scrubkit.errors import BenchError
from scrubkit.harness.entrants import find
from scrubkit.harness.figures import figures_of
from scrubkit.harness.identity import Identity
from scrubkit.harness.outcome import Record
from scrubkit.harness.ranking import Standing, standings
from scrubkit.harness.report import FinderReport, MethodReport, Report, SuiteRef
from scrubkit.harness.run import Progress, validate, with_nulls
from scrubkit.harness.sample import sampled
from scrubkit.harness.stranger import roles
from scrubkit.methods.protocol import Budget

SCHEMA_VERSION = 1
DRAWS = ("fast", "standard", "programs-fast", "programs", "fast:1", "programs-fast:1")
"""What is asked where nothing is said: the published suites, and two held-out draws."""


@dataclass(frozen=True)
class Settings:
    """What decides a leaderboard besides its methods and draws.

    Attributes:
        sample: cases of each draw that every scorer is asked about.
        slow: a scorer that takes more seconds a case than this is asked about no others.
        seed: decides all randomness, and the samples.
        budget: what one question may cost.
        nulls: whether null models are asked about too.
        jobs: worker processes.
        memory: bytes that one worker may allocate.
    """

    sample: int = 200
    slow: float = 0.5
    seed: int = 0
    budget: Budget = Budget()
    nulls: bool = True
    jobs: int = 1
    memory: int | None = None


class DrawFigures(Record):
    """Figures on one draw, without the answers behind them.

    Attributes:
        name: of the draw, a suite's name and, where it is held out, its seed: ``fast:1``.
        suite: the whole suite.
        sample: how many of its cases slow scorers, and finders about their models, were asked.
        methods: the scorers.
        finders: the finders.
    """

    name: str
    suite: SuiteRef
    sample: int
    methods: tuple[MethodReport, ...]
    finders: tuple[FinderReport, ...]


class Leaderboard(Record):
    """All draws together.

    Attributes:
        standings: the methods by rank.
        pooled: figures of each method over the cases of all draws, by rank; its AUROC is the mean over the
            draws.
        draws: figures on each draw.
        left: names of draws that were not asked yet.
        nulls: the suite of null models, where it was asked.
    """

    schema_version: int = SCHEMA_VERSION
    scrubkit: str
    seed: int
    budget_draws: int
    timeout: float
    sample: int
    slow: float
    devices: tuple[str, ...]
    standings: tuple[Standing, ...]
    pooled: tuple[MethodReport, ...]
    draws: tuple[DrawFigures, ...]
    left: tuple[str, ...] = ()
    nulls: SuiteRef | None = None
    versions: dict[str, Any] = {}


def read_draw(text: str) -> tuple[str, int]:
    """Return name and seed of a draw: ``fast`` is the published suite, ``fast:1`` a held-out one."""
    name, colon, seed = text.partition(":")
    if colon and not (seed.isdecimal() and 0 < int(seed) < 2**53):
        raise BenchError(f"a draw is a suite's name, or NAME:SEED with a seed above 0; found {text!r}")
    return name, int(seed) if colon else 0


def leaderboards(
    methods: Sequence[Any],
    draws: Sequence[str],
    settings: Settings,
    *,
    store: Path,
    progress: Callable[[str], Progress | None] = lambda name: None,
) -> Iterator[Leaderboard]:
    """Ask every draw, and yield the leaderboard as it stands after each.

    Args:
        methods: scorers and finders, as `scrubkit.validate` takes them.
        draws: as `read_draw` takes them.
        settings: see there.
        store: file in which answers are kept.
        progress: called with the name of what is asked next; returns what is told how far that is.

    Raises:
        BenchError: a method, a draw or the store cannot be used.
    """
    for name in draws:
        read_draw(name)
    found, about_nulls = find(methods), None
    scorers = [method for method in found if "score" in roles(method)]
    if settings.nulls and scorers:
        about_nulls, _ = _asked(scorers, NULLS, settings, store, progress)
    reports: list[Report] = []
    figures: list[DrawFigures] = []
    for number, text in enumerate(draws):
        report, size = _asked(found, text, settings, store, progress)
        reports.append(report)
        figures.append(_bare(text, report, size))
        yield _together(reports, figures, draws[number + 1 :], about_nulls, settings)


def _asked(
    methods: Sequence[Any],
    text: str,
    settings: Settings,
    store: Path,
    progress: Callable[[str], Progress | None],
) -> tuple[Report, int]:
    """Return the report on one draw: slow scorers on the sample, the others on all cases."""
    name, seed = read_draw(text)
    making = {"jobs": settings.jobs, "progress": progress(f"making {text}")}
    suite = held_out(name, seed, **making) if seed else load_suite(name, **making)
    some = sampled(suite, settings.sample, seed=settings.seed)
    first = _ask(methods, some, settings, store, progress(some.name if seed == 0 else f"{text} sample"))
    if len(some.cases) == len(suite.cases):
        return first, len(some.cases)
    fast = {method.name for method in first.methods if method.seconds <= settings.slow}
    going_on = [method for method in methods if method.name in fast]
    reports = list(first.methods)
    if going_on:
        whole = _ask(going_on, suite, settings, store, progress(text))
        by_name = {method.name: method for method in whole.methods}
        reports = [by_name.get(method.name, method) for method in reports]
    update = {"methods": tuple(reports), "suite": SuiteRef.of(suite)}
    return first.model_copy(update=update), len(some.cases)


def _ask(
    methods: Sequence[Any], suite: Suite, settings: Settings, store: Path, progress: Progress | None
) -> Report:
    return validate(
        list(methods),
        suite,
        jobs=settings.jobs,
        seed=settings.seed,
        store=store,
        budget=settings.budget,
        memory=settings.memory,
        progress=progress,
    )


def _bare(name: str, report: Report, size: int) -> DrawFigures:
    methods = tuple(method.model_copy(update={"results": ()}) for method in report.methods)
    finders = tuple(finder.model_copy(update={"models": ()}) for finder in report.finders)
    return DrawFigures(name=name, suite=report.suite, sample=size, methods=methods, finders=finders)


def _together(
    reports: Sequence[Report],
    found: Sequence[DrawFigures],
    left: Sequence[str],
    about_nulls: Report | None,
    settings: Settings,
) -> Leaderboard:
    placed = standings([report.methods for report in reports], seed=settings.seed)
    pooled = [_pooled(standing, reports) for standing in placed]
    last = reports[-1].model_copy(update={"methods": tuple(pooled)})
    if about_nulls is not None:
        last = with_nulls(last, about_nulls)
    bare = (m.model_copy(update={"results": (), "null_results": ()}) for m in last.methods)
    return Leaderboard(
        scrubkit=last.scrubkit,
        seed=settings.seed,
        budget_draws=settings.budget.draws,
        timeout=settings.budget.seconds,
        sample=settings.sample,
        slow=settings.slow,
        devices=tuple(sorted({device for report in reports for device in report.devices})),
        standings=tuple(placed),
        pooled=tuple(bare),
        draws=tuple(found),
        left=tuple(left),
        nulls=last.nulls,
        versions=last.versions,
    )


def _pooled(standing: Standing, reports: Sequence[Report]) -> MethodReport:
    """Return a method's figures over the cases of all draws; a model of two draws is one model."""
    ours = [report[standing.method] for report in reports]
    first = ours[0]
    identity = Identity(first.name, first.version, first.config, first.claims_minimality)
    whole = figures_of(identity, [result for method in ours for result in method.results])
    return whole.model_copy(update={"auroc": standing.auroc})
