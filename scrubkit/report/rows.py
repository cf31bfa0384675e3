"""Rows of the tables of a run, the same on a terminal, in Markdown and in HTML."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from scrubkit.harness.figures import worst
from scrubkit.harness.limits import Check
from scrubkit.harness.report import CaseResult, Estimate, FinderReport, MethodReport, Proportion, Report
from scrubkit.harness.strata import NOT_NEEDED, ordered
from scrubkit.report.words import COLUMNS, FINDER_WORDS, MORE

METHOD_COLUMNS = ("method", "AUROC", "false accept", "false reject", "vacuous", "nulls")
CONDUCT_COLUMNS = (
    "method",
    "decided",
    "inconcl.",
    "untest.",
    "faults",
    "crashed",
    "timeouts",
    "s/case",
    "runs",
)
FINDER_COLUMNS = (
    "finder",
    "sites AUROC",
    "sites AP",
    "edges AUROC",
    "edges AP",
    "CPR",
    "CMD",
    "attain.",
    "faults",
    "s/model",
)
OPERATOR_COLUMNS = ("operator", "accepted", "refuted")
LONG_HEADS = {
    "inconcl.": "inconclusive",
    "untest.": "untestable",
    "s/case": "seconds",
    "attain.": "attainable",
}
"""Heads of columns that there is room for on a page."""
NEVER = "never decided"
"""Stands for shares of wrong decisions where there was no decision."""
LONG = 4
"""More methods than this are listed by AUROC, best first, and not in the order in which they were named."""
SHOWN_OPERATORS = 8
SHOWN_CASES = 2
"""Wrong answers that are listed of each operator, the most confident first."""


def identity(report: Report) -> str:
    """Return on one line what was asked: suite, version, hash, seed, draws and devices."""
    suite = report.suite
    asked = max((len(method.results) for method in report.methods), default=suite.cases)
    cases = f"{suite.cases} cases" if asked == suite.cases else f"{asked} of {suite.cases} cases"
    return (
        f"{suite.name} {suite.version} ({suite.hash[:12]}), {cases}, seed {report.seed}, "
        f"{report.draws} draws, {'+'.join(report.devices)}"
    )


def listed(methods: Sequence[MethodReport]) -> list[MethodReport]:
    """Return methods in the order of tables: as they were named, or where they are many by AUROC."""
    if len(methods) <= LONG:
        return list(methods)
    return sorted(methods, key=lambda m: (m.auroc.value is None, -(m.auroc.value or 0.0), m.name))


def method_row(method: MethodReport) -> tuple[str, ...]:
    """Return a scorer's row: how often it is wrong; the star is that of `notes`."""
    false = _wide(method.false_accept) + (" *" if _exempt(method) else "")
    wrong = (NEVER, NEVER) if method.never_decided else (false, _wide(method.false_reject))
    if method.never_answered:
        return (method.name, "-", *wrong, "-", _nulls(method))
    return (method.name, _ranking(method.auroc), *wrong, _percent(method.vacuous_accepted), _nulls(method))


def _nulls(method: MethodReport) -> str:
    """Return the share of claims about null models that are supported, where these were asked."""
    share = method.false_discovery
    return "-" if share is None or method.never_decided else _percent(share)


def null_columns(methods: Sequence[MethodReport]) -> tuple[str, ...]:
    """Return the columns of the table of null models; empty where none were asked."""
    totals = {figures.kind: figures.accepted.total for m in methods for figures in m.nulls}
    return ("method", "all", *(f"{kind} ({total})" for kind, total in totals.items())) if totals else ()


def null_row(method: MethodReport, columns: Sequence[str]) -> tuple[str, ...]:
    """Return a scorer's row in the table of null models: claims that it supports."""
    if method.false_discovery is None:
        return (method.name, *("-" for _ in columns[1:]))
    by_kind = {figures.kind: figures.accepted for figures in method.nulls}
    shares = [by_kind.get(column.rpartition(" ")[0]) for column in columns[2:]]
    cells = ("-" if share is None else _percent(share) for share in shares)
    return (method.name, _wide(method.false_discovery), *cells)


def strata_columns(methods: Sequence[MethodReport]) -> tuple[str, ...]:
    """Return the columns of the table of strata; empty where no false hypothesis has a stratum."""
    totals = {figures.stratum: figures.accepted.total for m in methods for figures in m.strata}
    names = ordered(totals)
    return ("method", *(f"{name} ({totals[name]})" for name in names)) if names else ()


def strata_row(method: MethodReport, columns: Sequence[str]) -> tuple[str, ...]:
    """Return a scorer's row in the table of strata: false hypotheses that it accepts."""
    accepted = {figures.stratum: figures.accepted for figures in method.strata}
    cells = []
    for column in columns[1:]:
        share = accepted.get(column.rpartition(" ")[0])
        cells.append("-" if share is None or method.never_decided else _percent(share))
    return (method.name, *cells)


def conduct_row(method: MethodReport) -> tuple[str, ...]:
    """Return a scorer's row: how often it decides, what went wrong, and what it costs."""
    decided = "never" if method.never_decided else _percent(method.decided)
    left = (method.inconclusive, method.untestable)
    undecided = ("-", "-") if method.never_answered else map(_percent, left)
    faults = map(_percent, (method.faults, method.crashed, method.timeouts))
    runs = "-" if method.evaluations is None else f"{method.evaluations:,.0f}"
    return (method.name, decided, *undecided, *faults, f"{method.seconds:.3f}", runs)


