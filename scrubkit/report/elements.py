"""Pieces of a page: text, badges, tables that sort, lists of facts.

Whatever is shown goes through `text`, which escapes markup and takes out what steers or turns text round.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from scrubkit.report.plain import plain

NOTHING = Markup("")
VERDICTS = ("supported", "refuted", "inconclusive", "untestable")


def text(value: object) -> Markup:
    """Return a value as text that a page shows as it stands."""
    return Markup.escape(plain(str(value)))


def tag(name: str, content: object = "", **attributes: object) -> Markup:
    """Return an element; text is escaped, attributes of None are left out, ``_`` in their names is ``-``.

    Args:
        name: of the element.
        content: `Markup` as it is, all else as text.
        attributes: ``class_`` for class.
    """
    given = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), text(value))
        for key, value in attributes.items()
        if value is not None
    )
    inner = content if isinstance(content, Markup) else text(content)
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), given, inner)


def join(pieces: Sequence[Markup], between: str = "\n") -> Markup:
    """Return pieces one after another."""
    return Markup(between).join(pieces)


def badge(verdict: str) -> Markup:
    """Return a verdict in its colour."""
    return tag("span", verdict, class_=f"badge {verdict}" if verdict in VERDICTS else "badge")


def number(value: float | None, digits: int = 4) -> str:
    """Return a figure in a few digits; a dash where there is none.

    >>> number(0.98412), number(1e-7), number(None), number(float("nan")), number(-0.0)
    ('0.9841', '1.00e-07', '-', 'undefined', '0')
    """
    if value is None:
        return "-"
    if math.isnan(value):
        return "undefined"
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e4 or math.isinf(value):
        return f"{value:.{digits}g}"
    return f"{value:.2e}"


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        shown: what it shows; `Markup` as it is, all else as text.
        sort: number that it is sorted by; None for its text, NaN for last.
        kind: "n" for a number, "t" for a text that takes room, "" for all else.
    """

    shown: object
    sort: float | None = None
    kind: str = ""


@dataclass(frozen=True)
class Row:
    """A row of a table, with the values by which it can be picked."""

    cells: Sequence[Cell | object]
    picked: Mapping[str, str] = field(default_factory=dict)


def figure_cell(value: float | None, shown: str | None = None) -> Cell:
    """Return the cell of a number."""
    sort = math.nan if value is None else value
    return Cell(number(value) if shown is None else shown, sort, "n")


def table(
    heads: Sequence[str],
    rows: Sequence[Row | Sequence[Cell | object]],
    *,
    id: str | None = None,  # noqa: A002 - the attribute's name
    numbers: Sequence[str] = (),
    help: Mapping[str, str] | None = None,  # noqa: A002 - what it is
    class_: str = "",
    long: bool = False,
) -> Markup:
    """Return a table; one with an id can be sorted by the buttons in its head.

    Args:
        heads: names of the columns.
        rows: their cells.
        id: of the element, for search and links.
        numbers: names of the columns whose heads stand on the right, above numbers.
        help: what a column means, shown over its head.
        class_: more classes of the element.
        long: whether it scrolls by itself, under its head.
    """
    meant = help or {}

    def head(name: str) -> Markup:
        shown = tag("button", name, type="button") if id and name else text(name)
        return tag("th", shown, scope="col", class_="n" if name in numbers else None, title=meant.get(name))

    made = [row if isinstance(row, Row) else Row(row) for row in rows]
    body = join([_row(row) for row in made])
    classes = " ".join(filter(None, ("sort" if id else "", class_))) or None
    whole = tag(
        "table",
        join([tag("thead", tag("tr", join([head(name) for name in heads], ""))), tag("tbody", body)]),
        id=id,
        class_=classes,
    )
    # A region that scrolls has to be reached by the keyboard.
    return tag("div", whole, class_="wide long" if long else "wide", tabindex="0")


def _row(row: Row) -> Markup:
    cells = [cell if isinstance(cell, Cell) else Cell(cell) for cell in row.cells]
    shown = [tag("td", cell.shown, class_=cell.kind or None, data_v=_sort_key(cell.sort)) for cell in cells]
    return tag("tr", join(shown, ""), **{f"data_{key}": value for key, value in row.picked.items()})


def _sort_key(value: float | None) -> str | None:
    if value is None:
        return None
    return "" if math.isnan(value) else repr(float(value)).replace("inf", "Infinity")


def tools(table_id: str, what: str, picks: Mapping[str, Mapping[str, int]] | None = None) -> Markup:
    """Return the search field of a table and buttons that hide rows by a value.

    Args:
        table_id: of the table.
        what: what is searched, in words.
        picks: for each key of `Row.picked`, the values that have a button and how many rows have it.
    """
    buttons = [
        tag(
            "button",
            f"{value} {count}",
            type="button",
            class_=f"pick {value if value in VERDICTS else ''}".strip(),
            aria_pressed="true",
            data_key=key,
            data_value=value,
        )
        for key, counts in (picks or {}).items()
        for value, count in counts.items()
    ]
    search = Markup('<input type="search" placeholder="{0}" aria-label="{0}" aria-controls="{1}">').format(
        text(what), text(table_id)
    )
    shown = Markup('<output aria-live="polite"></output>')
    return tag("div", join([search, *buttons, shown]), class_="tools", data_for=table_id)


def facts(rows: Sequence[tuple[str, object]]) -> Markup:
    """Return names with their values, those of None left out."""
    pairs = [tag("dt", name) + tag("dd", value) for name, value in rows if value is not None]
    return tag("dl", join(pairs), class_="identity")


def code(value: Any) -> Markup:
    """Return text in the type of code."""
    return tag("code", value)


def bullets(lines: Sequence[object]) -> Markup:
    """Return lines as a list, nothing where there are none."""
    return tag("ul", join([tag("li", line) for line in lines])) if lines else NOTHING


def key_of(entries: Sequence[tuple[str, str]]) -> Markup:
    """Return the key of a chart: names with their colours."""
    return tag(
        "p", join([tag("span", name, style=f"--of:{colour}") for name, colour in entries]), class_="key"
    )


def framed(chart: Markup, caption: object = "") -> Markup:
    """Return a chart with its caption."""
    return tag("figure", chart + (tag("figcaption", caption) if caption else NOTHING))
