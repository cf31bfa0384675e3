"""Charts as inline SVG: no script, no request, colours that follow the page's.

Every chart is drawn in a box `WIDTH` wide; a page scales it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from scrubkit.report.elements import join, number, tag, text

WIDTH = 480
ROW = 22
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_WIDE = 7.1
"""Width of a character of a label, about."""


@dataclass(frozen=True)
class Scale:
    """Places of values along an axis: from `low` at pixel `start` to `high` at pixel `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the place of a value, within the axis."""
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)

    def ticks(self, about: int = 5) -> list[float]:
        """Return round values along the axis."""
        raw = (self.high - self.low) / max(about, 1) or 1.0
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [i * step for i in range(first, math.floor(self.high / step + 1e-9) + 1)]


def chart(height: float, pieces: Sequence[Markup], label: str, width: float = WIDTH) -> Markup:
    """Return a chart; the label says in words what it shows."""
    return Markup(
        '<svg class="chart" viewBox="0 0 {0:.0f} {1:.0f}" role="img" aria-label="{2}">{3}</svg>'
    ).format(width, height, text(label), join(list(pieces)))


def line(x1: float, y1: float, x2: float, y2: float, class_: str = "grid") -> Markup:
    """Return a line."""
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(
        class_, x1, y1, x2, y2
    )


def label(x: float, y: float, words: object, anchor: str = "start", class_: str = "") -> Markup:
    """Return text at a place."""
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}"{}>{}</text>').format(
        x, y, anchor, Markup(f' class="{class_}"') if class_ else "", text(words)
    )


def rect(
    x: float, y: float, w: float, h: float, colour: str, title: str = "", opacity: float = 1.0
) -> Markup:
    """Return a filled rectangle, with what is said when one points at it."""
    said = tag("title", title) if title else Markup("")
    return Markup(
        '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="1" style="fill:{}" '
        'fill-opacity="{:g}">{}</rect>'
    ).format(x, y, max(w, 0.0), max(h, 0.0), colour, opacity, said)


def path(points: Sequence[tuple[float, float]], style: str, *, closed: bool = False) -> Markup:
    """Return a line through points, or the area within it."""
    drawn = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return Markup('<path d="M{}{}" style="{}"/>').format(Markup(drawn), "Z" if closed else "", style)


def x_axis(
    scale: Scale, top: float, bottom: float, shown: Callable[[float], str], name: str = ""
) -> list[Markup]:
    """Return the grid, ticks and name of a horizontal axis."""
    pieces = []
    for tick in scale.ticks():
        x = scale(tick)
        pieces += [line(x, top, x, bottom), label(x, bottom + 15, shown(tick), "middle")]
    if name:
        pieces.append(label((scale.start + scale.end) / 2, bottom + 32, name, "middle"))
    return pieces


def power_of_ten(exponent: float) -> str:
    """Return a power of ten as text.

    >>> power_of_ten(-7), power_of_ten(0)
    ('10⁻⁷', '1')
    """
    whole = round(exponent)
    return "1" if whole == 0 else "10" if whole == 1 else f"10{str(whole).translate(_SUPERSCRIPTS)}"


def percent(value: float) -> str:
    """Return a share as per cent."""
    return f"{100 * value:.4g} %"


def short(words: str, most: int) -> str:
    """Return text cut to a number of characters."""
    return words if len(words) <= most else words[: most - 1] + "…"


@dataclass(frozen=True)
class Spread:
    """Values of a distribution: its name, colour, values and their shares."""

    name: str
    colour: str
    values: np.ndarray
    mass: np.ndarray


FLOOR = 1e-9
"""Losses under this are drawn here: float64 says no more of them."""


def distributions(spreads: Sequence[Spread], name: str, unit: str, bins: int = 56) -> Markup:
    """Draw distributions over each other, on a logarithmic axis where their values call for one."""
    values = np.concatenate([s.values[np.isfinite(s.values)] for s in spreads])
    low, high = float(values.min()), float(values.max())
    logarithmic = low >= 0 and high > 1e3 * max(low, FLOOR)

    def placed(found: np.ndarray) -> np.ndarray:
        return np.log10(np.maximum(found, FLOOR)) if logarithmic else found

    ends = placed(np.array([low, high]))
    lower, upper = (math.floor(ends[0]), math.ceil(ends[1])) if logarithmic else (ends[0], ends[1])
    upper = upper if upper > lower else lower + 1.0
    edges = np.linspace(lower, upper, bins + 1)
    height, top, bottom = 196, 12, 150
    x = Scale(lower, upper, 34, WIDTH - 12)
    shares = [np.histogram(placed(s.values), edges, weights=s.mass)[0] / s.mass.sum() for s in spreads]
    y = Scale(0, max(float(found.max()) for found in shares) * 1.04, bottom, top)
    pieces = []
    for tick in y.ticks(3):
        pieces += [
            line(x.start, y(tick), x.end, y(tick)),
            label(x.start - 5, y(tick) + 4, f"{100 * tick:.3g}", "end"),
        ]
    for tick in sorted({float(round(t)) for t in x.ticks(7)}) if logarithmic else x.ticks(6):
        pieces.append(
            label(x(tick), bottom + 16, power_of_ten(tick) if logarithmic else f"{tick:.3g}", "middle")
        )
    for spread, found in zip(spreads, shares, strict=True):
        steps = [(x(edge), y(v)) for i, v in enumerate(found) for edge in (edges[i], edges[i + 1])]
        area = [(x(lower), bottom), *steps, (x(upper), bottom)]
        pieces.append(path(area, f"fill:{spread.colour};fill-opacity:.16", closed=True))
        pieces.append(path(steps, f"fill:none;stroke:{spread.colour};stroke-width:1.8;stroke-linejoin:round"))
    pieces += [line(x.start, bottom, x.end, bottom, "axis"), label(4, 10, "%")]
    pieces.append(label((x.start + x.end) / 2, bottom + 36, f"{name}, {unit}" if unit else name, "middle"))
    return chart(height, pieces, f"distributions of {name}: {', '.join(s.name for s in spreads)}")


def histogram(
    values: np.ndarray, what: str, name: str, *, limit: float | None = None, bins: int = 40
) -> Markup:
    """Draw how many of some shares, from 0 to 1, lie in each bin."""
    found, edges = np.histogram(values, np.linspace(0, 1, bins + 1))
    height, top, bottom = 176, 12, 134
    x, y = Scale(0, 1, 40, WIDTH - 16), Scale(0, max(float(found.max()), 1.0) * 1.06, bottom, top)
    pieces = []
    for tick in y.ticks(3):
        pieces += [
            line(x.start, y(tick), x.end, y(tick)),
            label(x.start - 6, y(tick) + 4, f"{tick:g}", "end"),
        ]
    for count, left, right in zip(found.tolist(), edges[:-1], edges[1:], strict=True):
        if count:
            said = f"{percent(left)} to {percent(right)}: {count}"
            width = x(right) - x(left) - 1
            pieces.append(rect(x(left), y(count), width, bottom - y(count), "var(--model)", said, 0.8))
    if limit is not None:
        pieces.append(line(x(limit), top, x(limit), bottom, "limit"))
    pieces += [label(x(tick), bottom + 15, percent(tick), "middle") for tick in x.ticks(5)]
    pieces += [
        line(x.start, bottom, x.end, bottom, "axis"),
        label((x.start + x.end) / 2, bottom + 32, name, "middle"),
    ]
    return chart(height, pieces, what)


@dataclass(frozen=True)
class Bar:
    """A bar: its name, length, colour, and what is said of it."""

    name: str
    value: float
    colour: str = "var(--model)"
    said: str = ""


def bars(rows: Sequence[Bar], what: str, *, most: float | None = None, limit: float | None = None) -> Markup:
    """Draw horizontal bars, one a row, with their values at the end."""
    names = min(190.0, 12 + _WIDE * max((len(row.name) for row in rows), default=1))
    longest = most or max((abs(row.value) for row in rows), default=1.0) or 1.0
    ends = max((len(row.said or number(row.value)) for row in rows), default=0)
    x = Scale(0, longest, names, WIDTH - 12 - _WIDE * ends)
    pieces = []
    for i, row in enumerate(rows):
        y = 6 + i * ROW
        said = row.said or number(row.value)
        pieces.append(label(names - 8, y + 12, short(row.name, int((names - 8) / _WIDE)), "end", "ink"))
        pieces.append(
            rect(names, y + 2, x(row.value) - names, ROW - 8, row.colour, f"{row.name}: {said}", 0.85)
        )
        pieces.append(label(max(x(row.value), names) + 6, y + 12, said))
    height = 10 + ROW * len(rows)
    if limit is not None:
        pieces.append(line(x(limit), 2, x(limit), height - 4, "limit"))
    return chart(height, pieces, what)


def spectrum(values: Sequence[float], marked: Sequence[int], limit: float | None, what: str) -> Markup:
    """Draw the share at each frequency 1, 2, ..., those of the circuit in colour."""
    height, top, bottom = 176, 14, 140
    x = Scale(0.5, len(values) + 0.5, 40, WIDTH - 8)
    y = Scale(0, max([*values, (limit or 0.0) * 1.5, 1e-9]) * 1.1, bottom, top)
    pieces = []
    for tick in y.ticks(4):
        pieces += [
            line(x.start, y(tick), x.end, y(tick)),
            label(x.start - 6, y(tick) + 4, percent(tick), "end"),
        ]
    step = (x.end - x.start) / max(len(values), 1)
    for k, value in enumerate(values, start=1):
        key = k in marked
        colour = "var(--scrubbed)" if key else "var(--baseline)"
        said = f"frequency {k}: {100 * value:.3g} %"
        pieces.append(rect(x(k) - 0.42 * step, y(value), 0.84 * step, bottom - y(value), colour, said))
    last = -100.0
    for k in sorted(marked):
        if 1 <= k <= len(values) and x(k) - last > 16:
            pieces.append(label(x(k), y(values[k - 1]) - 4, k, "middle", "ink"))
            last = x(k)
    if limit is not None:
        pieces.append(line(x.start, y(limit), x.end, y(limit), "limit"))
    pieces.append(line(x.start, bottom, x.end, bottom, "axis"))
    for tick in x.ticks(6):
        if tick >= 1 and tick == round(tick):
            pieces.append(label(x(tick), bottom + 15, f"{tick:.0f}", "middle"))
    pieces.append(label((x.start + x.end) / 2, bottom + 31, "frequency k", "middle"))
    return chart(height, pieces, what)


@dataclass(frozen=True)
class Range:
    """A row of intervals: its name, then value, low, high, colour and words of each."""

    name: str
    found: Sequence[tuple[float, float, float, str, str]]


def ranges(
    rows: Sequence[Range],
    what: str,
    *,
    low: float = 0.0,
    high: float = 1.0,
    limit: float | None = None,
    shown: Callable[[float], str] = percent,
    name: str = "",
) -> Markup:
    """Draw values with their intervals, one row of them a name."""
    names = min(200.0, 14 + _WIDE * max((len(row.name) for row in rows), default=1))
    each = max((len(row.found) for row in rows), default=1)
    step = ROW + 7 * (each - 1)
    bottom = 8 + step * len(rows)
    x = Scale(low, high, names, WIDTH - 26)
    pieces = x_axis(x, 4, bottom, shown, name)
    if limit is not None:
        pieces.append(line(x(limit), 2, x(limit), bottom, "limit"))
    for i, row in enumerate(rows):
        middle = 8 + step * (i + 0.5)
        pieces.append(label(names - 10, middle + 4, short(row.name, int((names - 10) / _WIDE)), "end", "ink"))
        for j, (value, least, most, colour, said) in enumerate(row.found):
            y = middle + 9 * (j - (each - 1) / 2)
            style = f"stroke:{colour};stroke-width:2"
            pieces.append(
                Markup(
                    '<g><title>{}</title><line x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}" style="{}"/>'
                ).format(text(said), x(least), x(most), y, y, style)
                + Markup('<circle cx="{:.1f}" cy="{:.1f}" r="4" style="fill:{}"/></g>').format(
                    x(value), y, colour
                )
            )
    return chart(bottom + (40 if name else 22), pieces, what)


def stacked(
    rows: Sequence[tuple[str, Sequence[float], str]], parts: Sequence[tuple[str, str]], what: str
) -> Markup:
    """Draw rows of shares that add up to 1.

    Args:
        rows: for each a name, its shares, and what is written at its end.
        parts: name and colour of each share.
        what: what the chart shows, in words.
    """
    names = min(190.0, 12 + _WIDE * max((len(name) for name, _, _ in rows), default=1))
    x = Scale(0, 1, names, WIDTH - 12 - _WIDE * max((len(said) for _, _, said in rows), default=0))
    pieces = []
    for i, (name, shares, said) in enumerate(rows):
        y, done = 6 + i * ROW, 0.0
        pieces.append(label(names - 8, y + 12, name, "end", "ink"))
        for share, (part, colour) in zip(shares, parts, strict=True):
            left = x(done)
            done += share
            pieces.append(
                rect(left, y + 2, x(done) - left, ROW - 8, colour, f"{name}, {part}: {percent(share)}", 0.85)
            )
        pieces.append(label(x.end + 8, y + 12, said))
    return chart(10 + ROW * len(rows), pieces, what)


def meter(value: float, low: float, high: float, limit: float, colour: str) -> Markup:
    """Draw a figure from 0 to 1 with its interval and its limit, small enough for a cell of a table."""
    if math.isnan(value):
        return Markup("")
    x = Scale(0, 1, 3, 87)
    return Markup(
        '<svg width="90" height="12" viewBox="0 0 90 12" aria-hidden="true">'
        '<rect x="3" y="4.5" width="84" height="3" rx="1.5" style="fill:var(--line)"/>'
        '<rect x="3" y="4.5" width="{0:.1f}" height="3" rx="1.5" style="fill:{5}" fill-opacity=".45"/>'
        '<line x1="{1:.1f}" x2="{2:.1f}" y1="6" y2="6" style="stroke:{5};stroke-width:3"/>'
        '<circle cx="{3:.1f}" cy="6" r="3.4" style="fill:{5}"/>'
        '<line x1="{4:.1f}" x2="{4:.1f}" y1="1" y2="11" style="stroke:var(--ink)" stroke-opacity=".6"/></svg>'
    ).format(x(value) - 3, x(low), x(high), x(value), x(limit), colour)
