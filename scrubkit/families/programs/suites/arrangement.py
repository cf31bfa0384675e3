"""Arrangements: which slot of a base holds what, and which rules are read; each is a program.

Slots have names that say nothing: a0, a1, ... the parts, b0 to b3 the joins. All arrangements of a base hold
the same things, and answer the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np

from scrubkit.families.programs.graph import Program
from scrubkit.families.programs.reading import read_program
from scrubkit.families.programs.suites.base import Base
from scrubkit.families.programs.surgery import names_in

ARRANGEMENTS = 22
"""Stream of the random generator."""
JOIN_SLOTS = ("b0", "b1", "b2", "b3")
VARIANTS = 8
"""Programs made of one base."""


@dataclass(frozen=True)
class Arrangement:
    """One variant of a base.

    Attributes:
        parts: slot of each content of the layer of parts, in order of the contents.
        joins: slots of the first join under its first and second rule, and of the second join likewise.
        live: for each join, which of its rules is read.
    """

    parts: tuple[str, ...]
    joins: tuple[str, str, str, str]
    live: tuple[int, int]


def arrangements(base: Base) -> tuple[Arrangement, ...]:
    """Return the variants of a base: half of all settings of four switches.

    The switches are two orders of the parts, two orders of the joins, and the live rule of each join. Of the
    sixteen settings those with an even number of switches on are taken, so that each switch, and each pair of
    switches, is set in every way equally often.
    """
    rng = np.random.default_rng([base.seed, ARRANGEMENTS])
    parts = _two_orders(rng, base.part_slots, read=(0, 1, 2))
    joins = _two_orders(rng, JOIN_SLOTS, read=(0, 2))
    found = []
    for p, j, m, n in itertools.product((0, 1), repeat=4):
        if (p + j + m + n) % 2 == 0:
            order = joins[j]
            # Whichever rule is live sits in the same slot, or else the slots would tell which it is.
            first = (order[0], order[1]) if m == 0 else (order[1], order[0])
            second = (order[2], order[3]) if n == 0 else (order[3], order[2])
            found.append(Arrangement(parts[p], (*first, *second), (m, n)))
    return tuple(found)


def _two_orders(
    rng: np.random.Generator, slots: Sequence[str], *, read: Sequence[int]
) -> tuple[tuple[str, ...], ...]:
    """Draw two orders of some slots, of which the second swaps one that may be read with another."""
    order = [str(slot) for slot in rng.permutation(list(slots))]
    other = list(order)
    i = int(rng.choice(list(read)))
    j = int(rng.choice([k for k in range(len(slots)) if k != i]))
    other[i], other[j] = other[j], other[i]
    return tuple(order), tuple(other)


def to_program(base: Base, on: Arrangement, name: str = "program") -> Program:
    """Return a variant as a program."""
    slot = dict(zip(base.contents, on.parts, strict=True))
    graph = nx.DiGraph(name=name, output="out", n_ctx=base.n_ctx)
    for x, pos in zip(base.input_names, base.inputs, strict=True):
        graph.add_node(x, values=range(base.values), pos=pos)
    held = {slot[c]: (text.format(*x), x) for c, (text, x) in zip(base.contents, base.parts, strict=True)}
    for name_, (text, parents) in sorted(held.items()):
        _add(graph, name_, text, parents, base.places[0])
    filled = {}
    for index, place in enumerate(on.joins):
        join, rule = divmod(index, 2)
        read = base.rules[join][rule].format(**slot)
        filled[place] = f"({base.joins[join].format(read, slot['g'])}) % {base.values}"
    for name_, text in sorted(filled.items()):
        parents = [s for s in base.part_slots if s in names_in(text)]
        _add(graph, name_, text, parents, base.places[1])
    m, n = on.joins[on.live[0]], on.joins[2 + on.live[1]]
    _add(graph, "out", base.last.format(m, n), sorted((m, n)), base.n_ctx - 1)
    return read_program(graph)


def _add(graph: nx.DiGraph, name: str, feature: str, parents: Sequence[str], pos: int) -> None:
    graph.add_node(name, feature=feature, pos=pos)
    graph.add_edges_from((parent, name) for parent in parents)
