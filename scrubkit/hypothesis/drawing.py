"""A hypothesis as a picture: SVG in layers, Mermaid, or Graphviz's DOT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import networkx as nx

from scrubkit.errors import printable
from scrubkit.shown import COLOURS, GREY

if TYPE_CHECKING:
    from scrubkit.hypothesis.claim import Hypothesis, Node

_PLAIN = "#5b7fb5"
_WIDTH, _LINE, _GAP, _ROW, _MARGIN, _TITLE = 216, 15, 22, 54, 12, 30
_CHARACTERS = 30
"""Width of a box in pixels and in characters; height of a line; gaps between boxes, and between rows; height
of a title."""

Verdicts = Mapping[str, str]
"""Verdicts by node name, and by ``"parent -> node"`` for edges."""


@dataclass(frozen=True)
class Drawing:
    """A picture that notebooks show.

    Attributes:
        svg: the picture.
        width: its width in pixels.
        height: its height.
    """

    svg: str
    width: float = 0.0
    height: float = 0.0

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | Path) -> Path:
        """Write the picture to an SVG file and return its path."""
        path = Path(path)
        path.write_text(self.svg, encoding="utf-8")
        return path


@dataclass(frozen=True)
class Box:
    """A node of a picture.

    Attributes:
        lines: what it says, the first line its name.
        colour: of its frame.
        title: what is said where one points at it.
    """

    lines: tuple[str, ...]
    colour: str = _PLAIN
    title: str = ""


@dataclass(frozen=True)
class Arrow:
    """An edge of a picture, from what is read to its reader."""

    parent: str
    reader: str
    colour: str = GREY
    dashed: bool = False


@dataclass(frozen=True)
class _Placed:
    box: Box
    x: float
    y: float

    @property
    def height(self) -> float:
        return _LINE * len(self.box.lines) + 12

    @property
    def middle(self) -> float:
        return self.x + _WIDTH / 2


def draw(hypothesis: Hypothesis, verdicts: Verdicts) -> Drawing:
    """Lay a hypothesis out in layers, the root on top and what it reads below."""
    boxes = {
        name: Box(
            _lines(hypothesis.nodes[name]),
            COLOURS.get(verdicts.get(name, ""), _PLAIN),
            f"{name}: {verdicts[name]}" if name in verdicts else name,
        )
        for name in hypothesis.canonical_order()
    }
    arrows = [
        Arrow(parent, name, COLOURS.get(verdicts.get(f"{parent} -> {name}", ""), GREY), paths == "direct")
        for name, node in hypothesis.nodes.items()
        for parent, paths in node.parents
    ]
    return draw_layers(hypothesis.name, boxes, arrows)


def draw_layers(name: str, boxes: Mapping[str, Box], arrows: Sequence[Arrow]) -> Drawing:
    """Lay a graph out in layers, what nothing reads on top and what it reads below.

    Args:
        name: what the picture is of.
        boxes: the nodes by name; their order decides between equals.
        arrows: the edges, without cycles.
    """
    placed = _places(boxes, arrows)
    width = max((at.x for at in placed.values()), default=0) + _WIDTH + _MARGIN
    height = max((at.y + at.height for at in placed.values()), default=0) + _MARGIN
    parts = [_edge(placed[arrow.parent], placed[arrow.reader], arrow) for arrow in arrows]
    parts += [_box(at) for at in placed.values()]
    return _drawing(name, width, height, parts)


def beside(pictures: Mapping[str, Drawing]) -> Drawing:
    """Return pictures side by side, each beneath its title."""
    parts, x = [], 0.0
    for title, picture in pictures.items():
        parts.append(
            f'<text x="{x + _MARGIN:.0f}" y="18" fill="currentColor" font-size="14" font-weight="600">'
            f"{_text(title)}</text>"
        )
        placed = picture.svg.replace(
            "<svg ", f'<svg x="{x:.0f}" y="{_TITLE}" height="{picture.height:.0f}" ', 1
        )
        parts.append(placed)
        x += picture.width + _GAP
    height = max((picture.height for picture in pictures.values()), default=0.0) + _TITLE
    return _drawing(", ".join(pictures), max(x - _GAP, 0.0), height, parts)


def _drawing(name: str, width: float, height: float, parts: Sequence[str]) -> Drawing:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'role="img" aria-label="{_text(name)}" font-family="system-ui, sans-serif" font-size="12">'
    )
    return Drawing("\n".join([head, *parts, "</svg>"]), width, height)


def _places(boxes: Mapping[str, Box], arrows: Sequence[Arrow]) -> dict[str, _Placed]:
    """Place the nodes: a layer is what is as far from the top; near what reads it within a layer."""
    graph = nx.DiGraph((arrow.parent, arrow.reader) for arrow in arrows)
    graph.add_nodes_from(boxes)
    depth: dict[str, int] = {}
    for name in reversed(list(nx.topological_sort(graph))):
        depth[name] = max((depth[reader] + 1 for reader in graph.successors(name)), default=0)
    layers = [[n for n in boxes if depth[n] == d] for d in range(max(depth.values(), default=-1) + 1)]
    widest = max((len(layer) for layer in layers), default=0)
    placed: dict[str, _Placed] = {}
    y = float(_MARGIN)
    for layer in layers:
        if placed:
            near = {n: [placed[r].middle for r in graph.successors(n)] for n in layer}
            layer = sorted(layer, key=lambda n: (sum(near[n]) / len(near[n]), n))
        start = _MARGIN + (widest - len(layer)) * (_WIDTH + _GAP) / 2
        made = {name: _Placed(boxes[name], start + i * (_WIDTH + _GAP), y) for i, name in enumerate(layer)}
        placed |= made
        y += max(at.height for at in made.values()) + _ROW
    return placed


def wrapped(line: str) -> list[str]:
    """Return a line as lines that fit a box."""
    return wrap(line, _CHARACTERS, break_on_hyphens=False)


def _lines(node: Node) -> tuple[str, ...]:
    lines = wrapped(node.site)
    if node.unimportant:
        lines.append("does not matter")
    elif node.feature is not None:
        lines += wrapped(f"= {node.feature.text}")
    return (node.name[:_CHARACTERS], *lines)


def _box(at: _Placed) -> str:
    text = [
        f'<text x="{at.x + 9:.1f}" y="{at.y + _LINE * (i + 1) + 3:.1f}" fill="currentColor" '
        f'font-weight="{400 if i else 600}">{_text(line)}</text>'
        for i, line in enumerate(at.box.lines)
    ]
    title = f"<title>{_text(at.box.title)}</title>" if at.box.title else ""
    # What lies behind is for the style of a page to hide: the colour of a notebook is not known here.
    behind = (
        f'<path class="behind" d="M{at.x:.1f} {at.y:.1f}h{_WIDTH}v{at.height:.1f}h-{_WIDTH}z" fill="none"/>'
    )
    shape = behind + (
        f'<rect x="{at.x:.1f}" y="{at.y:.1f}" width="{_WIDTH}" height="{at.height:.1f}" rx="6" '
        f'fill="{at.box.colour}" fill-opacity="0.14" stroke="{at.box.colour}" stroke-width="1.5"/>'
    )
    return f"<g>{title}{shape}{''.join(text)}</g>"


def _edge(parent: _Placed, reader: _Placed, arrow: Arrow) -> str:
    x1, y1, x2, y2 = parent.middle, parent.y, reader.middle, reader.y + reader.height
    bend = (y1 - y2) / 2
    path = f"M{x1:.1f} {y1:.1f} C{x1:.1f} {y1 - bend:.1f} {x2:.1f} {y2 + bend:.1f} {x2:.1f} {y2:.1f}"
    dashes = ' stroke-dasharray="5 4"' if arrow.dashed else ""
    return f'<path d="{path}" fill="none" stroke="{arrow.colour}" stroke-width="1.4"{dashes}/>'


def _text(text: str) -> str:
    """Return text as XML shows it: what steers or turns text round is spelled out."""
    return escape(printable(text).replace("\0", ""), quote=True)


def mermaid(hypothesis: Hypothesis) -> str:
    """Return a hypothesis as a Mermaid flowchart, which GitHub and many notebooks draw."""
    numbers = {name: f"n{i}" for i, name in enumerate(hypothesis.nodes)}
    lines = ["flowchart BT"]
    for name, node in hypothesis.nodes.items():
        text = "<br/>".join(escape(printable(line)).replace('"', "&quot;") for line in _lines(node))
        lines.append(f'  {numbers[name]}["{text}"]')
    for name, node in hypothesis.nodes.items():
        for parent, paths in node.parents:
            arrow = "-.->" if paths == "direct" else "-->"
            lines.append(f"  {numbers[parent]} {arrow} {numbers[name]}")
    return "\n".join(lines) + "\n"


def dot(hypothesis: Hypothesis) -> str:
    """Return a hypothesis in Graphviz's language."""

    def quoted(text: str) -> str:
        return '"' + printable(text).replace("\\", "\\\\").replace('"', '\\"') + '"'

    lines = [f"digraph {quoted(hypothesis.name)} {{", '  rankdir="BT"; node [shape="box", style="rounded"];']
    for name, node in hypothesis.nodes.items():
        label = "\n".join(_lines(node))
        lines.append(f"  {quoted(name)} [label={quoted(label)}];")
    for name, node in hypothesis.nodes.items():
        for parent, paths in node.parents:
            style = ' [style="dashed"]' if paths == "direct" else ""
            lines.append(f"  {quoted(parent)} -> {quoted(name)}{style};")
    return "\n".join([*lines, "}"]) + "\n"
