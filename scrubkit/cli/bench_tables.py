"""A report of the bench as Rich tables: the methods, then the false hypotheses that fool each of them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scrubkit.harness.aligners import COLUMNS as ALIGNER_COLUMNS
from scrubkit.harness.aligners import aligner_figures
from scrubkit.harness.figures import worst
from scrubkit.harness.limits import Check
from scrubkit.harness.report import MethodReport, Report
from scrubkit.report.plain import plain
from scrubkit.report.rows import (
    CONDUCT_COLUMNS,
    FINDER_COLUMNS,
    LONG,
    METHOD_COLUMNS,
    OPERATOR_COLUMNS,
    by_operator,
    case_line,
    conduct_row,
    effort,
    faults_line,
    finder_row,
    identity,
    legend,
    listed,
    method_row,
    notes,
    null_columns,
    null_row,
    operator_rows,
    strata_columns,
    strata_row,
)


def bench_tables(report: Report) -> Group:
    """Return all tables of a report."""
    title = identity(report)
    parts: list[RenderableType] = []
    methods = listed(report.methods)
    if methods:
        parts += _methods(title, methods)
    if aligners := aligner_figures(methods):
        parts.append(_table(title, ALIGNER_COLUMNS, [aligner.row for aligner in aligners]))
    if report.finders:
        parts.append(_table(title, FINDER_COLUMNS, [finder_row(finder) for finder in report.finders]))
    parts += [_fooled(method) for method in methods if method.fooled_by and len(methods) <= LONG]
    parts += [
        Text(plain(f"faults of {one.name}: {line}"), "red")
        for one in (*methods, *report.finders)
        if (line := faults_line(one))
    ]
    parts += [_calibration(method) for method in methods if method.calibration.total]
    meant = [Text(plain(line), "dim") for line in legend(report)]
    return Group(*parts, *meant, Text(effort(report), "dim"))


def _methods(title: str, methods: Sequence[MethodReport]) -> list[RenderableType]:
    """Return the tables of the scorers: errors, errors by stratum, conduct and cost."""
    parts: list[RenderableType] = [_table(title, METHOD_COLUMNS, [method_row(m) for m in methods])]
    parts += [Text(note, "dim") for note in notes(methods)]
    if strata := strata_columns(methods):
        rows = [strata_row(method, strata) for method in methods]
        parts.append(_table("false hypotheses accepted, by stratum (number of cases)", strata, rows))
    if nulls := null_columns(methods):
        rows = [null_row(method, nulls) for method in methods]
        parts.append(_table("claims about null models that are supported (number of cases)", nulls, rows))
    parts.append(_table("decisions, faults and cost", CONDUCT_COLUMNS, [conduct_row(m) for m in methods]))
    return parts


def missed_text(report: Report, missed: Sequence[Check]) -> Text:
    """Return what was missed, by how much, and the worst cases of each method that missed something."""
    text = Text()
    for check in missed:
        text.append(plain(f"missed: {check.method}: {check.detail}\n"), "bold red")
    for method in report.methods:
        if any(check.method == method.name for check in missed) and worst(method):
            for heading, results in by_operator(method):
                text.append(plain(f"{method.name} is wrong about {heading}:\n"))
                for result in results:
                    text.append(plain(f"  - {case_line(result)}\n"))
    return text


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=Text(plain(title)), title_justify="left")
    for number, column in enumerate(columns):
        # A name that is broken in two is no name; where all is too wide, figures give way.
        justify = "right" if number else "left"
        table.add_column(column, justify=justify, overflow="fold", no_wrap=not number)
    for row in rows:
        # Text is shown as it stands; names of methods and mutants may hold what Rich reads as markup.
        table.add_row(*(Text(plain(cell)) for cell in row))
    return table


def _fooled(method: MethodReport) -> Table:
    return _table(
        f"false hypotheses that fool {method.name}, by operator", OPERATOR_COLUMNS, operator_rows(method)
    )


def _calibration(method: MethodReport) -> Text:
    share = method.calibration
    text = f"stated 95 % intervals of {method.name} that hold the enumerated value: {share} of {share.total}"
    return Text(plain(text))
