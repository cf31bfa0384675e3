"""The figure of sizes: seconds and memory against what grows, on logarithmic axes, as one SVG file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

from markupsafe import Markup

from scrubkit.report.elements import join, text
from scrubkit.report.svg import Scale, label, line, path

PANEL, HEIGHT, LEFT, TOP = 190, 130, 46, 34
STYLE = """
  svg { font: 11px system-ui, sans-serif; background: #fff; }
  text { fill: #333; } .name { font-weight: 600; } .grid { stroke: #ddd; }
"""
MEASURES: Sequence[tuple[str, str, str]] = (("seconds", "s", "#1f6f8b"), ("memory", "GiB", "#b1521f"))
"""Attribute of a point, unit and colour of each row of panels."""


class Measured(Protocol):
    """A point of a curve."""

    size: int
    seconds: float
    memory: float


def figure(curves: Mapping[str, Sequence[Measured]]) -> str:
    """Return the figure: a row of panels for seconds and one for memory, a column for each curve."""
    width, height = LEFT + PANEL * len(curves), TOP + 2 * (HEIGHT + 46)
    pieces = []
    for row, (attribute, unit, colour) in enumerate(MEASURES):
        values = [getattr(point, attribute) for points in curves.values() for point in points]
        up = _logarithmic(values, TOP + (row + 1) * HEIGHT + row * 46, TOP + row * (HEIGHT + 46))
        for column, (name, points) in enumerate(curves.items()):
            left = LEFT + column * PANEL
            sizes = [point.size for point in points]
            across = _logarithmic(sizes, left + 12, left + PANEL - 22, whole=False)
            places = [(across(p.size), up(getattr(p, attribute))) for p in points]
            pieces += _panel(left, up, unit, first=column == 0)
            pieces.append(path(places, f"fill:none;stroke:{colour};stroke-width:1.6"))
            for point, (x, y) in zip(points, places, strict=True):
                value = getattr(point, attribute)
                pieces.append(_dot(x, y, colour, f"{point.size}: {value:.3g} {unit}"))
                pieces.append(label(x, y - 7, f"{value:.2g}", "middle"))
                pieces.append(label(x, up.start + 14, point.size, "middle"))
            pieces.append(label(left + PANEL / 2 - 5, up.start + 30, name, "middle", "name"))
    said = "Processor seconds and peak memory of a score against modulus, nodes, draws, hypotheses and layers"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'role="img" aria-label="{said}"><style>{STYLE}</style>'
        f"{label(LEFT, 16, said + ', one thread', 'start', 'name')}{join(pieces)}</svg>\n"
    )


def _logarithmic(values: Sequence[float], start: float, end: float, *, whole: bool = True) -> _Log:
    """Return a scale of logarithms, over whole powers of ten where that is asked for."""
    low, high = math.log10(min(values)), math.log10(max(values))
    return _Log(
        Scale(math.floor(low), math.ceil(high), start, end) if whole else Scale(low, high, start, end)
    )


class _Log:
    """Places of positive values by their logarithms."""

    def __init__(self, scale: Scale) -> None:
        self.scale, self.start, self.end = scale, scale.start, scale.end

    def __call__(self, value: float) -> float:
        return self.scale(math.log10(value))


def _panel(left: float, up: _Log, unit: str, *, first: bool) -> list[Markup]:
    """Return the lines of a panel, named in the first of a row."""
    pieces = []
    for power in range(round(up.scale.low), round(up.scale.high) + 1):
        y = up(10.0**power)
        pieces.append(line(left, y, left + PANEL - 12, y))
        if first:
            pieces.append(label(left - 4, y + 4, f"{10.0**power:g} {unit}", "end"))
    return pieces


def _dot(x: float, y: float, colour: str, title: str) -> Markup:
    return Markup('<circle cx="{:.1f}" cy="{:.1f}" r="3" fill="{}"><title>{}</title></circle>').format(
        x, y, colour, text(title)
    )
