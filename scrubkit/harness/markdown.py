"""A run as Markdown, fit for a job summary on GitHub."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from scrubkit.harness.figures import worst
from scrubkit.harness.junit import spell_case
from scrubkit.harness.limits import Check
from scrubkit.harness.plain import plain
from scrubkit.harness.report import FinderReport, MethodReport, Report

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|~@$-])")
_COLUMNS = (
    "method",
    "AUROC",
    "false accept",
    "false reject",
    "inconclusive",
    "untestable",
    "vacuous accepted",
    "faults",
    "s/case",
)
SHOWN_OPERATORS = 8


def markdown(report: Report, checks: Sequence[Check] = ()) -> str:
    """Return a run and its checks as Markdown."""
    suite = report.suite
    missed = [check for check in checks if check.status == "missed"]
    head = "passed" if not missed else f"{len(missed)} of {len(checks)} checks missed"
    blocks = [f"## scrubkit validate{': ' + head if checks else ''}", ""]
    blocks += [
        f"Suite {escape(suite.name)} {escape(suite.version)} ({escape(suite.hash[:12])}), "
        f"{suite.cases} cases, seed {report.seed}, {report.draws} draws, {escape('+'.join(report.devices))}. "
        "Intervals are 95 %: AUROC resampled by model, shares exact.",
        "",
    ]
    if report.methods:
        blocks += table(_COLUMNS, (method_cells(method) for method in report.methods))
    if report.finders:
        blocks += table(FINDER_COLUMNS, (finder_cells(finder) for finder in report.finders))
    if missed:
        blocks += ["### Missed", "", *(f"- {escape(c.method)}: {escape(c.detail)}" for c in missed), ""]
    for method in report.methods:
        blocks += _operators(method)
        if any(check.method == method.name for check in missed):
            blocks += ["Worst cases:", "", *(f"- {escape(spell_case(r))}" for r in worst(method)), ""]
    return "\n".join(blocks)


def method_cells(method: MethodReport) -> tuple[str, ...]:
    """Return a scorer's row of the table."""
    shares = (method.inconclusive, method.untestable, method.vacuous_accepted, method.faults)
    plain = ("-" if s.value is None else f"{100 * s.value:.1f} %" for s in shares)
    figures = (str(method.auroc), str(method.false_accept), str(method.false_reject))
    return (method.name, *figures, *plain, f"{method.seconds:.3f}")


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


def finder_cells(finder: FinderReport) -> tuple[str, ...]:
    """Return a finder's row of the table."""
    figures = ("sites_auroc", "sites_ap", "edges_auroc", "edges_ap", "cpr", "cmd")
    share = finder.faults.value
    faults = "-" if share is None else f"{100 * share:.1f} %"
    return (finder.name, *(str(getattr(finder, name)) for name in figures), faults, f"{finder.seconds:.3f}")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a Markdown table with every cell escaped."""
    lines = ["| " + " | ".join(columns) + " |", "| --- |" + " ---: |" * (len(columns) - 1)]
    return [*lines, *("| " + " | ".join(escape(cell) for cell in row) + " |" for row in rows), ""]


def escape(text: str) -> str:
    """Return text that Markdown shows as it stands, on one line."""
    return _MARKUP.sub(r"\\\1", html.escape(" ".join(plain(text).split()), quote=False))


def _operators(method: MethodReport) -> list[str]:
    fooled = method.fooled_by
    if not fooled:
        return []
    rows = [(f.operator, str(f.accepted), str(f.killed)) for f in fooled[:SHOWN_OPERATORS]]
    title = ["<details><summary>Mutants that fool it</summary>", ""]
    return [
        f"### {escape(method.name)}",
        "",
        *title,
        *table(("operator", "accepted", "killed"), rows),
        "</details>",
        "",
    ]
