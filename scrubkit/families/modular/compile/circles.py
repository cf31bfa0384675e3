"""Circles: how tokens and classes are written as points of the group's circles, and features as text.

Every task here is addition in a cyclic group of order n after a renaming: s = index(a) + index(b).
Frequency k puts the element x at angle w_k x with w_k = 2 pi k / n. Tokens are embedded by their index
as *first* operand; the second operand has the same index or the negated one, and then its circle is
read mirrored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from scrubkit.errors import ModelError
from scrubkit.families.modular.task import ModularTask

SUMS = {
    "modular_addition": "(a + b) % p",
    "modular_subtraction": "(a - b) % p",
    "modular_multiplication": "(a * b) % p",
}
"""The label of each task as a feature expression."""


@dataclass(frozen=True)
class Circles:
    """Circles of the cyclic group behind a task.

    Attributes:
        task: the task.
        order: order n of the group.
        mirrored: the second operand counts negatively, as in subtraction.
    """

    task: ModularTask
    order: int
    mirrored: bool

    @classmethod
    def of(cls, task: ModularTask) -> Circles:
        """Return the circles of a task; raises ModelError if operands are related by more than a sign."""
        group = task.group
        used = group.a >= 0
        if np.array_equal(group.b, group.a):
            return cls(task, group.order, False)
        if np.array_equal(group.b[used], -group.a[used] % group.order):
            return cls(task, group.order, True)
        raise ModelError(
            f"the operands of {task.name} are indexed differently, and by more than a sign; "
            f"tasks that can be compiled: {', '.join(SUMS)}"
        )

    def tokens(self, k: int) -> Float[np.ndarray, "token 2"]:
        """Return (cos w_k x, sin w_k x) of each token; "=" and tokens that are no operand are zero."""
        index = np.append(self.task.group.a, -1)
        return _points(k, index, self.order)

    def classes(self, k: int) -> Float[np.ndarray, "2 class"]:
        """Return (cos w_k c, sin w_k c) of each class; classes that are never a label are zero."""
        return _points(k, self.task.group.c, self.order).T

    @property
    def mirror(self) -> Float[np.ndarray, "2 2"]:
        """The map from a token's circle to its circle as second operand."""
        return np.diag([1.0, -1.0 if self.mirrored else 1.0])

    @property
    def sum(self) -> str:
        """Feature of s."""
        return SUMS.get(self.task.name, self.both)

    @property
    def both(self) -> str:
        """Feature of (a, b): everything."""
        return "(a, b)"

    @property
    def pair(self) -> str:
        """Feature of the unordered pair of indices, which is all that a symmetric function can carry."""
        second = "(p - b) % p" if self.mirrored else "b"
        return f"(min(a, {second}), max(a, {second}))"

    def pizza(self, k: int) -> str:
        """Feature of (s, |cos(w_k d / 2)|); the unordered pair where d is no expression in a and b."""
        if self.order != self.task.p or self.task.name not in SUMS:
            return self.pair
        d = "(a + b)" if self.mirrored else "(a - b)"
        return f"({self.sum}, abs(cos(pi * {k} * {d} / p)))"


def _points(k: int, index: Int[np.ndarray, " element"], order: int) -> Float[np.ndarray, "element 2"]:
    # k x is reduced mod n first, so that large products lose no digits of the angle.
    angle = 2 * np.pi * (k * index % order) / order
    return np.where(index[:, None] >= 0, np.stack([np.cos(angle), np.sin(angle)], axis=1), 0.0)
