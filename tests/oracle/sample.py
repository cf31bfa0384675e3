"""Random draws, where there are too many joint draws to go through."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tests.oracle.claim import Claim
from tests.oracle.domain import Policy, kernel
from tests.oracle.machine import Machine, Set


@dataclass
class Sampler:
    """Draws scrubbed outputs of one claim."""

    machine: Machine
    claim: Claim
    rng: np.random.Generator
    _groups: dict[str, np.ndarray] = field(default_factory=dict)

    def outputs(self, references: np.ndarray, *, resample_root: bool = False) -> np.ndarray:
        """Return one scrubbed output for each reference, all draws fresh."""
        self._groups = {}
        root = self.claim.nodes[self.claim.root]
        x = references
        if resample_root:
            policy = root.policy
            x = self._pick(
                kernel(Policy(policy.feature, policy.tolerance, policy.period), self.machine.domain), x
            )
        return self._value(root.name, x)

    def _pick(self, table: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Draw from a row of a kernel for each item."""
        found = np.empty(len(rows), dtype=np.int64)
        for row in np.unique(rows):
            here = np.flatnonzero(rows == row)
            inside = np.flatnonzero(table[row])
            found[here] = self.rng.choice(inside, size=len(here), p=table[row, inside])
        return found

    def _value(self, name: str, x: np.ndarray) -> np.ndarray:
        node = self.claim.nodes[name]
        if not node.parents:
            return self.machine.clean(node.part)[x]
        others = self._others(node.policy.other, x)
        sets = []
        for parent, direct in node.parents:
            part = self.claim.nodes[parent].part
            if self.claim.nodes[parent].unimportant:
                value = self.machine.clean(part)[others]
            else:
                value = self._value(parent, self._pick(self.claim.kernels[parent], x))
            sets.append(Set(part, value, direct))
        return self.machine.run(others, sets, node.holds, node.part)

    def _others(self, other: str, x: np.ndarray) -> np.ndarray:
        domain = self.machine.domain
        if other == "exact":
            return x
        if other != "uniform" and other in self._groups:
            return self._groups[other]
        found = self.rng.choice(domain.n, size=len(x), p=domain.weights)
        if other != "uniform":
            self._groups[other] = found
        return found
