"""The figure of a timeline: losses, fidelities and progress measures over steps, one below the other.

Of one run the phases are shaded. Of several, each quantity has a thin line for each run in one colour, and
bands would hide each other, so intervals are drawn for one run alone.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from scrubkit.report.plain import plain
from scrubkit.trajectories.timeline import RunTimeline, Timeline, TimelineStep

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#e69f00", "#5d646e")
"""Colours of lines, told apart by most people who see colours otherwise (Okabe and Ito 2008)."""
SHADES = ("#f4e3d7", "#dfeadf", "#dde7f2")
"""Colours of phases, in turn."""
GRID = "#e6e8eb"
INK = "#23272e"
LOWEST = -0.25
"""Fidelity below which the axis ends; on models that guess it can be far lower."""
_MINOR = 0.5
"""Where step 0 is drawn on the logarithmic axis, left of step 1."""


@dataclass(frozen=True)
class _Line:
    """One quantity: its name, panel, colour and figures, with bounds where it has an interval."""

    name: str
    row: int
    colour: str
    value: Callable[[TimelineStep], float]
    bounds: Callable[[TimelineStep], tuple[float, float]] | None = None
    note: str = ""


@dataclass(frozen=True)
class _Panel:
    """One of the figures below each other."""

    title: str
    kind: str = "linear"
    names: tuple[str, ...] = ()


def draw(timeline: Timeline) -> go.Figure:
    """Return the figure of a timeline."""
    panels = _panels(timeline)
    figure = make_subplots(rows=len(panels), cols=1, shared_xaxes=True, vertical_spacing=0.045)
    for line in _lines(timeline, panels):
        for run in timeline.runs:
            _add(figure, line, run, first=run is timeline.runs[0], alone=len(timeline.runs) == 1)
    for row, panel in enumerate(panels, start=1):
        figure.update_yaxes(title=panel.title, type=panel.kind, exponentformat="power", row=row, col=1)
    if timeline.hypotheses:
        lowest = min(0.0, max(LOWEST, _lowest(timeline)))
        figure.update_yaxes(range=[lowest - 0.03, 1.04], row=2, col=1)
        least = 1 - timeline.settings.margins.fidelity if timeline.settings else 1.0
        figure.add_hline(y=least, line={"color": INK, "width": 1, "dash": "dot"}, row=2, col=1)  # pyright: ignore[reportArgumentType]
    if len(timeline.runs) == 1:
        _shade(figure, timeline.runs[0])
    return _style(figure, timeline, len(panels))


def _panels(timeline: Timeline) -> list[_Panel]:
    """Return the panels: losses, fidelities, and a panel for each unit that the other measures have."""
    panels = [_Panel("loss, nats", "log", _in_unit(timeline, lambda unit, top: unit == "nats"))]
    if timeline.hypotheses:
        panels.append(_Panel("fidelity"))
    small = _in_unit(timeline, lambda unit, top: unit != "nats" and top <= 1)
    large = _in_unit(timeline, lambda unit, top: unit != "nats" and top > 1)
    panels += [_Panel("share", names=small)] if small else []
    return panels + ([_Panel("sum", "log", names=large)] if large else [])


def _in_unit(timeline: Timeline, chosen: Callable[[str, float], bool]) -> tuple[str, ...]:
    def top(name: str) -> float:
        return max(step.measures[name] for run in timeline.runs for step in run.steps)

    return tuple(name for name, info in timeline.measures.items() if chosen(info.unit, top(name)))


def _lines(timeline: Timeline, panels: Sequence[_Panel]) -> Iterator[_Line]:
    """Yield every line; colours are given out anew in each panel."""
    yield _Line("training loss", 1, COLOURS[0], lambda step: step.train_loss)
    yield _Line("test loss", 1, COLOURS[1], lambda step: step.test_loss)
    for row, panel in enumerate(panels, start=1):
        begun = 2 if row == 1 else 0
        for number, name in enumerate(panel.names, start=begun):
            yield _measure_line(timeline, name, row, COLOURS[number % len(COLOURS)])
    for number, name in enumerate(timeline.hypotheses):
        yield _score_line(name, COLOURS[number % len(COLOURS)])


def _measure_line(timeline: Timeline, name: str, row: int, colour: str) -> _Line:
    return _Line(
        name.replace("_", " "),
        row,
        colour,
        lambda step: step.measures[name],
        note=timeline.measures[name].note,
    )


def _score_line(name: str, colour: str) -> _Line:
    def bounds(step: TimelineStep) -> tuple[float, float]:
        return step.scores[name].fidelity.low, step.scores[name].fidelity.high

    return _Line(name, 2, colour, lambda step: step.scores[name].fidelity.value, bounds)


def _add(figure: go.Figure, line: _Line, run: RunTimeline, *, first: bool, alone: bool) -> None:
    """Draw a quantity of one run, and its interval where no other run would lie over it."""
    x = [max(step.step, _MINOR) for step in run.steps]
    place = {"row": line.row, "col": 1}
    group = f"{line.row} {line.name}"
    if alone and line.bounds:
        low, high = zip(*(line.bounds(step) for step in run.steps), strict=True)
        figure.add_scatter(
            x=[*x, *reversed(x)],
            y=[*high, *reversed(low)],
            fill="toself",
            fillcolor=line.colour,
            opacity=0.25,
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
            legendgroup=group,
            **place,
        )
    figure.add_scatter(
        x=x,
        y=[_drawable(line.value(step)) for step in run.steps],
        mode="lines+markers" if alone else "lines",
        marker={"size": 4},
        line={"color": line.colour, "width": 2 if alone else 1},
        opacity=1 if alone else 0.7,
        name=_shown(line.name),
        legend=f"legend{line.row if line.row > 1 else ''}",
        legendgroup=group,
        showlegend=first,
        customdata=[step.step for step in run.steps],
        hovertemplate=f"%{{y:.4g}} at step %{{customdata:,}}<extra>{_shown(line.name)}, {_shown(run.model)}"
        + (f"<br>{_shown(line.note)}" if line.note else "")
        + "</extra>",
        **place,
    )


def _shade(figure: go.Figure, run: RunTimeline) -> None:
    """Shade the phases of a run and name them at the top."""
    for phase, colour in zip(run.phases, SHADES, strict=False):
        if phase.first == phase.last:
            continue
        ends = (max(phase.first, _MINOR), phase.last)
        figure.add_vrect(x0=ends[0], x1=ends[1], fillcolor=colour, opacity=0.55, line_width=0, layer="below")
        middle = sum(math.log10(end) for end in ends) / 2
        figure.add_annotation(
            x=middle, y=1, xref="x", yref="paper", yanchor="bottom", text=_shown(phase.name), showarrow=False
        )


def _style(figure: go.Figure, timeline: Timeline, rows: int) -> go.Figure:
    steps = max(run.steps[-1].step for run in timeline.runs)
    ticks = [_MINOR, *(10**power for power in range(math.ceil(math.log10(max(steps, 2))) + 1))]
    figure.update_xaxes(
        type="log",
        range=[math.log10(_MINOR) - 0.05, math.log10(max(steps, 2)) + 0.03],
        tickvals=ticks,
        ticktext=["0", *(f"{tick:,}" for tick in ticks[1:])],
        gridcolor=GRID,
        zeroline=False,
    )
    figure.update_yaxes(gridcolor=GRID, zeroline=False)
    figure.update_xaxes(title="optimiser steps", row=rows, col=1)
    figure.update_layout(
        template=None,
        height=120 + 230 * rows,
        margin={"l": 70, "r": 10, "t": 40, "b": 50},
        font={"family": "system-ui, sans-serif", "size": 13, "color": INK},
        paper_bgcolor="white",
        plot_bgcolor="white",
    )
    for row in range(1, rows + 1):
        axis: Any = figure.layout[f"yaxis{row if row > 1 else ''}"]
        figure.update_layout(
            {f"legend{row if row > 1 else ''}": {"x": 1.01, "y": axis.domain[1], "yanchor": "top"}}
        )
    return figure


def _lowest(timeline: Timeline) -> float:
    return min(s.fidelity.value for run in timeline.runs for step in run.steps for s in step.scores.values())


def _drawable(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _shown(text: str) -> str:
    """Return text that plotly, which reads some tags, shows as it stands."""
    return html.escape(" ".join(plain(text).split())[:80])
