"""A run as Markdown, fit for a job summary on GitHub."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from scrubkit.harness.figures import worst
from scrubkit.harness.limits import Check
from scrubkit.harness.report import FinderReport, MethodReport, Report
from scrubkit.report.plain import plain
from scrubkit.report.rows import (
    CONDUCT_COLUMNS,
    FINDER_COLUMNS,
    METHOD_COLUMNS,
    OPERATOR_COLUMNS,
    by_operator,
    case_line,
    conduct_row,
    faults_line,
    finder_row,
    identity,
    listed,
    method_row,
    missed,
    notes,
    null_columns,
    null_row,
    operator_rows,
    outcome,
    strata_columns,
    strata_row,
)

_MARKUP = re.compile(r"([\\`*_{}\[\]#+!|~@$]|(?<!\w)-|-(?!\w))")
"""What Markdown reads; not hyphens in words, nor parentheses, which mean nothing without brackets."""


def markdown(report: Report, checks: Sequence[Check] = ()) -> str:
    """Return a run and its checks as Markdown."""
    failed = missed(checks)
    blocks = [f"## scrubkit: {outcome(checks)}" if checks else "## scrubkit", ""]
    blocks += [
        f"Suite {escape(identity(report))}. Faults are neither accepts nor rejects.",
        "",
    ]
    blocks += _methods(listed(report.methods)) if report.methods else []
    if report.finders:
        blocks += table(FINDER_COLUMNS, (finder_row(finder) for finder in report.finders))
        blocks += [line for finder in report.finders for line in _faults(finder)]
    for title, some in (("Missed", failed), ("Passed", [c for c in checks if c not in failed])):
        if some:
            blocks += [f"### {title}", "", *(f"- {escape(c.method)}: {escape(c.detail)}" for c in some), ""]
    for method in listed(report.methods):
        blocks += _wrong(method)
    return "\n".join(blocks)


def _methods(methods: Sequence[MethodReport]) -> list[str]:
    """Return the tables of the scorers: errors, errors by stratum, conduct and cost."""
    blocks = table(METHOD_COLUMNS, map(method_row, methods))
    blocks += [*(f"{escape(note)}  " for note in notes(methods)), ""]
    if strata := strata_columns(methods):
        blocks += ["False hypotheses accepted, by the way in which they are false (number of cases):", ""]
        blocks += table(strata, (strata_row(method, strata) for method in methods))
    if nulls := null_columns(methods):
        blocks += ["Claims about null models that are supported (number of cases):", ""]
        blocks += table(nulls, (null_row(method, nulls) for method in methods))
    blocks += table(CONDUCT_COLUMNS, map(conduct_row, methods))
    return [*blocks, *(line for method in methods for line in _faults(method))]


def _faults(found: MethodReport | FinderReport) -> list[str]:
    line = faults_line(found)
    return [f"Faults of {escape(found.name)}: {escape(line)}", ""] if line else []


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a Markdown table with every cell escaped."""
    lines = ["| " + " | ".join(columns) + " |", "| --- |" + " ---: |" * (len(columns) - 1)]
    return [*lines, *("| " + " | ".join(escape(cell) for cell in row) + " |" for row in rows), ""]


def escape(text: str) -> str:
    """Return text that Markdown shows as it stands, on one line."""
    return _MARKUP.sub(r"\\\1", html.escape(" ".join(plain(text).split()), quote=False))


def _wrong(method: MethodReport) -> list[str]:
    """Return what a method is wrong about, folded away."""
    rows, cases = operator_rows(method), worst(method)
    if not cases:
        return []
    blocks = [f"### {escape(method.name)}", ""]
    if rows:
        blocks += [
            "<details><summary>False hypotheses that fool it, by operator</summary>",
            "",
            *table(OPERATOR_COLUMNS, rows),
        ]
        blocks += ["</details>", ""]
    blocks += ["<details><summary>Worst cases</summary>", ""]
    for heading, results in by_operator(method):
        blocks += [f"- {escape(heading)}", *(f"    - {escape(case_line(r))}" for r in results)]
    return [*blocks, "", "</details>", ""]
