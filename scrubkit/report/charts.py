"""Figures drawn by plotly: their style, and the error rates of a run."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from scrubkit.harness.report import MethodReport, Proportion
from scrubkit.report.plain import plain

INK, GRID = "#23272e", "#e6e8eb"
RED, BLUE, GREY = "#c2410c", "#1d6fb8", "#8a8f98"
ROW = 34
"""Height of one row of a chart, in pixels."""


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


def _figure(rows: int) -> go.Figure:
    return styled(go.Figure(), "").update_layout(height=96 + ROW * max(rows, 2))


def styled(figure: go.Figure, title: str) -> go.Figure:
    """Give a figure the style that all have."""
    layout: dict[str, Any] = {
        "template": None,
        "title": {"text": shown(title), "font": {"size": 15}} if title else None,
        "margin": {"l": 8, "r": 16, "t": 64 if title else 40, "b": 40},
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": INK},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "legend": {"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0},
    }
    figure.update_layout(**layout)
    figure.update_xaxes(gridcolor=GRID, automargin=True)
    figure.update_yaxes(gridcolor=GRID, automargin=True, zeroline=False)
    return figure


def _name_rows(figure: go.Figure, names: Sequence[str]) -> go.Figure:
    """Name the rows, the first on top."""
    return figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[shown(name) for name in names],
        range=[len(names) - 0.5, -0.5],
    )


def _counted(share: Proportion) -> str:
    return f"{share.count} of {share.total}: {share}"


def shown(text: str, width: int = 90) -> str:
    """Return text that plotly, which reads some tags, shows as it stands."""
    text = " ".join(plain(text).split())
    return html.escape(text if len(text) <= width else text[: width - 1] + "…")
