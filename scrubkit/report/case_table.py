"""Every case of a run as a table to search: what is true, what each method said, and why that is wrong."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup

from scrubkit.harness.report import CaseResult, MethodReport
from scrubkit.report.elements import NOTHING, Cell, Row, facts, join, number, table, tag, text, tools
from scrubkit.report.rows import answer, brief
from scrubkit.report.words import WORDS

BYTES = 3_000_000
"""What the table may take of a page."""
LONG = 20
"""A table of more rows scrolls under its head."""
_LABELS = ("true", "false", "vacuous")


def case_table(methods: Sequence[MethodReport]) -> Markup:
    """Return a row for each case; where they are too many for a page, those answered wrongly first."""
    by_case: dict[str, dict[str, CaseResult]] = {}
    for method in methods:
        for result in method.results:
            by_case.setdefault(result.case, {})[method.name] = result
    rows = [_row(case, found, methods) for case, found in by_case.items()]
    if not rows:
        return NOTHING
    wrong_first = sorted(rows, key=lambda row: row[0].picked["answers"] != "some wrong")
    taken, size = [], 0
    for row, length in wrong_first:
        size += length
        if size > BYTES:
            break
        taken.append(row)
    fit = f"{len(taken):,} of {len(rows):,} cases fit on the page, wrongly answered ones first"
    fit += "; --json has them all."
    left_out = tag("p", fit, class_="quiet") if len(taken) < len(rows) else NOTHING
    counts = {
        "label": {name: n for name in _LABELS if (n := sum(row.picked["label"] == name for row in taken))},
        "answers": dict(sorted(Counter(row.picked["answers"] for row in taken).items())),
    }
    heads = ["case", "label", "stratum", "operator", *(m.name for m in methods), "reasons"]
    lead = (
        "What each method said, with its score; ✗ where that is wrong. Reasons are those of the label, and "
        "behind them those that the methods gave. The search looks into all of it."
    )
    said = tag("p", lead, class_="quiet")
    search = tools("cases", "Search cases and reasons", counts)
    help_ = {name: WORDS[name] for name in ("case", "label", "stratum", "operator")}
    help_ |= {m.name: "its verdict and score; ✗ where the verdict is wrong" for m in methods}
    help_["reasons"] = "why the label is what it is"
    shown = table(heads, taken, id="cases", long=len(taken) > LONG, help=help_)
    return join([tag("h2", "Every case", id="every-case"), said, left_out, search, shown])


def _row(case: str, found: dict[str, CaseResult], methods: Sequence[MethodReport]) -> tuple[Row, int]:
    first = next(iter(found.values()))
    wrong = any(result.wrong for result in found.values())
    answers = [_answer(found.get(method.name)) for method in methods]
    operator = "" if first.operator == "none" else first.operator
    cells = [
        Cell(tag("code", case)),
        Cell(first.label),
        Cell(first.stratum),
        Cell(operator),
        *answers,
        Cell(_why(found), kind="t"),
    ]
    row = Row(cells, {"label": first.label, "answers": "some wrong" if wrong else "all right"})
    return row, 120 + sum(len(str(cell.shown).encode()) + 12 for cell in cells)


def _answer(result: CaseResult | None) -> Cell:
    if result is None:
        return Cell("not asked", math.nan)
    outcome = result.outcome
    sort = math.nan if outcome.score is None else outcome.score
    said = "fault" if outcome.fault else str(outcome.verdict)
    score = "" if outcome.score is None else f" {number(outcome.score)}"
    if result.wrong:
        return Cell(
            tag("span", f"✗\N{NO-BREAK SPACE}{said}{score}", class_="refuted", title=answer(result)), sort
        )
    return Cell(f"{said}{score}", sort)


def _why(found: dict[str, CaseResult]) -> Markup:
    """Return why the label is what it is, what went wrong, and, folded away, the reasons of the methods."""
    first = next(iter(found.values()))
    why = ["; ".join(first.failed)] if first.failed else []
    faults = {name: result.outcome.fault for name, result in found.items() if result.outcome.fault}
    why += [f"{name}: {fault.kind}, {fault.detail[:200]}" for name, fault in faults.items()]
    given = [(name, "; ".join(r.outcome.notes)) for name, r in found.items() if r.outcome.notes]
    fold = tag("details", tag("summary", "reasons given") + facts(given)) if given else NOTHING
    return text(brief(". ".join(why))) + fold
