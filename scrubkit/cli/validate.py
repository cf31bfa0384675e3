"""The ``scrubkit validate`` command."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scrubkit.errors import BenchError

if TYPE_CHECKING:
    from rich.console import Console

    from scrubkit.bench.manifest import Suite
    from scrubkit.bench.shards import ShardedSuite
    from scrubkit.harness.limits import Check
    from scrubkit.harness.report import Report


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("validate")(validate)


WIDTH = 100
"""Width of the tables where the output is no terminal."""


def validate(
    context: typer.Context,
    methods: Annotated[
        list[str], typer.Argument(help="Built-in names, entry points, or package.module:attribute.")
    ],
    suite: Annotated[
        str, typer.Option(help="Name of a suite, a manifest file, or a folder of shards.")
    ] = "fast",
    held_out: Annotated[
        int | None, typer.Option(min=1, help="Use a fresh suite of the same kind, made from this seed.")
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(min=10, help="Ask about so many cases only, by strata, the same every time."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=1024, help="Worker processes on this machine.")] = 1,
    dask: Annotated[
        str | None, typer.Option(help='Address of a Dask scheduler, or "local" for --jobs workers here.')
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides all randomness.")] = 0,
    draws: Annotated[int, typer.Option(min=2, help="Passes over all inputs that a method should take.")] = 8,
    timeout: Annotated[
        float, typer.Option(min=0.01, max=2_592_000, help="Seconds that one question may take.")
    ] = 60.0,
    memory: Annotated[
        float | None,
        typer.Option(min=0.5, max=1e6, help="GiB that a worker may allocate (Linux); by default its share."),
    ] = None,
    in_process: Annotated[
        bool,
        typer.Option(
            "--in-process",
            help="For debugging: call methods in this process, which they can then crash, hang and read.",
        ),
    ] = False,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Hold stated intervals against enumerated values; slow.")
    ] = False,
    nulls: Annotated[
        bool, typer.Option("--nulls", help="Ask scorers about null models as well: the false discoveries.")
    ] = False,
    store: Annotated[
        Path | None, typer.Option(help="Where answers are kept; by default in the cache folder.")
    ] = None,
    no_store: Annotated[
        bool, typer.Option("--no-store", help="Ask everything anew and keep nothing.")
    ] = False,
    json: Annotated[
        Path | None, typer.Option("--json", help="Write the report as JSON; - is standard output.")
    ] = None,
    junit_xml: Annotated[Path | None, typer.Option(help="Write the checks as JUnit XML.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write the tables as Markdown.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write tables and charts as one page.")] = None,
    min_auroc: Annotated[
        float | None, typer.Option(min=0, max=1, help="Fail where the AUROC of a method is smaller.")
    ] = None,
    max_false_accept: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Fail where a larger share of false hypotheses is supported."),
    ] = None,
    max_false_reject: Annotated[
        float | None, typer.Option(min=0, max=1, help="Fail where a larger share of true ones is refuted.")
    ] = None,
    max_inconclusive: Annotated[
        float | None, typer.Option(min=0, max=1, help="Fail where a larger share is left inconclusive.")
    ] = None,
    max_vacuous: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Fail where a larger share of vacuous ones is supported."),
    ] = None,
    max_faults: Annotated[
        float | None, typer.Option(min=0, max=1, help="Fail where a larger share has no valid answer.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="Fail where a figure is worse than in this file, beyond its interval.")
    ] = None,
    update_baseline: Annotated[
        bool, typer.Option("--update-baseline", help="Write the figures to --baseline instead of comparing.")
    ] = False,
) -> None:
    """Measure how often methods accept false hypotheses and reject true ones.

    Exit code 0: run, and all limits are met. 1: a limit was missed, a figure fell behind the baseline, or a
    method answered or decided nothing. 2: bad input. 3: an error of scrubkit's own.
    """
    written = {"--json": json, "--junit-xml": junit_xml, "--markdown": markdown, "--html": html}
    _refuse_options(written, baseline, update_baseline=update_baseline, store=store, no_store=no_store)
    if not in_process and dask is None:
        from scrubkit.harness.worker.starter import template

        # It imports beside this process.
        template()
    from rich.console import Console

    from scrubkit.bench.nulls import NULLS
    from scrubkit.bench.suites import held_out as fresh_suite
    from scrubkit.bench.suites import load_suite
    from scrubkit.cli.command import command_line
    from scrubkit.cli.progress import shown_progress
    from scrubkit.harness.backends import share
    from scrubkit.harness.baseline import read_baseline, require_comparable
    from scrubkit.harness.entrants import find
    from scrubkit.harness.limits import Limits
    from scrubkit.harness.report import SuiteRef
    from scrubkit.harness.run import find_suite
    from scrubkit.harness.run import validate as run
    from scrubkit.harness.stranger import roles
    from scrubkit.methods.protocol import Budget
    from scrubkit.models.load import cache_folder
    from scrubkit.report.page import page
    from scrubkit.report.place import STDOUT, write_report
    from scrubkit.report.rows import missed

    limits = Limits(min_auroc, max_false_accept, max_false_reject, max_inconclusive, max_vacuous, max_faults)
    # A file that is to be replaced has to be a baseline, too.
    there = baseline is not None and (baseline.exists() or not update_baseline)
    old = read_baseline(baseline) if baseline is not None and there else None
    place = None if no_store else store or cache_folder() / "results.sqlite"
    # Methods of one's own are looked for in the current folder too, as python -m does.
    _import_from_here()
    console = Console(emoji=False, stderr=STDOUT in written.values())
    if not console.is_terminal:
        console.width = WIDTH
    size = None if memory is None else int(memory * 2**30)
    found = find(methods, in_process=in_process, memory=share(size, jobs))
    scorers = [method.name for method in found if "score" in roles(method)]
    with shown_progress(Console(stderr=True, emoji=False), "making the suite") as progress:
        making = {"jobs": jobs, "progress": progress}
        chosen = find_suite(suite, **making) if held_out is None else fresh_suite(suite, held_out, **making)
    if sample is not None:
        chosen = _some(chosen, sample)
    if nulls:
        with shown_progress(Console(stderr=True, emoji=False), "making the null models") as progress:
            load_suite(NULLS, jobs=jobs, progress=progress)
    if old is not None and not update_baseline:
        require_comparable(old, SuiteRef.of(chosen), seed, draws, scorers, title=str(baseline))
    with shown_progress(Console(stderr=True, emoji=False), "asking") as progress, _interruptible(place):
        report = run(
            found,
            chosen,
            jobs=jobs,
            seed=seed,
            store=place,
            dask=dask,
            budget=Budget(draws, timeout),
            calibrate=calibrate,
            nulls=nulls,
            in_process=in_process,
            memory=size,
            progress=progress,
        )
    checks = _check(report, limits, None if update_baseline else old, baseline)
    _write(report, checks, json=json, junit_xml=junit_xml, markdown=markdown)
    if html is not None:
        write_report(html, page(report, checks, baseline=old, command=command_line(context)))
    _show(console, report, checks)
    if update_baseline and baseline is not None:
        _keep(baseline, report)
    raise typer.Exit(1 if missed(checks) else 0)


def _some(suite: Suite | ShardedSuite, size: int) -> Suite:
    """Return a sample of a suite; raises BenchError where it comes in shards."""
    from scrubkit.bench.manifest import Suite
    from scrubkit.harness.sample import sampled

    if not isinstance(suite, Suite):
        raise BenchError("--sample takes cases of a whole suite, and this one comes in shards")
    return sampled(suite, size)


def _refuse_options(
    written: dict[str, Path | None],
    baseline: Path | None,
    *,
    update_baseline: bool,
    store: Path | None,
    no_store: bool,
) -> None:
    """Refuse what could only fail after the run; raises BenchError with every reason."""
    from scrubkit.report.place import place_fault

    faults = []
    if update_baseline and baseline is None:
        faults.append("--update-baseline needs --baseline PATH")
    if no_store and store is not None:
        faults.append("--no-store and --store exclude each other")
    files = {option: path for option, path in written.items() if path is not None}
    if update_baseline and baseline is not None:
        files["--baseline"] = baseline
    faults += [f"{option} {path} {fault}" for option, path in files.items() if (fault := place_fault(path))]
    places = [path.resolve() for path in files.values() if path.is_file() or not path.exists()]
    if len(set(places)) < len(places):
        faults.append(f"{', '.join(files)} would write to one file; name one for each")
    if faults:
        raise BenchError(faults, title="scrubkit validate")


@contextlib.contextmanager
def _interruptible(place: Path | None) -> Iterator[None]:
    """Say what is left when a run is interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        kept = "nothing was kept (--no-store)"
        if place is not None:
            kept = f"what was answered is kept in {place}; the same command goes on from there"
        typer.echo(f"interrupted; {kept}", err=True)
        raise typer.Exit(130) from None


