"""All joint draws of a hypothesis, where they are few: values with their probabilities, and a draw of each.

Branches are independent given their reader's row, so the values that a node can take are found from those of
the nodes that it reads. Values that are equal are one, with one draw that makes it.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from scrubkit.bench.case import Witness
from scrubkit.bench.label.draws import Joint, witness_of
from scrubkit.bench.label.outputs import Outputs
from scrubkit.scrubbing.plan import Plan, TreeNode
from scrubkit.subjects.subject import Edit, Subject

_CHUNK = 16384


class TooManyError(Exception):
    """There are more joint draws than may be made."""


@dataclass(frozen=True)
class Support:
    """The values that a node can take.

    Attributes:
        values: each value once.
        mass: their probabilities.
        draws: for each a joint draw that makes it.
    """

    values: Tensor
    mass: Float[Tensor, " value"]
    draws: Joint


class Exhaustive:
    """Enumerates the joint draws of one tree.

    Args:
        subject: what is scrubbed.
        outputs: its clean outputs.
        plan: the hypothesis.
        root: its tree.
        runs: most runs to make.
    """

    def __init__(self, subject: Subject, outputs: Outputs, plan: Plan, root: TreeNode, runs: int) -> None:
        self.subject, self.outputs, self.plan, self.root = subject, outputs, plan, root
        self.left = runs
        self.known: dict[Hashable, Support] = {}
        self.anyone = plan.anyone.members(0)
        self.tables: dict[Any, Tensor] = {}
        if any(node.other_stream < 0 for node in root.walk()):
            raise TooManyError

    def figures(self) -> tuple[float, float, float, bool, Witness]:
        """Return mean, worst and failure, True, and the worst draw.

        Raises:
            TooManyError: it would take more runs.
        """
        mean = failure = 0.0
        worst: tuple[float, Witness] | None = None
        for x in range(self.subject.n_inputs):
            if x == 1 and (self.left < 0 or self._spent * (self.subject.n_inputs // 4) > self.left):
                raise TooManyError
            before = self.left
            found = self._value(self.root, x)
            self._spent = before - self.left
            rows = torch.full((len(found.mass),), x)
            values = self.outputs.centred(found.values)
            change, lost = self.outputs.change(values, rows), self.outputs.lost(values, rows)
            mass = float(self.outputs.mass[x])
            mean += mass * float(change @ found.mass)
            failure += mass * float((lost >= 1).double() @ found.mass)
            item = int(lost.argmax())
            if worst is None or float(lost[item]) > worst[0]:
                own = {**found.draws.own, self.root.index: rows}
                worst = float(lost[item]), witness_of(self.root, Joint(own, found.draws.other), item)
        assert worst is not None
        return mean, worst[0], failure, True, worst[1]

    _spent = 0

    def _value(self, node: TreeNode, x: int) -> Support:
        if not node.children:
            row = torch.tensor([x])
            return Support(
                self._table(node.part)[x : x + 1],
                torch.ones(1, dtype=torch.float64),
                Joint({node.index: row}, {node.index: row}),
            )
        key: Hashable = (node.index, *(_window(child, x) for child in node.children))
        if node.other == "exact":
            key = (key, x)
        if key not in self.known:
            self.known[key] = self._product(node, x)
        return self.known[key]

    def _table(self, part: Any) -> Tensor:
        """Return the clean value of a part on every row."""
        if part not in self.tables:
            self.tables[part] = self.subject.clean(part, torch.arange(self.subject.n_inputs))
        return self.tables[part]

    def _drawn(self, child: TreeNode, x: int) -> Support:
        if child.resampling is None:
            return _given(self._value(child, x), child, x)
        key = ("drawn", child.index, _window(child, x))
        if key not in self.known:
            rows, masses = child.resampling.members(x)
            found = [_given(self._value(child, int(row)), child, int(row)) for row in rows]
            self.known[key] = merged(found, masses.tolist())
        return self.known[key]

    def _product(self, node: TreeNode, x: int) -> Support:
        """Run every combination of the values of what a node reads, and of the other row."""
        drawn = [child for child in node.children if not child.unimportant]
        supports = [self._drawn(child, x) for child in drawn]
        if node.other == "exact" or not node.reads_other:
            rows, masses = torch.tensor([x]), torch.ones(1, dtype=torch.float64)
        else:
            rows, masses = (torch.from_numpy(found) for found in self.anyone)
        sizes = [len(rows), *(len(support.mass) for support in supports)]
        total = math.prod(sizes)
        self.left -= total
        if self.left < 0:
            raise TooManyError
        found = []
        for part in torch.arange(total).split(_CHUNK):
            picks = [torch.from_numpy(pick) for pick in np.unravel_index(part.numpy(), sizes)]
            found.append(self._run(node, drawn, supports, rows[picks[0]], masses[picks[0]], picks[1:]))
        return merged(found, [1.0] * len(found))

    @torch.no_grad()
    def _run(
        self,
        node: TreeNode,
        drawn: Sequence[TreeNode],
        supports: Sequence[Support],
        others: Int[Tensor, " item"],
        mass: Float[Tensor, " item"],
        picks: Sequence[Int[Tensor, " item"]],
    ) -> Support:
        own: dict[int, Tensor] = {}
        other: dict[int, Tensor] = {node.index: others}
        edits = [
            Edit(child.part, self._table(child.part)[others], child.direct)
            for child in node.children
            if child.unimportant
        ]
        for child, support, pick in zip(drawn, supports, picks, strict=True):
            edits.append(Edit(child.part, support.values[pick], child.direct))
            mass = mass * support.mass[pick]
            below = support.draws.at(pick)
            own |= below.own
            other |= below.other
        return Support(self.subject.run(others, edits, node.holds, node.part), mass, Joint(own, other))


def merged(parts: Sequence[Support], masses: Sequence[float]) -> Support:
    """Return the mixture of supports, values that are equal as one.

    Args:
        parts: values with their masses.
        masses: what each of them weighs.
    """
    values = torch.cat([part.values for part in parts])
    mass = torch.cat([part.mass * m for part, m in zip(parts, masses, strict=True)])
    flat = values.reshape(len(values), -1)
    unique, inverse = torch.unique(flat, dim=0, return_inverse=True)
    first = torch.full((len(unique),), len(flat)).scatter_reduce(0, inverse, torch.arange(len(flat)), "amin")
    draws = Joint(
        {i: torch.cat([part.draws.own[i] for part in parts])[first] for i in parts[0].draws.own},
        {i: torch.cat([part.draws.other[i] for part in parts])[first] for i in parts[0].draws.other},
    )
    total = torch.zeros(len(unique), dtype=torch.float64).index_add_(0, inverse, mass)
    return Support(values[first], total, draws)


def _given(support: Support, child: TreeNode, row: int) -> Support:
    """Return the values of a node that is given a row, which the draws then name."""
    rows = torch.full((len(support.mass),), row)
    own, other = dict(support.draws.own), dict(support.draws.other)
    own[child.index] = rows
    other.setdefault(child.index, rows)
    return Support(support.values, support.mass, Joint(own, other))


def _window(child: TreeNode, x: int) -> Hashable:
    """Return what of a row decides which values a node may be given."""
    if child.unimportant:
        return None
    if child.resampling is None:
        return x
    return int(child.resampling.start[x]), int(child.resampling.count[x])
