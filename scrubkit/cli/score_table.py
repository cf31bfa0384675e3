"""Scores as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from scrubkit.cli.score_file import Scored
from scrubkit.report.plain import plain
from scrubkit.scrubbing.score import Interval

COLOURS = {"supported": "green", "refuted": "red", "inconclusive": "yellow", "untestable": "magenta"}


def score_table(scored: Sequence[Scored], title: str) -> Table:
    """Return a row for each hypothesis: verdict, figures with their intervals, and what was expected."""
    table = Table(title=Text(plain(title)), title_justify="left")
    table.add_column("hypothesis", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    for name in ("fidelity", "faithfulness", "loss recovered"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("bits", justify="right", no_wrap=True)
    table.add_column("match", justify="right", no_wrap=True)
    table.add_column("expected", overflow="fold")
    for one in scored:
        score = one.score
        table.add_row(
            Text(plain(score.hypothesis)),
            Text(score.verdict, style=COLOURS[score.verdict]),
            figure(score.fidelity),
            figure(score.faithfulness),
            figure(score.loss_recovered),
            f"{score.total_bits:.1f}",
            "" if score.match is None else f"{score.match.overall:.2f}",
            _expected(one),
        )
    return table


def figure(interval: Interval | None) -> str:
    """Return a figure with half the width of its interval.

    >>> figure(Interval(value=0.98412, low=0.98402, high=0.98422))
    '0.9841 ±0.0001'
    """
    if interval is None:
        return ""
    half = (interval.high - interval.low) / 2
    if math.isnan(interval.value) or half == 0 or math.isnan(half):
        return f"{interval.value:.4f}"
    return f"{interval.value:.4f} ±{half:.4f}"


def _expected(one: Scored) -> Text:
    if one.as_expected is None:
        return Text("-", style="dim")
    return Text(" or ".join(one.expected), style="green" if one.as_expected else "bold red")
