"""Results that show themselves: a figure, a page, a table in a notebook.

How a result is drawn lies in `scrubkit.report`, above everything that has results. It is found by name when
it is asked for, as pandas finds what plots, so that no result depends on it and nothing is loaded before.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scrubkit.errors import printable

if TYPE_CHECKING:
    import plotly.graph_objects as go

GREEN, RED, GREY = "#2e9e5b", "#d0433f", "#8a8f98"
COLOURS = {"supported": GREEN, "refuted": RED, "untestable": GREY, "inconclusive": "#d49a20"}
"""Colour of a verdict."""
_DRAWS = "scrubkit.report.show"


class Shown:
    """What can draw itself and write itself as a page."""

    def plot(self) -> go.Figure:
        """Return a plotly figure of it, which notebooks show."""
        return importlib.import_module(_DRAWS).plot(self)

    def to_html(self, path: str | Path, **more: Any) -> Path:
        """Write it as one page that makes no request, and return the path.

        Args:
            path: the file; one that is there is replaced, and missing folders are made.
            more: what else the page shows. Of a score or an explanation ``model`` and ``hypothesis``: with
                both the page has the coloured graph, the maps and the losses, which are drawn again from
                the score's own seed. Of a report the ``checks`` that it was put to. Of a certificate the
                ``model``. Of a hypothesis the ``explanation`` that colours its graph.

        Raises:
            ScrubkitError: the file cannot be written, or the model or the hypothesis is another.
        """
        return importlib.import_module(_DRAWS).to_html(self, Path(path), **more)


def drawn(model: Any, hypothesis: Any, explanation: Any) -> Any:
    """Return the pictures of `scrubkit.report.pictures.draw_model`."""
    return importlib.import_module("scrubkit.report.pictures").draw_model(model, hypothesis, explanation)


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return an HTML table; all text is escaped, verdicts have their colour, numbers four digits."""
    head = "".join(f"<th>{_text(name)}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return (
        f"<table><caption style='text-align:left;font-weight:600'>{_text(title)}</caption>"
        f"{f'<thead><tr>{head}</tr></thead>' if heads else ''}<tbody>{body}</tbody></table>"
    )


def _cell(value: Any) -> str:
    text = "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
    colour = COLOURS.get(text)
    style = f"text-align:left{f';color:{colour};font-weight:600' if colour else ''}"
    return f'<td style="{style}">{_text(text)}</td>'


def _text(text: str) -> str:
    return escape(printable(text))
