"""Tables that notebooks show."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from scrubkit.hypothesis.drawing import COLOURS


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return an HTML table; all text is escaped, verdicts have their colour, numbers four digits."""
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return (
        f"<table><caption style='text-align:left;font-weight:600'>{escape(title)}</caption>"
        f"{f'<thead><tr>{head}</tr></thead>' if heads else ''}<tbody>{body}</tbody></table>"
    )


def _cell(value: Any) -> str:
    text = "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
    colour = COLOURS.get(text)
    style = f"text-align:left{f';color:{colour};font-weight:600' if colour else ''}"
    return f'<td style="{style}">{escape(text)}</td>'
