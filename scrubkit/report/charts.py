"""Figures of a run, drawn by plotly: error rates, mutants killed, and the scores behind them."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from scrubkit.harness.report import CaseResult, MethodReport, Proportion, Report
from scrubkit.report.plain import plain
from scrubkit.report.rows import answer

INK, GRID = "#23272e", "#e6e8eb"
RED, BLUE, GREY = "#c2410c", "#1d6fb8", "#8a8f98"
LABELS = {"true": BLUE, "false": RED, "vacuous": GREY}
ROW = 34
"""Height of one row of a chart, in pixels."""
SPREAD = 0.34
"""How far points of one label lie apart, as a share of a row."""


def charts(report: Report) -> list[tuple[str, str, go.Figure]]:
    """Return title, explanation and figure of each chart that a run has something to show in."""
    if not report.methods:
        return []
    drawn = [("Error rates", _ERRORS, errors(report.methods))]
    if any(method.operators for method in report.methods):
        drawn.append(("Mutants refuted", _KILLED, kills(report.methods)))
    return drawn + [
        (f"Scores of {plain(method.name)}", _SCORES, scores(method.results))
        for method in report.methods
        if any(result.outcome.score is not None for result in method.results)
    ]


_ERRORS = "Share of false hypotheses supported, and of true ones refuted, with exact 95 % intervals."
_KILLED = "Share of the mutants of each kind that a method refutes. A mutant is a true hypothesis made false."
_SCORES = "Every answer, by what is true of the case. Crosses are wrong; hover for the case."


def errors(methods: Sequence[MethodReport]) -> go.Figure:
    """Draw false accepts and false rejects of each method, with their intervals."""
    figure = _figure(len(methods))
    for name, color, offset in (("false accept", RED, -0.14), ("false reject", BLUE, 0.14)):
        shares = [getattr(method, name.replace(" ", "_")) for method in methods]
        decided = [s.value is not None and not m.never_decided for s, m in zip(shares, methods, strict=True)]
        rows = [(row, s) for row, s in enumerate(shares) if decided[row]]
        figure.add_scatter(
            x=[100 * s.value for _, s in rows],
            y=[row + offset for row, _ in rows],
            error_x={
                "array": [100 * (s.high - s.value) for _, s in rows],
                "arrayminus": [100 * (s.value - s.low) for _, s in rows],
                "thickness": 2,
                "width": 4,
            },
            mode="markers",
            marker={"color": color, "size": 9},
            name=name,
            text=[_counted(s) for _, s in rows],
            hovertemplate="%{text}<extra>" + name + "</extra>",
        )
    figure.update_xaxes(range=[-2, 102], ticksuffix=" %", zeroline=False)
    return _name_rows(figure, [method.name for method in methods])


def kills(methods: Sequence[MethodReport]) -> go.Figure:
    """Draw the share of mutants of each operator that each method refutes."""
    operators = sorted({f.operator for method in methods for f in method.operators})
    found = [{f.operator: f.killed for f in method.operators} for method in methods]
    shares = [[kinds.get(operator) for kinds in found] for operator in operators]
    values = [[None if s is None or s.value is None else 100 * s.value for s in row] for row in shares]
    figure = _figure(len(operators))
    figure.add_heatmap(
        z=values,
        x=[_shown(method.name) for method in methods],
        y=list(range(len(operators))),
        text=[["" if v is None else f"{v:.0f} %" for v in row] for row in values],
        customdata=[["" if s is None else _counted(s) for s in row] for row in shares],
        texttemplate="%{text}",
        hovertemplate="%{customdata}<extra>%{x}</extra>",
        colorscale=[[0, "#f6b394"], [0.5, "#f7f3ee"], [1, "#a9cdec"]],
        zmin=0,
        zmax=100,
        xgap=3,
        ygap=3,
        showscale=False,
    )
    figure.update_xaxes(side="top", type="category", showgrid=False)
    figure.update_yaxes(showgrid=False)
    return _name_rows(figure, operators)


def scores(results: Sequence[CaseResult]) -> go.Figure:
    """Draw every score of a method, by label."""
    scored = [result for result in results if result.outcome.score is not None]
    names = [label for label in LABELS if any(result.label == label for result in scored)]
    figure = _figure(2 * len(names))
    for row, label in enumerate(names):
        for wrong in (False, True):
            chosen = [r for r in scored if r.label == label and bool(r.wrong) == wrong]
            if not chosen:
                continue
            # Spread like a low-discrepancy sequence, so that the page is the same every time.
            spread = (np.arange(len(chosen)) * 0.6180339887 % 1 - 0.5) * 2 * SPREAD
            figure.add_scatter(
                x=[result.outcome.score for result in chosen],
                y=list(row + spread),
                mode="markers",
                marker={
                    "color": LABELS[label],
                    "size": 9 if wrong else 6,
                    "symbol": "x" if wrong else "circle",
                    "opacity": 0.85 if wrong else 0.45,
                },
                text=[f"{_shown(r.case)}<br>{_shown(answer(r))}" for r in chosen],
                hovertemplate="%{text}<extra>" + label + "</extra>",
                showlegend=False,
            )
    figure.update_xaxes(title="score", zeroline=False, range=_middle([r.outcome.score for r in scored]))
    return _name_rows(figure, names)


def _middle(values: Sequence[float | None]) -> tuple[float, float] | None:
    """Return the range that holds most values, if a few lie so far off that they would hide the others."""
    known = np.array([value for value in values if value is not None])
    low, high = np.quantile(known, [0.03, 0.97])
    width = max(high - low, 1e-9)
    if known.min() >= low - width and known.max() <= high + width:
        return None
    return low - 0.1 * width, high + 0.1 * width


def _figure(rows: int) -> go.Figure:
    layout: dict[str, Any] = {
        "template": None,
        "height": 96 + ROW * max(rows, 2),
        "margin": {"l": 8, "r": 16, "t": 40, "b": 40},
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": INK},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "legend": {"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0},
    }
    figure = go.Figure(layout=layout)
    figure.update_xaxes(gridcolor=GRID, automargin=True)
    figure.update_yaxes(gridcolor=GRID, automargin=True, zeroline=False)
    return figure


def _name_rows(figure: go.Figure, names: Sequence[str]) -> go.Figure:
    """Name the rows, the first on top."""
    return figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[_shown(name) for name in names],
        range=[len(names) - 0.5, -0.5],
    )


def _counted(share: Proportion) -> str:
    return f"{share.count} of {share.total}: {share}"


def _shown(text: str, width: int = 90) -> str:
    """Return text that plotly, which reads some tags, shows as it stands."""
    text = " ".join(plain(text).split())
    return html.escape(text if len(text) <= width else text[: width - 1] + "…")
