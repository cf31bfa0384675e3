"""Random damage to files, fast and from one generator: documents, bytes, nesting."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np

from tests.fuzz.damage import ODD_KEYS, ODD_NUMBERS, ODD_TEXT, places

Rng = np.random.Generator

MORE_TEXT = ["\x1b[2J", "a\nb", "9" * 5000, "a" * 400, "a\u2066b", "null", "NaN", "Infinity", "-1", "1e999"]
TEXTS = [*ODD_TEXT, *MORE_TEXT]
LARGEST = 2**23
"""Characters of the largest document that is written."""


def pick(rng: Rng, values: list[Any]) -> Any:
    """Return one of the values."""
    return values[int(rng.integers(len(values)))]


def odd_value(rng: Rng, depth: int = 0) -> Any:
    """Return a value that a reader may not expect."""
    how = int(rng.integers(9 if depth < 3 else 6))
    if how == 0:
        return pick(rng, [None, True, False])
    if how == 1:
        return pick(rng, ODD_NUMBERS)
    if how == 2:
        return int(rng.integers(-5, 200))
    if how in (3, 4):
        return pick(rng, TEXTS)
    if how == 5:
        return "".join(map(chr, rng.integers(1, 0x2100, size=int(rng.integers(8))).tolist()))
    if how == 6:
        return [odd_value(rng, depth + 1) for _ in range(int(rng.integers(4)))]
    if how == 7:
        return [odd_value(rng, 3)] * pick(rng, [1, 10, 1000])
    return {pick(rng, [*ODD_KEYS, *TEXTS]): odd_value(rng, depth + 1) for _ in range(int(rng.integers(4)))}


def damaged(rng: Rng, document: Any) -> Any:
    """Return a document with one to four of its values replaced, removed, moved, doubled or added to."""
    made = copy.deepcopy(document)
    for _ in range(pick(rng, [1, 1, 1, 1, 2, 3, 5])):
        found = list(places(made)) if isinstance(made, dict | list) else []
        if not found:
            return odd_value(rng)
        container, key = pick(rng, found)
        how = int(rng.integers(6))
        if how <= 1:
            container[key] = odd_value(rng)
        elif how == 2:
            del container[key]
        elif how == 3:
            other, name = pick(rng, found)
            if name in other if isinstance(other, dict) else name < len(other):
                container[key] = copy.deepcopy(other[name])
        elif isinstance(container, dict):
            name = pick(rng, [*ODD_KEYS, *TEXTS])
            container[name] = odd_value(rng) if how == 4 else copy.deepcopy(container[key])
        else:
            container.extend(
                [odd_value(rng) if how == 4 else copy.deepcopy(container[key])] * pick(rng, [1, 2, 50])
            )
    return made


def damaged_text(rng: Rng, document: Any) -> bytes:
    """Return damaged JSON: its values, its bytes, its end, or how deep it is nested."""
    how = int(rng.integers(10))
    if how < 6:
        return _written(damaged(rng, document)).encode()
    if how < 9:
        return damaged_bytes(rng, json.dumps(document).encode())
    text, depth = json.dumps(document), int(pick(rng, [5, 70, 900, 5000, 100_000]))
    marks = pick(rng, [("[", "]"), ('{"a":', "}")])
    inner = pick(rng, ["1", text])
    nested = marks[0] * depth + inner + marks[1] * depth
    spot = text.find(":", int(rng.integers(len(text)))) + 1
    return (text[:spot] + nested + "," + text[spot:] if spot else nested).encode()


def _written(document: Any) -> str:
    """Return JSON, cut off where values that were doubled make it larger than anyone reads."""
    if _is_small(document):
        return json.dumps(document)
    pieces, size = [], 0
    for piece in json.JSONEncoder().iterencode(document):
        pieces.append(piece)
        size += len(piece)
        if size > LARGEST:
            break
    return "".join(pieces)


def _is_small(document: Any, most: int = LARGEST) -> bool:
    """Say whether a document has few characters; the same list may be in it a million times."""
    waiting = [document]
    while waiting and most > len(waiting):
        value = waiting.pop()
        most -= 8
        if isinstance(value, int | str):
            most -= value.bit_length() // 3 if isinstance(value, int) else len(value)
        if isinstance(value, dict | list):
            waiting += value.values() if isinstance(value, dict) else value
    return not waiting


def damaged_bytes(rng: Rng, data: bytes) -> bytes:
    """Return bytes with some flipped, overwritten, put in, taken out or repeated, or cut short; or noise."""
    if rng.random() < 0.02:
        return rng.bytes(int(rng.integers(200)))
    made = bytearray(data)
    for _ in range(pick(rng, [1, 1, 1, 2, 3])):
        at = int(rng.integers(len(made) + 1))
        how = int(rng.integers(7))
        if how <= 1 and at < len(made):
            made[at] ^= 1 << int(rng.integers(8))
        elif how == 2:
            piece = rng.bytes(int(rng.integers(1, 9)))
            made[at : at + len(piece)] = piece
        elif how == 3:
            made[at:at] = rng.bytes(int(rng.integers(1, 9)))
        elif how == 4:
            del made[at : at + int(rng.integers(1, 40))]
        elif how == 5:
            made[at:at] = made[at : at + int(rng.integers(1, 40))] * pick(rng, [1, 1, 100])
        else:
            del made[at:]
    return bytes(made)


def spliced(rng: Rng, pieces: list[str], most: int) -> str:
    """Return pieces of a language one after another, and some characters of any kind."""
    text = "".join(pick(rng, pieces) for _ in range(int(rng.integers(1, most))))
    if rng.random() < 0.1:
        at = int(rng.integers(len(text) + 1))
        text = text[:at] + pick(rng, [*TEXTS, "(" * 900, "-" * 1990, "~" * 5000, "٣", "é"]) + text[at:]
    return text * pick(rng, [3, 40, 500]) if rng.random() < 0.03 else text
