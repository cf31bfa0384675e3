"""Ways to damage a file, as strategies of the hypothesis library."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("SCRUBKIT_FUZZ_EXAMPLES", "0"))
"""More examples than the suite takes, and random ones, for a longer run by hand."""


def few(examples: int) -> settings:
    """Settings of a fuzz test in the suite: the same few examples every time."""
    return settings(
        max_examples=EXAMPLES or examples,
        deadline=None,
        derandomize=not EXAMPLES,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


ODD_TEXT = [
    "",
    " ",
    "\x00",
    "\ud800",
    "[/]",
    "[red]x",
    "../../x",
    "/etc/passwd",
    "a" * 3000,
    "²",
    "\u202e",
    "0",
]
ODD_KEYS = [
    "self",
    "node_for_adding",
    "u_of_edge",
    "v_of_edge",
    "incoming_graph_data",
    "__class__",
    "id",
    "site",
]
ODD_NUMBERS = [0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**400, 10**4299, 0.5, 1e308, -0.0]
ODD_NUMBERS += [float("nan"), float("inf")]

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(ODD_NUMBERS),
    st.integers(-5, 200),
    st.sampled_from(ODD_TEXT),
    st.text(max_size=8),
)
KEYS = st.one_of(st.sampled_from(ODD_KEYS), st.sampled_from(ODD_TEXT), st.text(max_size=5))
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of a document with every key or index in it."""
    entries = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in list(entries):
        yield document, key
        if isinstance(value, dict | list):
            yield from places(value)


@st.composite
def damaged(draw: st.DrawFn, document: dict[str, Any]) -> dict[str, Any]:
    """A document with one to three of its values replaced, removed, doubled or added to."""
    made = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        found = list(places(made))
        if not found:
            break
        container, key = found[draw(st.integers(0, len(found) - 1))]
        how = draw(st.sampled_from(["replace", "replace", "remove", "add", "double"]))
        if how == "replace":
            container[key] = draw(VALUES)
        elif how == "remove":
            del container[key]
        elif isinstance(container, dict):
            container[draw(KEYS)] = draw(VALUES) if how == "add" else copy.deepcopy(container[key])
        else:
            container.append(draw(VALUES) if how == "add" else copy.deepcopy(container[key]))
    return made


def text_of(document: Any) -> str:
    """JSON as Python writes it, with NaN, numbers of any size and lone surrogates."""
    return json.dumps(document)


@st.composite
def damaged_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    """Bytes cut short, overwritten or with some put in."""
    made = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(made)))
        piece = draw(st.binary(max_size=9))
        how = draw(st.sampled_from(["overwrite", "insert", "cut", "remove"]))
        if how == "overwrite":
            made[at : at + len(piece)] = piece
        elif how == "insert":
            made[at:at] = piece
        elif how == "cut":
            del made[at:]
        else:
            del made[at : at + len(piece)]
    return bytes(made)
