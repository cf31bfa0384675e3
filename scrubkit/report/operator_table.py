"""How methods fare against the false hypotheses that each operator makes."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from scrubkit.harness.report import MethodReport, OperatorFigures
from scrubkit.report.elements import NOTHING, Cell, figure_cell, join, table, tag, text, tools
from scrubkit.report.words import WORDS, operator_meaning


def operator_table(methods: Sequence[MethodReport]) -> Markup:
    """Return a row for each operator: what it does, how many cases it made, what each method refutes."""
    names = sorted({figures.operator for method in methods for figures in method.operators})
    if not names:
        return NOTHING
    found = {method.name: {f.operator: f for f in method.operators} for method in methods}
    most = {name: max(f[name].refuted.total for f in found.values() if name in f) for name in names}
    rows = [
        [
            Cell(name),
            Cell(operator_meaning(name), kind="t"),
            figure_cell(most[name], str(most[name])),
            *(_cell(found[method.name].get(name), method) for method in methods),
        ]
        for name in names
    ]
    heads = ["operator", "what it does", "n", *(method.name for method in methods)]
    lead = (
        "Share of the false hypotheses of each operator that a method refutes; more is better. Under it, "
        "where it is not none, the share that the method accepts."
    )
    help_ = {"operator": WORDS["operator"], "n": "cases that it made"}
    help_ |= {method.name: "share of them that it refutes" for method in methods}
    shown = table(heads, rows, id="operators", numbers=heads[2:], help=help_)
    return join(
        [
            tag("h2", "False hypotheses refuted, by operator"),
            tag("p", lead, class_="quiet"),
            tools("operators", "Search operators"),
            shown,
        ]
    )


def _cell(figures: OperatorFigures | None, method: MethodReport) -> Cell:
    if figures is None or figures.refuted.value is None or method.never_decided:
        return figure_cell(None)
    share, accepted = figures.refuted.value, figures.accepted
    refuted = figures.refuted
    said = f"{figures.operator}, {method.name}: refutes {refuted.count} of {refuted.total}, {refuted}"
    under = (
        Markup("<br>") + tag("span", f"accepts {100 * accepted.value:.0f} %", class_="refuted")
        if accepted.value
        else NOTHING
    )
    bar = Markup('<span class="bar" style="--v:{:.1f}"></span>').format(100 * share)
    shown = tag("span", bar + text(f"{100 * share:.0f} %") + under, title=said, class_="barred")
    return Cell(shown, share, "n")
