"""What the stories of the gallery share: saying the figures, drawing them, and asking the judges."""

from __future__ import annotations

import argparse
import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import scrubkit

INK, GRID, COLORS = "#23272e", "#d9dce0", ("#1d6fb8", "#c2410c", "#8a8f98", "#3f7d3f")
WIDTH, LEFT, ROW, GAP = 640, 250, 18, 14
_LABELS = {True: "true", False: "false", None: "vacuous"}
DRAWS, ITEMS = 64, 20_000
"""A judge may take so many passes, or as many as show it so many inputs; the bench gives 8 passes."""


@dataclass(frozen=True)
class Claim:
    """One claim that the judges are asked about.

    Attributes:
        text: what is claimed, in a few words.
        true: whether it is true of the weights; None for a claim that would hold of any weights.
        subject: the model, or graph of functions.
        graph: the claim as a hypothesis.
    """

    text: str
    true: bool | None
    subject: Any
    graph: Any


@dataclass(frozen=True)
class Exhibit:
    """One named failure, reproduced.

    Attributes:
        figures: the numbers that make the failure, in the order in which they are told.
        drawing: the figure, as SVG.
        claims: what the judges are asked.
    """

    figures: Mapping[str, float]
    drawing: str
    claims: Sequence[Claim] = ()

    @classmethod
    def of(
        cls,
        title: str,
        series: Sequence[str],
        rows: Mapping[str, Sequence[float]],
        claims: Sequence[Claim] = (),
        **more: float,
    ) -> Exhibit:
        """Return an exhibit whose figures are the bars that are drawn, and `more` that are only said."""
        figures = {
            f"{s}, {row}": v for row, values in rows.items() for s, v in zip(series, values, strict=True)
        }
        told = {name.replace("_", " "): value for name, value in more.items()}
        return cls(figures | told, bars(title, rows, series), claims)


def show(make: Callable[[], Exhibit]) -> None:
    """Run a story from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, help="write the figure to this SVG file")
    parser.add_argument("--judges", action="store_true", help="ask every built-in scorer (a minute or two)")
    options = parser.parse_args()
    exhibit = make()
    print(said(exhibit))
    if options.out:
        options.out.write_text(exhibit.drawing)
    if options.judges:
        print("\n" + judged(exhibit))


def said(exhibit: Exhibit) -> str:
    """Return the figures, one a line."""
    width = max(map(len, exhibit.figures)) + 2
    return "\n".join(f"{name:<{width}}{_number(value)}" for name, value in exhibit.figures.items())


def judged(exhibit: Exhibit) -> str:
    """Return what every judge says of every claim, as a Markdown table; wrong answers are in bold."""
    claims = exhibit.claims
    answers = [scrubkit.ask(c.subject, c.graph, budget=_budget(c.subject)) for c in claims]
    head = ["method", *(f"{c.text} ({_LABELS[c.true]})" for c in claims)]
    rows = [[name, *(_cell(a[name], c) for a, c in zip(answers, claims, strict=True))] for name in answers[0]]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def _budget(subject: Any) -> scrubkit.Budget:
    return scrubkit.Budget(draws=max(DRAWS, ITEMS // scrubkit.bind(subject).n_inputs))


def _cell(answer: Any, claim: Claim) -> str:
    if answer.fault is not None:
        return "does not apply"
    wrong = answer.verdict == ("refuted" if claim.true else "supported")
    text = f"{answer.verdict} {answer.score:.2f}"
    return f"**{text}**" if wrong else text


def bars(title: str, rows: Mapping[str, Sequence[float]], series: Sequence[str], unit: str = "") -> str:
    """Draw horizontal bars, one for each series in each row.

    Args:
        title: what stands above.
        rows: the values of each row, one for each series.
        series: names of the series.
        unit: what stands after a value.
    """
    values = [v for row in rows.values() for v in row]
    low, high = min(0.0, *values), max(0.0, *values)
    scale = (WIDTH - LEFT - 70) / ((high - low) or 1)
    zero, y, body = LEFT - low * scale, 62, []
    for name, row in rows.items():
        middle = y + ROW * len(row) / 2 + 4
        body.append(_text(LEFT - 8, middle, name, "end"))
        for i, value in enumerate(row):
            left, width = min(zero, zero + value * scale), max(abs(value) * scale, 1)
            at = f'x="{left:.1f}" y="{y}" width="{width:.1f}" height="{ROW - 4}"'
            body.append(f'<rect {at} fill="{COLORS[i]}"/>')
            body.append(_text(max(left + width, zero) + 5, y + ROW - 7, _number(value) + unit, "start", 11))
            y += ROW
        y += GAP
    body.append(f'<line x1="{zero:.1f}" x2="{zero:.1f}" y1="54" y2="{y - GAP + 4}" stroke="{INK}"/>')
    return _page(title, series, body, y)


def lines(title: str, xs: Sequence[float], series: Mapping[str, Sequence[float]], axis: str) -> str:
    """Draw lines over a common horizontal axis.

    Args:
        title: what stands above.
        xs: where the values are.
        series: the values of each line.
        axis: what the horizontal axis is.
    """
    values = [v for ys in series.values() for v in ys]
    low, high, top, bottom = min(0.0, *values), max(values), 60, 260
    across = (WIDTH - 90) / (xs[-1] - xs[0])
    up = (bottom - top) / ((high - low) or 1)
    body = []
    for value in (low, (low + high) / 2, high):
        y = bottom - (value - low) * up
        body.append(f'<line x1="60" x2="{WIDTH - 30}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>')
        body.append(_text(54, y + 4, _number(value), "end", 11))
    for i, ys in enumerate(series.values()):
        at = [
            f"{60 + (x - xs[0]) * across:.1f},{bottom - (v - low) * up:.1f}"
            for x, v in zip(xs, ys, strict=True)
        ]
        points = " ".join(at)
        body.append(f'<polyline points="{points}" fill="none" stroke="{COLORS[i]}" stroke-width="2.5"/>')
    body += [
        _text(60 + (x - xs[0]) * across, bottom + 18, _number(x), "middle", 11)
        for x in xs[:: max(len(xs) // 8, 1)]
    ]
    body.append(_text(WIDTH / 2, bottom + 38, axis, "middle", 12))
    return _page(title, list(series), body, bottom + 48)


def _page(title: str, series: Sequence[str], body: Sequence[str], height: float) -> str:
    key, x = [], 16.0
    for i, name in enumerate(series if len(series) > 1 else ()):
        key.append(f'<rect x="{x}" y="34" width="11" height="11" fill="{COLORS[i]}"/>')
        key.append(_text(x + 16, 44, name, "start", 12))
        x += 34 + 6.6 * len(name)
    size = f'viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" height="{height:.0f}"'
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="system-ui, sans-serif" font-size="13">'
    )
    back = '<rect width="100%" height="100%" fill="white"/>'
    return "\n".join([head, back, _text(16, 22, title, "start", 15), *key, *body, "</svg>"]) + "\n"


def _text(x: float, y: float, text: str, anchor: str, size: int = 13) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
    return f'<text {place} fill="{INK}">{html.escape(text)}</text>'


def _number(value: float) -> str:
    value = 0.0 if abs(value) < 1e-9 else float(value)
    return f"{value:,.0f}" if value.is_integer() else f"{value:.3g}"
