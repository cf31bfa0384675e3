"""The ``scrubkit score`` command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from scrubkit.errors import ScrubError, ScrubkitError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.console import Console

    from scrubkit.cli.score_file import NotScored, Scored, ScoreFile
    from scrubkit.hypothesis import Hypothesis
    from scrubkit.models.model import Model
    from scrubkit.report.examined import Examined
    from scrubkit.scrubbing.score import Score
    from scrubkit.scrubbing.scoring import Scorer

DEFAULT_MODEL = "modadd-p113"
CLAIM_DRAWS = 4
"""Passes over all inputs for each claim that a page tests alone."""
VERDICTS = (
    "supported: the intervals of {names} lie at or above {least}; refuted: one lies under it; "
    "inconclusive: one straddles it; untestable: nothing could be resampled."
)
"""Said under every table of verdicts: from where on a hypothesis is supported."""
UNCHECKED = (
    "The verdict is that of the whole scrub, at the logits: no node or edge is tested by itself, nor whether "
    "all that is named is needed; --method audited-scrubbing tests both."
)
"""Said under every table of scores: what the verdict does not look at."""
NARROWEST = 130
"""Columns of a table that goes to a file or a pipe, which has no width of its own."""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("score")(score)


def score(
    context: typer.Context,
    paths: Annotated[
        list[Path], typer.Argument(help="Hypothesis files, folders of them, or names of shipped ones.")
    ],
    model: Annotated[
        str, typer.Option(help="Bundled name, directory, file or hf://owner/name.")
    ] = DEFAULT_MODEL,
    draws: Annotated[str, typer.Option(help='Passes over all inputs, or "auto".')] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of all draws.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    json: Annotated[
        Path | None,
        typer.Option("--json", help="Write the scores to this file as JSON; - is standard output."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Write one page with tables, graphs, maps and losses to this file."),
    ] = None,
    explained: Annotated[
        bool,
        typer.Option(
            "--explain/--no-explain",
            help="With --html: test each claim of every hypothesis alone, and colour the graphs by that.",
        ),
    ] = True,
    exact: Annotated[
        bool, typer.Option("--exact", help="Enumerate all joint draws instead, where they are few.")
    ] = False,
    max_runs: Annotated[
        int | None, typer.Option(min=1, max=10**12, help="Runs that --exact may take; by default 20 million.")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(help="Let a method of the bench judge instead, such as audited-scrubbing."),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(help="How far from 1 fidelity and faithfulness may be for the verdict; by default 0.1."),
    ] = None,
    expect: Annotated[
        bool, typer.Option("--expect", help="Fail if a verdict differs from what its file expects.")
    ] = False,
    no_code: Annotated[
        bool, typer.Option("--no-code", help="Refuse .py files; JSON files run no code.")
    ] = False,
) -> None:
    """Scrub hypotheses on a model and print how well each survives.

    Exit code 0: every file was scored. 1: with --expect, a verdict differs from what its file expects. 2: bad
    input; files that can be scored are scored all the same.
    """
    passes = read_draws(draws)
    _refuse_options(passes, exact=exact, max_runs=max_runs, method=method, margin=margin, html=html)

    from rich.console import Console

    from scrubkit.cli.command import command_line
    from scrubkit.cli.score_table import score_table
    from scrubkit.hypothesis import find_hypotheses
    from scrubkit.models.load import load

    require_places({"--json": json, "--html": html})
    files = find_hypotheses(paths)
    loaded = load(model)
    err = Console(stderr=True, emoji=False)
    options = Options(
        passes, seed, device, allow_code=not no_code, exact=exact, max_runs=max_runs, margin=margin
    )
    looks = None if html is None else _Looks(CLAIM_DRAWS if explained else 0)
    title = f"{loaded.name}, {loaded.task.n_inputs:,} inputs"
    if method is None:
        with _progress(err, len(files)) as advance:
            report = score_files(loaded, files, options, advance, looks, advance.enumerated)
        if report.scores:
            wide_console(json).print(score_table(report.scores, title))
            typer.echo(f"{thresholds(report.scores[0].score)} --margin sets them.\n{UNCHECKED}", err=True)
    else:
        from scrubkit.cli.judge import judge_files, judged_table, scorer

        asked = scorer(method)
        with _progress(err, len(files)) as advance:
            report = judge_files(asked, loaded, files, options, advance)
        if report.judged:
            wide_console(json).print(judged_table(report.judged, f"{title}, judged by {asked.name}"))
    if json is not None:
        write_text(json, report.model_dump_json(indent=2) + "\n")
    if html is not None and looks is not None and looks.found:
        write_text(html, looks.page(report, loaded, command_line(context)))
    raise typer.Exit(_outcome(err, report, default_model(context), expect=expect))


@dataclass(frozen=True)
class Options:
    """How files are read and scored; see the options of the command."""

    draws: int | Literal["auto"] = "auto"
    seed: int = 0
    device: str = "auto"
    allow_code: bool = True
    exact: bool = False
    max_runs: int | None = None
    margin: float | None = None


def _refuse_options(
    draws: int | Literal["auto"],
    *,
    exact: bool,
    max_runs: int | None,
    method: str | None,
    margin: float | None,
    html: Path | None,
) -> None:
    """Refuse options that say nothing together; raises ScrubError with each."""
    faults = []
    if margin is not None and not 0 < margin < 1:
        faults.append(f"--margin lies between 0 and 1, found {margin:g}")
    own = {"--exact": exact, "--margin": margin is not None, "--html": html is not None}
    if method is not None and any(own.values()):
        given = " and ".join(name for name, said in own.items() if said)
        faults.append(f"{given} are of the default verdict; {method} has a rule of its own")
    if exact and draws != "auto":
        faults.append("--exact takes all draws; leave out --draws")
    if max_runs is not None and not exact:
        faults.append("--max-runs limits --exact; give that as well")
    if faults:
        raise ScrubError(faults, title="scrubkit score")


def score_files(
    model: Model,
    files: Sequence[Path],
    options: Options,
    advance: Callable[[str], None] = lambda name: None,
    looks: _Looks | None = None,
    enumerated: Callable[[int, int], None] = lambda done, total: None,
) -> ScoreFile:
    """Score each file on its own, so that a bad one does not cost the scores of the others.

    Args:
        model: the model that the files are asked about.
        files: hypothesis files.
        options: how to score them.
        advance: called with each file's name before it is scored.
        looks: looks closely at each hypothesis that is scored, for a page.
        enumerated: told how many inputs an enumeration is through, and of how many.
    """
    from scrubkit.cli.score_file import NotScored, ScoreFile

    scores: list[Scored] = []
    not_scored: list[NotScored] = []
    for path in files:
        advance(path.stem)
        try:
            scores.append(_score_file(model, path, options, looks, enumerated))
        except ScrubkitError as error:
            not_scored.append(NotScored(file=str(path), faults=error.faults))
    return ScoreFile(
        model=model.name,
        model_hash=model.weights_hash,
        scores=tuple(scores),
        not_scored=tuple(not_scored),
    )


def _score_file(
    model: Model,
    path: Path,
    options: Options,
    looks: _Looks | None,
    enumerated: Callable[[int, int], None],
) -> Scored:
    from scrubkit.cli.score_file import Scored
    from scrubkit.hypothesis import load_hypothesis
    from scrubkit.hypothesis.checks import GraphError
    from scrubkit.scrubbing.check import check
    from scrubkit.scrubbing.exact import MAX_RUNS
    from scrubkit.scrubbing.expectation import expected_verdicts
    from scrubkit.scrubbing.score import Margins
    from scrubkit.scrubbing.scoring import Scorer

    scorer = Scorer(model, device=options.device)
    try:
        hypothesis = load_hypothesis(path, truth=model.truth, allow_code=options.allow_code)
    except GraphError:
        # The check raises with the faults of sites and features as well.
        check(path, scorer.subject, model.truth, allow_code=options.allow_code)
        raise
    result = scorer.score(
        hypothesis,
        draws=options.draws,
        seed=options.seed,
        exact=options.exact,
        max_runs=MAX_RUNS if options.max_runs is None else options.max_runs,
        margin=Margins() if options.margin is None else options.margin,
        progress=enumerated,
    )
    expected = expected_verdicts(hypothesis, model)
    met = result.verdict in expected if expected else None
    scored = Scored(file=str(path), expected=expected, as_expected=met, score=result)
    if looks is not None:
        looks.add(scorer, hypothesis, scored)
    return scored


class _Looks:
    """Looks closely at hypotheses as they are scored, and puts them on a page.

    Args:
        draws: draws with which each claim is tested alone; 0 leaves them untested.
    """

    def __init__(self, draws: int) -> None:
        self.draws = draws
        self.found: list[Examined] = []

    def add(self, scorer: Scorer, hypothesis: Hypothesis, scored: Scored) -> None:
        """Look at a hypothesis."""
        from dataclasses import replace

        from scrubkit.report.examined import examine

        one = examine(scorer, hypothesis, scored.score, draws=self.draws)
        self.found.append(
            replace(one, file=scored.file, expected=scored.expected, as_expected=scored.as_expected)
        )

    def page(self, report: ScoreFile, model: Model, command: str) -> str:
        """Return the page of what was looked at."""
        from scrubkit.report.score_page import score_page

        faults = {one.file: one.faults for one in report.not_scored}
        return score_page(
            self.found, n_inputs=model.task.n_inputs, command=command, not_scored=faults, model=model
        )


def thresholds(score: Score) -> str:
    """Return in words from where on the figures of a score support a hypothesis."""
    margins = score.settings.margins
    behaviour = "faithfulness" if score.faithfulness is not None else "loss recovered"
    least = dict.fromkeys(f"{1 - margin:g}" for margin in (margins.fidelity, margins.faithfulness))
    return VERDICTS.format(names=f"fidelity and {behaviour}", least=" and ".join(least))


def default_model(context: typer.Context) -> str:
    """Return that the model is the one taken where none is named; empty where one was."""
    source = context.get_parameter_source("model")
    return " (the default; --model names another)" if source is not None and source.name == "DEFAULT" else ""


def _outcome(err: Console, report: ScoreFile, default: str, *, expect: bool) -> int:
    """Say what went wrong and return the exit code."""
    if report.not_scored:
        total = len(report.not_scored) + len(report.scores) + len(report.judged)
        lacking = f"{len(report.not_scored)} of {total} files not scored"
        complain(err, f"error: {lacking} on {report.model}{default}:")
        for one in report.not_scored:
            complain(err, str(ScrubkitError(one.faults, title=one.file)))
        return 2
    said = [(one, one.score.verdict, one.score.reasons) for one in report.scores]
    said += [(one, one.verdict, one.notes) for one in report.judged]
    differ = [(one, verdict, why) for one, verdict, why in said if one.as_expected is False]
    if not (expect and differ):
        return 0
    for one, verdict, why in differ:
        wanted = " or ".join(one.expected)
        complain(err, f"{one.file}: {verdict}, expected {wanted}: {'; '.join(why)}")
    return 1


def complain(err: Console, text: str) -> None:
    """Print a fault in red, word for word but for control characters."""
    from scrubkit.report.plain import plain

    err.print(plain(text), style="red", markup=False, highlight=False, soft_wrap=True)


def read_draws(text: str) -> int | Literal["auto"]:
    """Read a number of draws or "auto"; raises ScrubError."""
    if text == "auto":
        return "auto"
    if not text.isdecimal() or len(text) > 6 or not 2 <= int(text) <= 100_000:
        raise ScrubError(f"--draws takes auto or a number from 2 to 100000, found {text!r}")
    return int(text)


def wide_console(*written: Path | None) -> Any:
    """Return a console that does not fold tables where there is no terminal.

    Args:
        written: files that the command writes; where one is standard output, tables go to standard error.
    """
    from rich.console import Console

    from scrubkit.report.place import STDOUT

    console = Console(emoji=False, stderr=STDOUT in written)
    if not console.is_terminal:
        console.width = max(console.width, NARROWEST)
    return console


def require_places(written: Mapping[str, Path | None]) -> None:
    """Refuse before the work what could not be written after it.

    Args:
        written: the files that are to be written, by their options.

    Raises:
        ScrubError: with every file that cannot be written, or that two options name.
    """
    from scrubkit.report.place import place_fault

    files = {option: path for option, path in written.items() if path is not None}
    faults = [f"{option} {path} {fault}" for option, path in files.items() if (fault := place_fault(path))]
    if len({path.resolve() for path in files.values()}) < len(files):
        faults.append(f"{' and '.join(files)} would write to one file; name one for each")
    if faults:
        raise ScrubError(faults)


def write_text(path: Path, text: str) -> None:
    """Write a file; raises ScrubError where it cannot be written."""
    from scrubkit.report.place import write_report

    try:
        write_report(path, text)
    except OSError as error:
        raise ScrubError(f"cannot write {path}: {error.strerror}") from None


HINT = "without --exact it is scored with draws, which takes a moment"


class _Shown:
    """Shows which file is being scored, and how far its enumeration is.

    Args:
        err: where it is shown: bars on a terminal; elsewhere lines, and only of what takes long.
        n_files: how many files there are.
    """

    def __init__(self, err: Console, n_files: int) -> None:
        from scrubkit.cli.progress import timed_bar

        self.err = err
        self.bar = timed_bar(err)
        self.files = self.bar.add_task("scoring", total=n_files)
        self.inputs = self.bar.add_task("enumerating", total=None, visible=False)
        self.started = self.hinted = False

    def __call__(self, name: str) -> None:
        """Begin with a file."""
        from scrubkit.cli.progress import Lines

        self.bar.update(self.files, advance=1 if self.started else 0, description=name)
        self.bar.reset(self.inputs, total=None, visible=False)
        self.lines = Lines(self.err, f"enumerating the draws of {name}, by inputs", HINT)
        self.started = True

    def enumerated(self, done: int, total: int) -> None:
        """Tell how far the enumeration of the file is."""
        from scrubkit.cli.progress import LONG

        if not self.err.is_terminal:
            self.lines(done, total)
            return
        self.bar.update(self.inputs, completed=done, total=total, visible=True)
        left = self.bar.tasks[self.inputs].time_remaining
        if left is not None and left > LONG and not self.hinted:
            self.hinted = True
            self.err.print(HINT, highlight=False)


@contextmanager
def _progress(err: Console, n_files: int) -> Iterator[_Shown]:
    """Show which file is being scored and the time that is left."""
    shown = _Shown(err, n_files)
    with shown.bar:
        yield shown
