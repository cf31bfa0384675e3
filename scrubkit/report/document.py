"""One HTML page that needs no network: style, script and data are in the file, and nothing else is asked for.

A policy in the page's head forbids requests, so that a mistake here could not make one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from scrubkit.report.elements import code, facts, join, tag, text
from scrubkit.report.plain import plain

LARGEST = 5_000_000
"""Bytes that no page passes."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True)
class Page:
    """What a page shows.

    Attributes:
        kind: what sort of page it is.
        title: its heading.
        lead: a line or two under the heading.
        body: its sections.
        identity: everything that decided what it shows, by name.
        command: the command that made it, "" where none did.
        data: what its script reads, as plain JSON values.
    """

    kind: str
    title: str
    lead: object
    body: Sequence[Markup]
    identity: Sequence[tuple[str, object]] = ()
    command: str = ""
    data: Any = None


def render(page: Page) -> str:
    """Return a page as HTML; the same page gives the same bytes."""
    head = [
        Markup('<meta charset="utf-8">'),
        Markup('<meta http-equiv="Content-Security-Policy" content="{}">').format(_POLICY),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<link rel="icon" href="data:,">'),
        tag("title", f"{page.kind}: {page.title}"),
        tag("style", Markup(_asset("page.css"))),
    ]
    top = [tag("p", page.kind, class_="kind"), tag("h1", page.title), tag("p", page.lead, class_="quiet")]
    script = [tag("script", _as_json(page.data), type="application/json", id="data")] if page.data else []
    main = [tag("header", join(top)), tag("main", join(list(page.body))), _origin(page), *script]
    return str(
        Markup(
            '<!doctype html>\n<html lang="en">\n<head>\n{}\n</head>\n<body>\n{}\n{}\n</body>\n</html>\n'
        ).format(join(head), join(main), tag("script", Markup(_asset("page.js"))))
    )


def _origin(page: Page) -> Markup:
    rows = list(page.identity)
    if page.command:
        rows.insert(0, ("command", tag("code", page.command, class_="command")))
    if not rows:
        return Markup("")
    return tag("footer", tag("h2", "How this was made", id="made") + tag("div", facts(rows), class_="panel"))


def mono(value: object) -> Markup:
    """Return a hash or another name that nobody reads aloud."""
    return code(text(value))


def _as_json(data: Any) -> Markup:
    """Return data as JSON in which nothing ends the script that holds it."""
    written = json.dumps(_plain(data), ensure_ascii=True, separators=(",", ":"))
    return Markup(written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _plain(data: Any) -> Any:
    if isinstance(data, str):
        return plain(data)
    if isinstance(data, dict):
        return {plain(key): _plain(value) for key, value in data.items()}
    return [_plain(value) for value in data] if isinstance(data, list | tuple) else data


@cache
def _asset(name: str) -> str:
    return files("scrubkit.report").joinpath(name).read_text(encoding="utf-8")
