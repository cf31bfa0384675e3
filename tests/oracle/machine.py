"""Runs with sites set and held: on a net, and on a graph of functions.

`NetMachine` follows the definition: run on the other input with each read site set, every other mapped
site held at its clean value there, and read one site. Parts of one hook are made from the small to the
large, since a part counts as upstream of the whole. What a direct edge sets travels along the residual
stream alone: every attention and MLP computes from a run without the direct edges, save the one that
the reader is inside of, and what is set inside of one is set there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tests.oracle.domain import Domain
from tests.oracle.net import Net, forward, owner, record
from tests.oracle.parts import Part, Reader, Sizes, disjoint, read, token_component, within, write

CHUNK = 8192


@dataclass(frozen=True)
class Set:
    """A site that is set: its part, one value an item, and whether on the direct path alone."""

    part: Any
    value: np.ndarray
    direct: bool = False


class Machine(Protocol):
    """What the oracle needs of a subject."""

    domain: Domain

    def part(self, text: str, named: Mapping[str, Any]) -> Any: ...
    def same(self, one: Any, two: Any) -> bool: ...
    def holds_back(self, held: Any, reader: Any) -> bool: ...
    def clean(self, part: Any) -> np.ndarray: ...
    def run(
        self, others: np.ndarray, sets: Sequence[Set], holds: Sequence[Any], reader: Any
    ) -> np.ndarray: ...


class NetMachine:
    """A transformer on a dataset."""

    def __init__(self, net: Net, domain: Domain, truth: Any = None) -> None:
        self.net, self.domain, self.truth = net, domain, truth
        block = net.blocks[0]
        heads, d_model, d_head = block.W_Q.shape
        self.sizes = Sizes(
            domain.tokens.shape[1],
            d_model,
            heads,
            d_head,
            0 if block.W_in is None else block.W_in.shape[1],
            net.W_U.shape[1],
        )
        self._clean: dict[str, np.ndarray] = record(net, domain.tokens)

    def part(self, text: str, named: Mapping[str, Any]) -> Part:
        """Read a site."""
        return Reader(self.sizes, self.domain, self.truth, named).part(text)

    def same(self, one: Part, two: Part) -> bool:
        """Say whether two sites are the same numbers."""
        return within(one, two) and within(two, one)

    def holds_back(self, held: Part, reader: Part) -> bool:
        """Say whether a mapped site can stand before the reader: at its hook, what is inside of it."""
        return held.hook != reader.hook or (within(held, reader) and not within(reader, held))

    def clean(self, part: Part) -> np.ndarray:
        """A site's value on every row of D, untouched."""
        return self._own(part, np.arange(self.domain.n))

    def _own(self, part: Part, rows: np.ndarray) -> np.ndarray:
        if part.hook == "hook_embed" and part.frequencies is not None:
            table = token_component(self.net.W_E, self.domain, part.frequencies)
            return table[self.domain.tokens[rows]][:, part.pos]
        return read(part, self._clean[part.hook][rows])

    def run(self, others: np.ndarray, sets: Sequence[Set], holds: Sequence[Part], reader: Part) -> np.ndarray:
        """Run on rows ``others`` and read; sets carry one value an item."""
        pieces = []
        for start in range(0, len(others), CHUNK):
            here = slice(start, start + CHUNK)
            cut = [Set(s.part, s.value[here], s.direct) for s in sets]
            pieces.append(self._run(others[here], cut, holds, reader))
        return np.concatenate(pieces)

    def _run(
        self, others: np.ndarray, sets: Sequence[Set], holds: Sequence[Part], reader: Part
    ) -> np.ndarray:
        tokens = self.domain.tokens[others]
        if not any(s.direct for s in sets):
            tap = _Tap(self, others, sets, holds, reader)
            forward(self.net, tokens, tap)
            return tap.found
        base = _Tap(self, others, [s for s in sets if not s.direct], holds, reader)
        forward(self.net, tokens, base)
        tap = _Tap(self, others, sets, holds, reader)
        forward(self.net, tokens, tap, frozen=base.streams, own=owner(reader.hook))
        return tap.found


