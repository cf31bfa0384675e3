"""The expectation itself, by going through every joint draw.

Given its input, a node's parents are drawn independently, so the distribution of each node's value is
found from those of its parents: a list of the values it can take, and for each input the chance of each.
What nodes of one group share is their other input: everything is found given those, and averaged.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from tests.oracle.claim import Claim, Node, read_claim
from tests.oracle.domain import Policy, kernel, other_kernel
from tests.oracle.machine import Machine, Set

DIGITS = 11
"""Values that agree to so many decimals are taken for one."""


class TooManyError(Exception):
    """The joint draws are more than was allowed."""


@dataclass(frozen=True)
class Spread:
    """What a node's value can be, (value, number), and how likely on each input, (row, value)."""

    values: np.ndarray
    chance: np.ndarray


@dataclass
class Enumeration:
    """Distributions of all nodes of one claim on one machine.

    Attributes:
        most: runs that are made at most.
    """

    machine: Machine
    claim: Claim
    most: int = 60_000
    runs: int = 0
    _known: dict[tuple[str, tuple[tuple[str, int], ...]], Spread] = field(default_factory=dict)

    def of_root(self, *, resample_root: bool = False) -> Iterator[tuple[float, Spread]]:
        """Yield the root's distribution with the chance of each joint draw of the groups."""
        root = self.claim.nodes[self.claim.root]
        domain = self.machine.domain
        redraw = np.eye(domain.n)
        if resample_root:
            policy = root.policy
            redraw = kernel(Policy(policy.feature, policy.tolerance, policy.period), domain)
        names = sorted(root.groups)
        for rows in itertools.product(range(domain.n), repeat=len(names)):
            groups = dict(zip(names, rows, strict=True))
            weight = float(np.prod([domain.weights[row] for row in rows])) if rows else 1.0
            found = self.spread(root.name, groups)
            yield weight, Spread(found.values, redraw @ found.chance)

    def spread(self, name: str, groups: Mapping[str, int]) -> Spread:
        """The distribution of V(name, x) for every x, given the groups' draws."""
        node = self.claim.nodes[name]
        key = (name, tuple(sorted((g, r) for g, r in groups.items() if g in node.groups)))
        if key not in self._known:
            self._known[key] = self._find(node, groups)
        return self._known[key]

    def _find(self, node: Node, groups: Mapping[str, int]) -> Spread:
        domain = self.machine.domain
        if not node.parents:
            clean = self.machine.clean(node.part)
            return _merge(clean, np.eye(domain.n))
        drawn = [(p, d) for p, d in node.parents if not self.claim.nodes[p].unimportant]
        spreads = [self.spread(p, groups) for p, _ in drawn]
        chances = [other_kernel(node.policy, domain, groups)]
        chances += [self.claim.kernels[p] @ s.chance for (p, _), s in zip(drawn, spreads, strict=True)]
        picks = self._joint(chances)
        others = picks[0]
        sets = [
            Set(self.claim.nodes[p].part, s.values[pick].reshape(len(pick), *s.values.shape[1:]), d)
            for (p, d), s, pick in zip(drawn, spreads, picks[1:], strict=True)
        ]
        for p, d in node.parents:
            if self.claim.nodes[p].unimportant:
                part = self.claim.nodes[p].part
                sets.append(Set(part, self.machine.clean(part)[others], d))
        self.runs += len(others)
        values = self.machine.run(others, sets, node.holds, node.part)
        chance = np.ones((domain.n, len(others)))
        for table, pick in zip(chances, picks, strict=True):
            chance *= table[:, pick]
        return _merge(values, chance)

    def _joint(self, chances: list[np.ndarray]) -> list[np.ndarray]:
        """All joint picks (other input, value of each parent) that some input can meet with."""
        sizes = [table.shape[1] for table in chances]
        supports = [[np.flatnonzero(row > 0) for row in table] for table in chances]
        counts = np.prod([[float(len(s)) for s in rows] for rows in supports], axis=0)
        if counts.max() + self.runs > self.most or counts.sum() > 40 * self.most:
            raise TooManyError(counts.max())
        met = []
        for x in range(len(chances[0])):
            code = np.zeros(1, dtype=np.int64)
            for size, rows in zip(sizes, supports, strict=True):
                code = (code[:, None] * size + rows[x][None, :]).ravel()
            met.append(code)
        codes = np.unique(np.concatenate(met))
        if len(codes) + self.runs > self.most:
            raise TooManyError(len(codes))
        picks = []
        for size in reversed(sizes):
            picks.append(codes % size)
            codes = codes // size
        return picks[::-1]


def _merge(values: np.ndarray, chance: np.ndarray) -> Spread:
    """Take values that are the same for one, and add up their chances."""
    flat = np.round(values.reshape(len(values), -1), DIGITS) + 0.0
    rows = np.ascontiguousarray(flat).view(np.dtype((np.void, flat.dtype.itemsize * flat.shape[1]))).ravel()
    order = np.argsort(rows, kind="stable")
    new = np.ones(len(order), dtype=bool)
    new[1:] = rows[order][1:] != rows[order][:-1]
    starts = np.flatnonzero(new)
    return Spread(values[order[starts]], np.add.reduceat(chance[:, order], starts, axis=1))


def enumerate_claim(graph: object, machine: Machine, most: int = 60_000) -> Enumeration:
    """Prepare the enumeration of a hypothesis."""
    return Enumeration(machine, read_claim(graph, machine), most)  # pyright: ignore[reportArgumentType]
