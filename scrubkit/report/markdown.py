"""A run as Markdown, fit for a job summary on GitHub."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from scrubkit.harness.figures import worst
from scrubkit.harness.limits import Check
from scrubkit.harness.report import MethodReport, Report
from scrubkit.report.plain import plain
from scrubkit.report.rows import (
    FINDER_COLUMNS,
    METHOD_COLUMNS,
    OPERATOR_COLUMNS,
    case_line,
    finder_row,
    identity,
    method_row,
    missed,
    operator_rows,
    outcome,
)

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|~@$-])")


def markdown(report: Report, checks: Sequence[Check] = ()) -> str:
    """Return a run and its checks as Markdown."""
    failed = missed(checks)
    blocks = [f"## scrubkit: {outcome(checks)}" if checks else "## scrubkit", ""]
    blocks += [
        f"Suite {escape(identity(report))}. Intervals are 95 %: AUROC resampled by model, shares exact. "
        "Faults, those that crashed among them, are neither accepts nor rejects.",
        "",
    ]
    if report.methods:
        blocks += table(METHOD_COLUMNS, (method_row(method) for method in report.methods))
    if report.finders:
        blocks += table(FINDER_COLUMNS, (finder_row(finder) for finder in report.finders))
    for title, some in (("Missed", failed), ("Passed", [c for c in checks if c not in failed])):
        if some:
            blocks += [f"### {title}", "", *(f"- {escape(c.method)}: {escape(c.detail)}" for c in some), ""]
    for method in report.methods:
        blocks += _wrong(method)
    return "\n".join(blocks)


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
        blocks += ["<details><summary>Mutants that fool it</summary>", "", *table(OPERATOR_COLUMNS, rows)]
        blocks += ["</details>", ""]
    blocks += ["<details><summary>Worst cases</summary>", ""]
    return [*blocks, *(f"- {escape(case_line(r))}" for r in cases), "", "</details>", ""]
