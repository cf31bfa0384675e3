"""The leaderboard as Markdown and as an HTML page that needs no network."""

from __future__ import annotations

import math
import re

from scrubkit.harness.leaderboard import DrawFigures, Leaderboard
from scrubkit.harness.ranking import Standing
from scrubkit.report import rows
from scrubkit.report.document import Page, render
from scrubkit.report.elements import Cell, facts, tag
from scrubkit.report.elements import table as table_of
from scrubkit.report.markdown import escape, table
from scrubkit.report.words import COLUMNS as CONDUCT
from scrubkit.report.words import FINDER_WORDS, MORE, WORDS

COLUMNS = ("rank", *rows.METHOD_COLUMNS, "cases", "s/case")
_NAMES = ("method", "finder")
_NUMBER = re.compile(r"-?[\d,]+(\.\d+)?")
_MEANS = {name: WORDS[name] for name in ("AUROC", "false accept", "false reject", "vacuous", "nulls")}
_MEANS |= {"rank": "median over resamples, with the central 95 %; equal ones share a rank", **CONDUCT}
_MEANS |= {name: said for name, said in FINDER_WORDS.items() if name not in _MEANS}
Table = tuple[str, tuple[str, ...], list[tuple[str, ...]]]
"""Title, columns and rows."""


def tables(board: Leaderboard) -> list[Table]:
    """Return every table of a leaderboard: the ranks, the errors behind them, and each draw."""
    methods = board.pooled
    found: list[Table] = [
        (
            "Methods, over all draws",
            COLUMNS,
            [_row(s, board, i) for i, s in enumerate(board.standings)],
        )
    ]
    if strata := rows.strata_columns(methods):
        title = "False hypotheses accepted, by the way in which they are false (number of cases)"
        found.append((title, strata, [rows.strata_row(m, strata) for m in methods]))
    if nulls := rows.null_columns(methods):
        title = "Claims about null models that are supported (number of cases)"
        found.append((title, nulls, [rows.null_row(m, nulls) for m in methods]))
    found.append(("Decisions, faults and cost", rows.CONDUCT_COLUMNS, [rows.conduct_row(m) for m in methods]))
    for draw in board.draws:
        found += _of_draw(draw)
    return found


def heading(board: Leaderboard) -> list[str]:
    """Return what has to be said above the tables."""
    draws = ", ".join(
        f"{draw.name} ({draw.suite.cases} cases, version {draw.suite.version}, {draw.suite.hash[:12]})"
        for draw in board.draws
    )
    devices = "+".join(board.devices)
    said = [
        f"scrubkit {board.scrubkit}, seed {board.seed}, {board.budget_draws} passes over inputs, {devices}.",
        f"Draws: {draws}.",
        f"A scorer that takes over {board.slow:g} s a case is asked about a sample of {board.sample} cases "
        "of each draw, chosen by label, stratum and variant; the column cases says how many it was asked.",
        "AUROC is the mean over the draws, the other figures are over all cases. A rank is the median over "
        "resamples of draws and models, with the central 95 %; methods whose ranks overlap are not "
        "told apart.",
    ]
    if board.left:
        said.append(f"Not asked yet: {', '.join(board.left)}.")
    return said + rows.notes(board.pooled)


def markdown(board: Leaderboard) -> str:
    """Return a leaderboard as Markdown."""
    blocks = ["## scrubkit: leaderboard", "", *(f"{escape(line)}  " for line in heading(board)), ""]
    for title, columns, body in tables(board):
        blocks += [f"### {escape(title)}", "", *table(columns, body)]
    return "\n".join(blocks)


def page(board: Leaderboard) -> str:
    """Return a leaderboard as an HTML page whose tables can be sorted."""
    first, *said = heading(board)
    body = [tag("p", line, class_="quiet") for line in said]
    for number, (title, columns, found) in enumerate(tables(board)):
        heads = [rows.LONG_HEADS.get(name, name) for name in columns]
        cells = [[_cell(name, text) for name, text in zip(columns, row, strict=True)] for row in found]
        means = {head: _MEANS[head] for head in heads if head in _MEANS}
        numbers = [head for head in heads if head not in _NAMES]
        shown = table_of(heads, cells, id=f"table-{number}", numbers=numbers, help=means)
        body += [tag("h2", title), shown]
    body += [tag("h2", "Words"), tag("p", MORE, class_="quiet"), facts(list(_MEANS.items()))]
    versions = [(draw.name, f"{draw.suite.version}, {draw.suite.hash}") for draw in board.draws]
    identity = [("seed", board.seed), ("devices", "+".join(board.devices)), *versions]
    return render(Page("scrubkit leaderboard", "Leaderboard", first, body, identity))


def _cell(column: str, text: str) -> Cell:
    """Return a cell that is sorted by the number that it begins with, if it does."""
    found = _NUMBER.match(text)
    if column in _NAMES:
        return Cell(text)
    return Cell(text, float(found[0].replace(",", "")) if found else math.nan, "n")


def _row(standing: Standing, board: Leaderboard, number: int) -> tuple[str, ...]:
    method = board.pooled[number]
    rank = f"{standing.rank:g} [{standing.low:.0f}, {standing.high:.0f}]"
    asked = method.false_reject.total + sum(f.accepted.total for f in method.operators)
    asked += method.vacuous_accepted.total
    return (rank, *rows.method_row(method), str(asked), f"{method.seconds:.3f}")


def _of_draw(draw: DrawFigures) -> list[Table]:
    title = f"On {draw.name}"
    found: list[Table] = [
        (title, rows.METHOD_COLUMNS[:-1], [rows.method_row(m)[:-1] for m in rows.listed(draw.methods)])
    ]
    if draw.finders:
        finders = [rows.finder_row(finder) for finder in draw.finders]
        found.append((f"{title}, finders", rows.FINDER_COLUMNS, finders))
    return found
