"""A hypothesis as a picture: SVG in layers, Mermaid, or Graphviz's DOT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import networkx as nx

if TYPE_CHECKING:
    from scrubkit.hypothesis.claim import Hypothesis, Node

GREEN, RED, GREY = "#2e9e5b", "#d0433f", "#8a8f98"
COLOURS = {"supported": GREEN, "refuted": RED, "untestable": GREY, "inconclusive": "#d49a20"}
"""Colour of a node or edge by its verdict."""
_PLAIN = "#5b7fb5"
_WIDTH, _LINE, _GAP, _ROW, _MARGIN = 216, 15, 22, 54, 12
_CHARACTERS = 30
"""Width of a box in pixels and in characters; height of a line; gaps between boxes, and between rows."""

Verdicts = Mapping[str, str]
"""Verdicts by node name, and by ``"parent -> node"`` for edges."""


@dataclass(frozen=True)
class Drawing:
    """A picture that notebooks show.

    Attributes:
        svg: the picture.
    """

    svg: str

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | Path) -> Path:
        """Write the picture to an SVG file and return its path."""
        path = Path(path)
        path.write_text(self.svg, encoding="utf-8")
        return path


@dataclass(frozen=True)
class _Box:
    name: str
    x: float
    y: float
    lines: tuple[str, ...]

    @property
    def height(self) -> float:
        return _LINE * len(self.lines) + 12

    @property
    def middle(self) -> float:
        return self.x + _WIDTH / 2


def draw(hypothesis: Hypothesis, verdicts: Verdicts) -> Drawing:
    """Lay a hypothesis out in layers, the root on top and what it reads below."""
    boxes = _boxes(hypothesis)
    width = max(box.x for box in boxes.values()) + _WIDTH + _MARGIN
    height = max(box.y + box.height for box in boxes.values()) + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'role="img" aria-label="{escape(hypothesis.name, quote=True)}" '
        'font-family="system-ui, sans-serif" font-size="12">',
    ]
    for node in hypothesis.nodes.values():
        for parent, paths in node.parents:
            parts.append(_edge(boxes[parent], boxes[node.name], paths == "direct", verdicts))
    parts += [_box(hypothesis.nodes[name], box, verdicts.get(name)) for name, box in boxes.items()]
    return Drawing("\n".join([*parts, "</svg>"]))


def _boxes(hypothesis: Hypothesis) -> dict[str, _Box]:
    """Place the nodes: a layer is what is as far from the root; near what reads it within a layer."""
    graph = hypothesis.graph
    depth = {hypothesis.root: 0}
    for name in reversed(list(nx.topological_sort(graph))):
        for reader in graph.successors(name):
            depth[name] = max(depth.get(name, 0), depth[reader] + 1)
    layers = [
        [n for n in hypothesis.canonical_order() if depth[n] == d] for d in range(max(depth.values()) + 1)
    ]
    widest = max(len(layer) for layer in layers)
    boxes: dict[str, _Box] = {}
    y = float(_MARGIN)
    for layer in layers:
        if boxes:
            place = {n: [boxes[r].middle for r in graph.successors(n)] for n in layer}
            layer = sorted(layer, key=lambda n: (sum(place[n]) / len(place[n]), n))
        start = _MARGIN + (widest - len(layer)) * (_WIDTH + _GAP) / 2
        made = [
            _Box(name, start + i * (_WIDTH + _GAP), y, _lines(hypothesis.nodes[name]))
            for i, name in enumerate(layer)
        ]
        boxes |= {box.name: box for box in made}
        y += max(box.height for box in made) + _ROW
    return boxes


def _lines(node: Node) -> tuple[str, ...]:
    lines = [*wrap(node.site, _CHARACTERS)]
    if node.unimportant:
        lines.append("does not matter")
    elif node.feature is not None:
        lines += wrap(f"= {node.feature.text}", _CHARACTERS)
    return (node.name[:_CHARACTERS], *lines)


def _box(node: Node, box: _Box, verdict: str | None) -> str:
    colour = COLOURS.get(verdict or "", _PLAIN)
    text = [
        f'<text x="{box.x + 9:.1f}" y="{box.y + _LINE * (i + 1) + 3:.1f}" fill="currentColor" '
        f'font-weight="{400 if i else 600}">{escape(line)}</text>'
        for i, line in enumerate(box.lines)
    ]
    title = f"<title>{escape(f'{node.name}: {verdict}' if verdict else node.name)}</title>"
    shape = (
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{_WIDTH}" height="{box.height:.1f}" rx="6" '
        f'fill="{colour}" fill-opacity="0.14" stroke="{colour}" stroke-width="1.5"/>'
    )
    return f"<g>{title}{shape}{''.join(text)}</g>"


def _edge(parent: _Box, reader: _Box, direct: bool, verdicts: Verdicts) -> str:
    colour = COLOURS.get(verdicts.get(f"{parent.name} -> {reader.name}", ""), GREY)
    x1, y1, x2, y2 = parent.middle, parent.y, reader.middle, reader.y + reader.height
    bend = (y1 - y2) / 2
    path = f"M{x1:.1f} {y1:.1f} C{x1:.1f} {y1 - bend:.1f} {x2:.1f} {y2 + bend:.1f} {x2:.1f} {y2:.1f}"
    dashes = ' stroke-dasharray="5 4"' if direct else ""
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.4"{dashes}/>'


def mermaid(hypothesis: Hypothesis) -> str:
    """Return a hypothesis as a Mermaid flowchart, which GitHub and many notebooks draw."""
    numbers = {name: f"n{i}" for i, name in enumerate(hypothesis.nodes)}
    lines = ["flowchart BT"]
    for name, node in hypothesis.nodes.items():
        text = "<br/>".join(escape(line).replace('"', "&quot;") for line in _lines(node))
        lines.append(f'  {numbers[name]}["{text}"]')
    for name, node in hypothesis.nodes.items():
        for parent, paths in node.parents:
            arrow = "-.->" if paths == "direct" else "-->"
            lines.append(f"  {numbers[parent]} {arrow} {numbers[name]}")
    return "\n".join(lines) + "\n"


def dot(hypothesis: Hypothesis) -> str:
    """Return a hypothesis in Graphviz's language."""

    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    lines = [f"digraph {quoted(hypothesis.name)} {{", '  rankdir="BT"; node [shape="box", style="rounded"];']
    for name, node in hypothesis.nodes.items():
        label = "\n".join(_lines(node))
        lines.append(f"  {quoted(name)} [label={quoted(label)}];")
    for name, node in hypothesis.nodes.items():
        for parent, paths in node.parents:
            style = ' [style="dashed"]' if paths == "direct" else ""
            lines.append(f"  {quoted(parent)} -> {quoted(name)}{style};")
    return "\n".join([*lines, "}"]) + "\n"
