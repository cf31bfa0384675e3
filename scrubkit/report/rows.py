"""Rows of the tables of a run, the same on a terminal, in Markdown and in HTML."""

from __future__ import annotations

from collections.abc import Sequence

from scrubkit.harness.limits import Check
from scrubkit.harness.report import CaseResult, FinderReport, MethodReport, Proportion, Report

METHOD_COLUMNS = (
    "method",
    "AUROC",
    "false accept",
    "false reject",
    "inconclusive",
    "untestable",
    "vacuous accepted",
    "crashed",
    "faults",
    "s/case",
)
FINDER_COLUMNS = (
    "finder",
    "sites AUROC",
    "sites AP",
    "edges AUROC",
    "edges AP",
    "CPR",
    "CMD",
    "faults",
    "s/model",
)
OPERATOR_COLUMNS = ("operator", "accepted", "killed")
NEVER = "never decided"
"""Stands for shares of wrong decisions where there was no decision."""
SHOWN_OPERATORS = 8


def identity(report: Report) -> str:
    """Return on one line what was asked: suite, version, hash, seed, draws and devices."""
    suite = report.suite
    asked = max((len(method.results) for method in report.methods), default=suite.cases)
    cases = f"{suite.cases} cases" if asked == suite.cases else f"{asked} of {suite.cases} cases"
    return (
        f"{suite.name} {suite.version} ({suite.hash[:12]}), {cases}, seed {report.seed}, "
        f"{report.draws} draws, {'+'.join(report.devices)}"
    )


def method_row(method: MethodReport) -> tuple[str, ...]:
    """Return a scorer's row."""
    shares = (method.inconclusive, method.untestable, method.vacuous_accepted, method.crashed, method.faults)
    wrong = (NEVER, NEVER) if method.never_decided else (str(method.false_accept), str(method.false_reject))
    return (method.name, str(method.auroc), *wrong, *map(_percent, shares), f"{method.seconds:.3f}")


def finder_row(finder: FinderReport) -> tuple[str, ...]:
    """Return a finder's row."""
    figures = ("sites_auroc", "sites_ap", "edges_auroc", "edges_ap", "cpr", "cmd")
    cells = (str(getattr(finder, name)) for name in figures)
    return (finder.name, *cells, _percent(finder.faults), f"{finder.seconds:.3f}")


def operator_rows(method: MethodReport, shown: int | None = SHOWN_OPERATORS) -> list[tuple[str, ...]]:
    """Return a row for each kind of mutant that fools a method, the worst first."""
    return [(f.operator, str(f.accepted), str(f.killed)) for f in method.fooled_by[:shown]]


def case_line(result: CaseResult) -> str:
    """Return a case on one line: what was asked, what came back, and why that is wrong."""
    if result.outcome.fault is not None:
        return f"{result.case}: {answer(result)}; the hypothesis is {result.label}"
    why = f": {'; '.join(result.failed[:2])}" if result.failed else ""
    return f"{result.case}: {answer(result)}, but it is {result.label}{why}"


def answer(result: CaseResult) -> str:
    """Return what a method said of a case: a verdict and a score, or a fault."""
    outcome = result.outcome
    got = f"fault: {outcome.fault.kind}, {outcome.fault.detail}" if outcome.fault else str(outcome.verdict)
    return got + ("" if outcome.score is None else f" (score {outcome.score:.4g})")


def effort(report: Report) -> str:
    """Return on one line how much was asked in this run, and how long it took."""
    answers = sum(len(method.results) for method in report.methods)
    answers += sum(len(finder.models) for finder in report.finders)
    return f"{answers} cases answered; {report.asked} questions asked in this run, in {report.seconds:.1f} s"


def outcome(checks: Sequence[Check]) -> str:
    """Return on one line whether a run met what was asked of it."""
    failed = missed(checks)
    if failed:
        return f"{len(failed)} of {len(checks)} checks missed"
    return "the check passed" if len(checks) == 1 else f"all {len(checks)} checks passed"


def missed(checks: Sequence[Check]) -> list[Check]:
    """Return the checks that were missed."""
    return [check for check in checks if check.status == "missed"]


def _percent(share: Proportion) -> str:
    return "-" if share.value is None else f"{100 * share.value:.1f} %"
