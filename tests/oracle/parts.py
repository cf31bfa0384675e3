"""Sites as the oracle reads them: which numbers of which hook, how to read them and how to set them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.oracle.domain import Domain

_HEADED = ("attn.hook_q", "attn.hook_k", "attn.hook_v", "attn.hook_z")


@dataclass(frozen=True)
class Sizes:
    """What a site's numbers may be."""

    n_ctx: int
    d_model: int
    n_heads: int
    d_head: int
    d_mlp: int
    n_classes: int


@dataclass(frozen=True, eq=False)
class Part:
    """Some numbers of one hook.

    Attributes:
        axes: the index sets along the hook's own axes but the item and the last that a basis lives on.
        rows: orthonormal rows of a subspace of the last axis, or None for all of it.
        frequencies: components, of the embedding (over tokens) or of the logits (over classes).
    """

    text: str
    hook: str
    pos: tuple[int, ...]
    heads: tuple[int, ...] | None = None
    neurons: tuple[int, ...] | None = None
    frequencies: tuple[int, ...] | None = None
    rows: np.ndarray | None = None

    @property
    def kind(self) -> str:
        """The hook's name within its block."""
        return self.hook.split(".", 2)[2] if self.hook.startswith("blocks.") else self.hook


class Reader:
    """Reads site texts on one net and one task."""

    def __init__(self, sizes: Sizes, domain: Domain, truth: Any, named: Mapping[str, Any]) -> None:
        self.sizes, self.domain, self.truth = sizes, domain, truth
        self.named = {**(getattr(truth, "subspaces", None) or {}), **named}

    def part(self, text: str) -> Part:
        """Read a site."""
        match = re.fullmatch(r"\s*([\w.]+)\s*(?:\[(.*)\])?\s*", text)
        assert match, text
        hook = {"unembed.hook_out": "logits", "hook_unembed": "logits"}.get(match[1], match[1])
        keys: dict[str, str] = {}
        last = ""
        for item in filter(None, (s.strip() for s in (match[2] or "").split(","))):
            if "=" in item:
                last, value = (s.strip() for s in item.split("=", 1))
                keys[last] = value
            else:
                keys[last] += "," + item
        kind = hook.split(".", 2)[2] if hook.startswith("blocks.") else hook
        s = self.sizes
        pos = (s.n_ctx - 1,) if hook == "logits" else self._positions(keys.get("pos"))
        heads = neurons = None
        if kind in _HEADED or kind == "attn.hook_pattern":
            heads = self._numbers(keys.get("head"), s.n_heads)
        if kind in ("mlp.hook_pre", "mlp.hook_post"):
            neurons = self._neurons(keys.get("neurons"))
        chosen = self._frequencies(keys["frequencies"]) if "frequencies" in keys else None
        rows = np.asarray(self.named[keys["subspace"]], dtype=float) if "subspace" in keys else None
        if hook == "logits" and chosen is not None:
            rows = class_rows(self.domain, s.n_classes, chosen)
        return Part(text, hook, pos, heads, neurons, chosen, rows)

    def _positions(self, text: str | None) -> tuple[int, ...]:
        n = self.sizes.n_ctx
        if text is None:
            return tuple(range(n))
        if re.fullmatch(r"(-\d+)(,-?\d+)*", text):
            return tuple(sorted({int(t) % n for t in text.split(",")}))
        found: set[int] = set()
        for item in text.split(","):
            found |= {int(item) % n} if item.startswith("-") else set(_span(item))
        return tuple(sorted(found))

    def _numbers(self, text: str | None, size: int) -> tuple[int, ...]:
        if text is None:
            return tuple(range(size))
        return tuple(sorted({i for item in text.split(",") for i in _span(item)}))

    def _neurons(self, text: str | None) -> tuple[int, ...]:
        everything = set(range(self.sizes.d_mlp))
        if text is None:
            return tuple(sorted(everything))
        if text.startswith("~"):
            return tuple(sorted(everything - set(self._neurons(text[1:]))))
        clusters = getattr(self.truth, "clusters", None) or {}
        found: set[int] = set()
        for item in text.split(","):
            if item == "rest":
                found |= everything - {i for members in clusters.values() for i in members}
            elif item.startswith("cluster:"):
                found |= set(clusters[int(item[8:])])
            else:
                found |= set(_span(item))
        return tuple(sorted(found))

    def _frequencies(self, text: str) -> tuple[int, ...]:
        everything = set(range(self.domain.order // 2 + 1))
        if text.startswith("~"):
            return tuple(sorted(everything - set(self._frequencies(text[1:]))))
        found: set[int] = set()
        for item in text.split(","):
            found |= set(self.truth.frequencies) if item == "key" else set(_span(item))
        return tuple(sorted(found))


def _span(item: str) -> Iterable[int]:
    low, _, high = item.partition("-")
    return range(int(low), int(high or low) + 1)


def fourier(order: int, chosen: Iterable[int]) -> np.ndarray:
    """Orthonormal rows (function, element) that span some frequencies of a cyclic group."""
    x = np.arange(order)
    rows = []
    for k in chosen:
        for wave in (np.cos, np.sin):
            row = wave(2 * np.pi * k * x / order)
            if np.abs(row).max() > 1e-6:
                rows.append(row / np.linalg.norm(row))
    return np.array(rows).reshape(-1, order)


def class_rows(domain: Domain, n_classes: int, chosen: Iterable[int]) -> np.ndarray:
    """Orthonormal rows over the classes; component 0 takes what lies outside the group."""
    chosen, index = tuple(chosen), domain.class_index
    assert index is not None
    inside = np.flatnonzero(index >= 0)
    rows = np.zeros((0, n_classes))
    waves = fourier(domain.order, chosen)
    if len(waves):
        rows = np.zeros((len(waves), n_classes))
        rows[:, inside] = waves[:, index[inside]]
    if 0 in chosen:
        outside = np.flatnonzero(index < 0)
        rows = np.vstack([rows, np.eye(n_classes)[outside]])
    return rows


def token_component(W_E: np.ndarray, domain: Domain, chosen: Iterable[int]) -> np.ndarray:
    """The embedding's components over the token axis, (token, d_model); 0 takes what is outside the group."""
    chosen, index = tuple(chosen), domain.token_index
    assert index is not None
    inside = np.flatnonzero(index >= 0)
    by_element = np.zeros((domain.order, W_E.shape[1]))
    by_element[index[inside]] = W_E[inside]
    waves = fourier(domain.order, chosen)
    found = np.zeros_like(W_E)
    found[inside] = (waves.T @ (waves @ by_element))[index[inside]]
    if 0 in chosen:
        found[index < 0] = W_E[index < 0]
    return found


def read(part: Part, h: np.ndarray) -> np.ndarray:
    """Take a part's numbers out of a hook's activation; frequencies of the embedding are not read here."""
    if part.hook == "logits":
        return h if part.rows is None else h @ part.rows.T
    if part.kind == "attn.hook_pattern":
        assert part.heads is not None
        return h[:, part.heads][:, :, part.pos]
    taken = h[:, part.pos]
    if part.heads is not None:
        taken = taken[:, :, part.heads]
    if part.neurons is not None:
        taken = taken[:, :, part.neurons]
    return taken if part.rows is None else taken @ part.rows.T


def write(part: Part, h: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Return the activation with a part's numbers set and its complement as it was."""
    if part.rows is not None:
        change = (value - read(part, h)) @ part.rows
        whole = Part("", part.hook, part.pos, part.heads, part.neurons)
        return write(whole, h, read(whole, h) + change)
    if part.hook == "logits":
        return value
    h = np.array(h)
    if part.kind == "attn.hook_pattern":
        h[np.ix_(range(len(h)), part.heads, part.pos)] = value  # pyright: ignore
    elif part.heads is not None:
        h[np.ix_(range(len(h)), part.pos, part.heads)] = value
    elif part.neurons is not None:
        h[np.ix_(range(len(h)), part.pos, part.neurons)] = value
    else:
        h[:, part.pos] = value
    return h


def within(small: Part, big: Part) -> bool:
    """Say whether a part's numbers all belong to another part of the same hook."""
    if small.hook != big.hook or not set(small.pos) <= set(big.pos):
        return False
    for mine, theirs in ((small.heads, big.heads), (small.neurons, big.neurons)):
        if mine is not None and theirs is not None and not set(mine) <= set(theirs):
            return False
    if small.hook == "hook_embed" and big.frequencies is not None:
        return small.frequencies is not None and set(small.frequencies) <= set(big.frequencies)
    if big.rows is None:
        return True
    if small.rows is None:
        return False
    return bool(np.allclose(small.rows @ big.rows.T @ big.rows, small.rows, atol=1e-6))


def disjoint(one: Part, two: Part) -> bool:
    """Say whether two parts have no number in common, so that both can be set."""
    if one.hook != two.hook or not set(one.pos) & set(two.pos):
        return True
    for mine, theirs in (
        (one.heads, two.heads),
        (one.neurons, two.neurons),
        (one.frequencies, two.frequencies),
    ):
        if mine is not None and theirs is not None and not set(mine) & set(theirs):
            return True
    if one.rows is not None and two.rows is not None:
        return bool(np.allclose(one.rows @ two.rows.T, 0, atol=1e-6))
    return False
