"""Reading other people's files: no more bytes than are allowed, no more memory, and no waiting.

A file of a few kilobytes can ask for gigabytes (``[],`` becomes a list of 56 bytes and an error message of a
thousand), and a pipe never ends. So a file is opened only if it is one, is read up to a size, and its JSON is
parsed only if it holds no more values than its reader has use for.
"""

from __future__ import annotations

import json
import os
import reprlib
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from scrubkit.errors import UNPRINTABLE, ScrubkitError, printable

MAX_DEPTH = 64
"""Deepest nesting of JSON that is read."""

MAX_DIGITS = 40
"""Most digits of a whole number."""
MAX_ERRORS = 10_000
"""Most faults of a document that are put into words."""

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def read_bytes(
    path: str | Path, largest: int, *, error: type[ScrubkitError], missing: str = "no such file"
) -> bytes:
    """Return the bytes of a file.

    Args:
        path: the file; links are followed.
        largest: how many bytes it may have.
        error: what to raise.
        missing: what to say where there is no such file.

    Raises:
        ScrubkitError: of the class asked for: it is missing, no file (a folder, a pipe, a device), too large,
            or cannot be read.
    """
    title = str(path)
    require_file(path, error=error, missing=missing)
    try:
        # Should it have become a pipe since, opening does not wait.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | _NO_WAIT)) as file:
            size = os.fstat(file.fileno()).st_size
            data = b"" if size > largest else file.read(largest + 1)
    except (OSError, ValueError) as failure:
        raise error(f"cannot be read: {_reason(failure)}", title=title) from None
    if size > largest or len(data) > largest:
        raise error(
            f"holds {max(size, len(data)):,} bytes, more than the {largest:,} that are read", title=title
        )
    return data


_NO_WAIT = getattr(os, "O_NONBLOCK", 0)


def require_file(
    path: str | Path, *, error: type[ScrubkitError], missing: str = "no such file"
) -> os.stat_result:
    """Return the status of a regular file; raises an error of that class for all else, without opening it."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        raise error(missing, title=str(path)) from None
    except (OSError, ValueError) as failure:
        raise error(f"cannot be read: {_reason(failure)}", title=str(path)) from None
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        raise error(f"is not a file but {kind}", title=str(path))
    return found


def _reason(failure: Exception) -> str:
    return (getattr(failure, "strerror", None) or str(failure)).lower()


def parse_json(data: bytes | str, most: int, *, error: type[ScrubkitError], title: str) -> Any:
    """Return the document in a JSON text.

    Args:
        data: the text, UTF-8 where it is bytes.
        most: how many values the document may have.
        error: what to raise.
        title: what messages call the text, normally the file.

    Raises:
        ScrubkitError: of the class asked for: no JSON, too many values, nested too deep, or text in it that
            does not print.
    """
    # Commas and brackets inside strings are counted too, so this is never too low.
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    count = 1 + sum(raw.count(mark) for mark in (b",", b"[", b"{"))
    if count > most:
        raise error(f"holds up to {count:,} values, more than the {most:,} that are read", title=title)
    try:
        document = json.loads(data, parse_int=_whole)
    except UnicodeDecodeError as failure:
        raise error(f"is no text: byte {failure.start} is not UTF-8", title=title) from None
    except RecursionError:
        raise error(f"not JSON that is read: nested more than {MAX_DEPTH} deep", title=title) from None
    except ValueError as failure:
        raise error(f"not JSON: {failure}", title=title) from None
    if faults := _content_faults(document):
        raise error(faults, title=title)
    return document


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a whole number of {len(digits):,} digits, at most {MAX_DIGITS} are read")
    return int(digits)


def text_fault(where: str, text: str) -> str | None:
    """Say which character of a text does not print; None where all do."""
    found = UNPRINTABLE.search(text)
    if found is None:
        return None
    return (
        f"{printable(where)[:100]}: {printable(text[:100])!r} holds the control character "
        f"U+{ord(found[0]):04X}; write text that prints"
    )


def _content_faults(document: Any) -> list[str]:
    """Return what is nested too deep, and texts and keys that do not print."""
    faults: list[str] = []
    level = [("file", document)]
    for _ in range(MAX_DEPTH + 1):
        below: list[tuple[str, Any]] = []
        for where, value in level:
            if isinstance(value, str):
                faults += filter(None, [text_fault(where, value)])
            elif isinstance(value, dict):
                faults += filter(None, [text_fault(where, key) for key in value])
                below += [(key, inner) for key, inner in value.items()]
            elif isinstance(value, list):
                below += [(where, inner) for inner in value]
        level = below
        if not level:
            return faults
    return [*faults, f"is nested more than {MAX_DEPTH} deep"]


def validation_faults(error: ValidationError, place: Callable[[list[str]], str] = ".".join) -> list[str]:
    """Return the faults of a document that does not fit its layout: where, what is allowed, what was found.

    Args:
        error: pydantic's error.
        place: what to call a place in the document, given the keys and indices that lead to it.
    """
    if error.error_count() > MAX_ERRORS:
        return [f"has {error.error_count():,} keys and values that have no place in such a file"]
    return [_worded(item, place) for item in error.errors(include_url=False, include_context=False)]


def _worded(item: Mapping[str, Any], place: Callable[[list[str]], str]) -> str:
    where = place([str(step)[:80] for step in item["loc"]])
    found = "" if item["type"] == "missing" else f", found {shown(item['input'])}"
    return f"{where or 'file'}: {item['msg'][:300]}{found}"


def shown(value: Any) -> str:
    """Return the beginning of a value as text; the rest of a large one is never put into words."""
    return _BRIEF.repr(value)


_BRIEF = reprlib.Repr()
_BRIEF.maxstring = _BRIEF.maxother = _BRIEF.maxlong = 80
_BRIEF.maxlevel = 3