def _import_from_here() -> None:
    import sys

    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.insert(0, os.getcwd())


def _check(report: Report, limits: object, old: object, path: Path | None) -> list[Check]:
    from scrubkit.harness.baseline import Baseline, check_baseline
    from scrubkit.harness.limits import Limits, check_limits

    assert isinstance(limits, Limits)
    checks = check_limits(report, limits)
    if isinstance(old, Baseline):
        checks += check_baseline(report, old, title=str(path))
    return checks


def _keep(path: Path, report: Report) -> None:
    """Write a baseline, unless it would be one of nothing but faults; raises BenchError then."""
    from scrubkit.harness.baseline import write_baseline

    empty = [method.name for method in report.methods if method.never_answered]
    if empty:
        raise BenchError(f"not written: no valid answer of {', '.join(empty)}", title=str(path))
    write_baseline(path, report)


def _write(
    report: Report,
    checks: list[Check],
    *,
    json: Path | None,
    junit_xml: Path | None,
    markdown: Path | None,
) -> None:
    from scrubkit.report.junit import junit_xml as as_junit
    from scrubkit.report.markdown import markdown as as_markdown
    from scrubkit.report.place import write_report

    wanted = (
        (json, lambda: report.model_dump_json(indent=1) + "\n"),
        (junit_xml, lambda: as_junit(report, checks)),
        (markdown, lambda: as_markdown(report, checks)),
    )
    for path, text in wanted:
        if path is not None:
            write_report(path, text())


def _show(console: Console, report: Report, checks: list[Check]) -> None:
    from scrubkit.cli.bench_tables import bench_tables, missed_text
    from scrubkit.report.rows import missed, outcome

    console.print(bench_tables(report))
    failed = missed(checks)
    if failed:
        console.print(missed_text(report, failed))
    elif checks:
        console.print(outcome(checks), style="bold green")
