"""The causal model that a hypothesis stands for: variables, where they are, what an interchange predicts.

Nodes at one hook with one and the same feature hold one variable. Setting it to its value on a source input
is predicted to give the answer of an input that agrees with the source on this variable and with the base on
the hook's others. Geiger, Lu, Icard and Potts 2021, "Causal Abstractions of Neural Networks", section 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from scrubkit.core.feature import class_ids
from scrubkit.core.site import Part
from scrubkit.scrubbing.plan import Plan
from scrubkit.subjects.subject import Subject


@dataclass(frozen=True)
class Variable:
    """One variable, or all variables of a hook together.

    Attributes:
        parts: where it is held.
        values: its value on each input, as a class number.
        context: values of the hook's other variables on each input, as a class number.
    """

    parts: tuple[Part, ...]
    values: Int[np.ndarray, " input"]
    context: Int[np.ndarray, " input"]

    def counterfactual(
        self, base: Int[np.ndarray, " pair"], source: Int[np.ndarray, " pair"]
    ) -> Int[np.ndarray, " pair"]:
        """Return an input with the context of base and the value of source, -1 where there is none."""
        span = int(self.values.max()) + 1
        keys = self.context * span + self.values
        order = np.argsort(keys, kind="stable")
        wanted = self.context[base] * span + self.values[source]
        place = np.searchsorted(keys[order], wanted).clip(max=len(keys) - 1)
        found = order[place]
        return np.where(keys[found] == wanted, found, -1)


def variables_of(plan: Plan, subject: Subject) -> list[Variable]:
    """Return the variables that a hypothesis claims at each hook, and all of a hook together."""
    features: dict[str, dict[Part, np.ndarray]] = {}
    for visit in plan.root.walk():
        values = plan.features.get(visit.node)
        if visit is plan.root or visit.unimportant or values is None:
            continue
        ids = class_ids(values)
        if ids.max() > 0:
            features.setdefault(visit.part.hook, {}).setdefault(visit.part, ids)
    return [variable for held in features.values() for variable in _at_one_hook(held)]


def _at_one_hook(held: Mapping[Part, np.ndarray]) -> Iterator[Variable]:
    """Yield the variables that the parts of a hook hold, then all of them together."""
    parts: dict[bytes, list[Part]] = {}
    values: dict[bytes, np.ndarray] = {}
    for part, ids in held.items():
        parts.setdefault(ids.tobytes(), []).append(part)
        values[ids.tobytes()] = ids
    for key, ids in values.items():
        context = _joint([other for name, other in values.items() if name != key], len(ids))
        yield Variable(tuple(parts[key]), ids, context)
    if len(values) > 1:
        ids = class_ids(list(values.values()))
        yield Variable(tuple(held), ids, np.zeros_like(ids))


def _joint(components: Sequence[np.ndarray], n_inputs: int) -> Int[np.ndarray, " input"]:
    return class_ids(components) if components else np.zeros(n_inputs, dtype=np.int64)