def faults_line(found: MethodReport | FinderReport) -> str:
    """Return how many faults of each kind there are, and the first; empty without any."""
    kinds = Counter(found.fault_kinds) if isinstance(found, MethodReport) else _kinds(found)
    if not kinds:
        return ""
    counted = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    return f"{counted}; the first: {found.first_fault}"


def _kinds(finder: FinderReport) -> Counter[str]:
    return Counter(m.finding.fault.kind for m in finder.models if m.finding.fault is not None)


def notes(methods: Sequence[MethodReport]) -> list[str]:
    """Return what has to be said under the tables of methods."""
    found = ["Brackets are 95 % intervals; cases on one model, or made in one way, may be wrong together."]
    if any(method.false_discovery for method in methods):
        found.append("nulls: false discoveries, claims supported of models that hold nothing of the kind.")
    if any(map(_exempt, methods)):
        found.append(
            "* makes no claim of minimality: hypotheses that are false only in naming something idle "
            f"({NOT_NEEDED}) are not counted in its false accepts; AUROC counts them for every method."
        )
    return found


def legend(report: Report) -> list[str]:
    """Return what the abbreviated columns of a terminal mean, and where the rest is explained."""
    found = []
    if report.methods:
        found.append("vacuous: supported, of the hypotheses that would hold of any weights.")
        names = {"inconcl.": "inconclusive", "untest.": "untestable", "runs": "runs"}
        found += [f"{name}: {COLUMNS[meant]}." for name, meant in names.items()]
    if report.finders:
        names = {"CPR": "CPR", "CMD": "CMD", "attain.": "attainable"}
        found += [f"{name}: {FINDER_WORDS[meant]}." for name, meant in names.items()]
    return [*found, MORE]


def _exempt(method: MethodReport) -> bool:
    """Say whether a method is not charged with some hypotheses that it was asked about."""
    asked = any(figures.stratum == NOT_NEEDED for figures in method.strata)
    return asked and not method.claims_minimality


def finder_row(finder: FinderReport) -> tuple[str, ...]:
    """Return a finder's row."""
    figures = ("sites_auroc", "sites_ap", "edges_auroc", "edges_ap", "cpr", "cmd")
    cells = ("-" if finder.never_answered else str(getattr(finder, name)) for name in figures)
    return (
        finder.name,
        *cells,
        _percent(finder.attainable),
        _percent(finder.faults),
        f"{finder.seconds:.3f}",
    )


def operator_rows(method: MethodReport, shown: int | None = SHOWN_OPERATORS) -> list[tuple[str, ...]]:
    """Return a row for each operator whose false hypotheses fool a method, the worst first."""
    return [(f.operator, str(f.accepted), str(f.refuted)) for f in method.fooled_by[:shown]]


def by_operator(method: MethodReport) -> list[tuple[str, list[CaseResult]]]:
    """Return what a method is wrong about by what made it, the most frequent first, with the worst cases."""
    groups: dict[str, list[CaseResult]] = {}
    for result in worst(method, len(method.results)):
        kind = {"true": "true hypotheses", "vacuous": "vacuous hypotheses"}.get(result.label, result.operator)
        groups.setdefault(kind, []).append(result)
    ranked = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    shown = [(f"{kind} ({len(cases)})", cases[:SHOWN_CASES]) for kind, cases in ranked[:SHOWN_OPERATORS]]
    left = ranked[SHOWN_OPERATORS:]
    return shown + ([(f"{sum(len(c) for _, c in left)} of {len(left)} other kinds", [])] if left else [])


def case_line(result: CaseResult) -> str:
    """Return a case on one line: what was asked, what came back, and why that is wrong."""
    if result.outcome.fault is not None:
        return f"{result.case}: {answer(result)}; the hypothesis is {result.label}"
    why = f": {brief('; '.join(result.failed[:2]))}" if result.failed else ""
    return f"{result.case}: {answer(result)}, but it is {result.label}{why}"


_LONG_LIST = re.compile(r"((?:\d+(?:-\d+)?,){8})(?:\d+(?:-\d+)?,)+\d+(?:-\d+)?")


def brief(text: str) -> str:
    """Return a reason with its long lists of numbers cut short.

    >>> brief("neurons=0,6,7,10,12,19,20,22,42,44,49] repairs it")
    'neurons=0,6,7,10,12,19,20,22,...] repairs it'
    """
    return _LONG_LIST.sub(r"\1...", text)


def answer(result: CaseResult) -> str:
    """Return what a method said of a case: a verdict and a score, or a fault."""
    outcome = result.outcome
    got = f"fault: {outcome.fault}" if outcome.fault else str(outcome.verdict)
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


def _wide(share: Proportion) -> str:
    """Return a share with its interval, short enough for a table."""
    if share.value is None or share.low is None or share.high is None:
        return "-"
    return f"{100 * share.value:.1f} % [{100 * share.low:.0f}, {100 * share.high:.0f}]"


def _ranking(estimate: Estimate) -> str:
    """Return an AUROC with its interval, short enough for a table."""
    if estimate.value is None:
        return "-"
    bounds = "" if estimate.low is None else f" [{estimate.low:.2f}, {estimate.high:.2f}]"
    return f"{estimate.value:.3f}{bounds}"