class _Tap:
    """Makes a run's changes at each hook, and keeps what the reader reads."""

    def __init__(
        self,
        machine: NetMachine,
        others: np.ndarray,
        sets: Sequence[Set],
        holds: Sequence[Part],
        reader: Part,
    ) -> None:
        self.machine, self.others, self.reader = machine, others, reader
        self.steps: dict[str, list[tuple[Part, np.ndarray | None]]] = {}
        for part in holds:
            self.steps.setdefault(part.hook, []).append((part, None))
        for s in sets:
            self.steps.setdefault(s.part.hook, []).append((s.part, s.value))
        self.streams: dict[str, np.ndarray] = {}
        self.found = np.zeros(0)

    def __call__(self, hook: str, value: np.ndarray) -> np.ndarray:
        changes: list[tuple[Part, np.ndarray]] = []
        if hook in self.steps:
            for batch in _in_order(self.steps[hook]):
                value = self._make(hook, value, batch, changes)
        if hook == self.reader.hook:
            self.found = self._look(self.reader, value, changes)
        if hook.endswith(("hook_resid_pre", "hook_resid_mid")):
            self.streams[hook] = value
        return value

    def _look(self, part: Part, h: np.ndarray, changes: Sequence[tuple[Part, np.ndarray]]) -> np.ndarray:
        """Read a part; of the embedding's frequencies, what was changed inside of them moves them."""
        if part.hook != "hook_embed" or part.frequencies is None:
            return read(part, h)
        whole = np.zeros((len(h), h.shape[1], h.shape[2]))
        whole[:, part.pos] = self.machine._own(part, self.others)
        for inner, change in changes:
            if within(inner, part):
                whole[:, inner.pos] += change
        return whole[:, part.pos]

    def _make(
        self,
        hook: str,
        h: np.ndarray,
        batch: Sequence[tuple[Part, np.ndarray | None]],
        changes: list[tuple[Part, np.ndarray]],
    ) -> np.ndarray:
        if len(batch) > 1 and hook != "hook_embed" and all(part.neurons is None for part, _ in batch):
            return self._hold_jointly(hook, h, [part for part, _ in batch])
        for part, value in batch:
            target = self.machine._own(part, self.others) if value is None else value
            if hook == "hook_embed" and part.frequencies is not None:
                change = target - self._look(part, h, changes)
                h = np.array(h)
                h[:, part.pos] += change
                changes.append((part, change))
            else:
                h = write(part, h, target)
        return h

    def _hold_jointly(self, hook: str, h: np.ndarray, held: Sequence[Part]) -> np.ndarray:
        """Bring a hook to its clean value on everything that the held parts span together."""
        clean = self.machine._clean[hook][self.others]
        if hook == "logits":
            return h + _onto(held, clean - h)
        if hook.endswith("hook_pattern"):
            for part in held:
                h = write(part, h, read(part, clean))
            return h
        h = np.array(h)
        for pos in sorted({p for part in held for p in part.pos}):
            here = [part for part in held if pos in part.pos]
            if held[0].heads is None:
                h[:, pos] += _onto(here, clean[:, pos] - h[:, pos])
                continue
            for head in sorted({i for part in here for i in part.heads or ()}):
                there = [part for part in here if head in (part.heads or ())]
                h[:, pos, head] += _onto(there, clean[:, pos, head] - h[:, pos, head])
        return h


def _onto(parts: Sequence[Part], change: np.ndarray) -> np.ndarray:
    """Project a change onto what some parts of one place span."""
    rows = np.vstack([np.eye(change.shape[-1]) if part.rows is None else part.rows for part in parts])
    _, sizes, basis = np.linalg.svd(rows, full_matrices=False)
    basis = basis[sizes > 1e-6]
    return change @ basis.T @ basis


def _in_order(
    steps: Sequence[tuple[Part, np.ndarray | None]],
) -> list[list[tuple[Part, np.ndarray | None]]]:
    """Order the changes at one hook: inner before outer; else holds before sets, holds together."""
    left, ordered = list(steps), []
    while left:
        ready = [s for s in left if not any(t is not s and _inside(t[0], s[0]) for t in left)]
        holds = [s for s in ready if s[1] is None]
        if holds:
            batch = holds
        else:
            before_holds = [s for s in ready if any(t[1] is None and _inside(s[0], t[0]) for t in left)]
            batch = (before_holds or ready)[:1]
        ordered.append(batch)
        left = [s for s in left if not any(s is b for b in batch)]
    return ordered


def _inside(small: Part, big: Part) -> bool:
    return within(small, big) and not within(big, small)


class FunctionMachine:
    """A graph of functions on a dataset: values are numbers, sites are names of nodes.

    Args:
        functions: for each computed node the names of its parents and a function of their values, in an
            order in which parents come first.
        domain: its columns are the input nodes.
    """

    def __init__(
        self, functions: Mapping[str, tuple[Sequence[str], Callable[..., Any]]], domain: Domain
    ) -> None:
        self.functions, self.domain = functions, domain
        self._clean = self._values(np.arange(domain.n), {})

    def part(self, text: str, named: Mapping[str, Any]) -> str:
        """A site is a node's name."""
        return text

    def same(self, one: str, two: str) -> bool:
        """Say whether two sites are one node."""
        return one == two

    def holds_back(self, held: str, reader: str) -> bool:
        """Say whether a mapped site can stand before the reader."""
        return held != reader

    def clean(self, part: str) -> np.ndarray:
        """A node's value on every row."""
        return self._clean[part][:, None]

    def run(self, others: np.ndarray, sets: Sequence[Set], holds: Sequence[str], reader: str) -> np.ndarray:
        """Run on rows and read one node."""
        given = {name: self._clean[name][others] for name in holds}
        given |= {s.part: s.value[:, 0] for s in sets if not s.direct}
        values = self._values(others, given)
        direct = {s.part: s.value[:, 0] for s in sets if s.direct}
        if not direct:
            return values[reader][:, None]
        parents, function = self.functions[reader]
        return np.asarray(function(*(direct.get(p, values[p]) for p in parents)), dtype=float)[:, None]

    def _values(self, rows: np.ndarray, given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        values = {name: np.asarray(column, dtype=float)[rows] for name, column in self.domain.columns.items()}
        values |= {name: given[name] for name in values if name in given}
        for name, (parents, function) in self.functions.items():
            found = given[name] if name in given else function(*(values[p] for p in parents))
            values[name] = np.broadcast_to(np.asarray(found, dtype=float), rows.shape)
        return values


__all__ = ["FunctionMachine", "Machine", "NetMachine", "Set", "disjoint"]
