"""The dataset D, features on it, and the chance of each draw."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_FUNCTIONS = {"cos": math.cos, "sin": math.sin, "abs": abs, "min": min, "max": max, "pi": math.pi}


@dataclass(frozen=True)
class Domain:
    """A finite dataset.

    Attributes:
        columns: the value of each variable on each row.
        constants: names that stand for one number.
        tokens: token rows (row, position).
        labels: the right class of each row, or None.
        weights: chance of each row, summing to one.
        token_index: for each token its place in the cyclic group, -1 outside it; None without a group.
        class_index: the same for each class.
        order: the group's size.
    """

    columns: Mapping[str, np.ndarray]
    constants: Mapping[str, float]
    tokens: np.ndarray
    weights: np.ndarray
    labels: np.ndarray | None = None
    token_index: np.ndarray | None = None
    class_index: np.ndarray | None = None
    order: int = 0

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.tokens)

    def feature(self, source: str | Callable[[Any], Any]) -> list[tuple[float, ...]]:
        """Evaluate a feature row by row, by Python itself."""
        if callable(source):
            found = source(self.tokens)
            columns = found if isinstance(found, tuple) else (found,)
            stacked = np.column_stack([np.asarray(c).reshape(self.n, -1) for c in columns])
            return [tuple(float(v) for v in row) for row in stacked]
        code = compile(source.strip(), "feature", "eval")
        values = []
        for row in range(self.n):
            names = {name: column[row].item() for name, column in self.columns.items()}
            found = eval(code, {"__builtins__": {}}, {**_FUNCTIONS, **self.constants, **names})  # noqa: S307
            values.append(tuple(map(float, found)) if isinstance(found, tuple) else (float(found),))
        return values


@dataclass(frozen=True)
class Policy:
    """What one node draws its input by."""

    feature: str | Callable[[Any], Any] | None = None
    tolerance: Sequence[float | None] = ()
    period: Sequence[float | None] = ()
    sampler: str | Sequence[int] = "feature"
    other: str = "uniform"


def alike(values: np.ndarray, policy: Policy) -> np.ndarray:
    """Say of every two rows whether they are exchangeable, given the feature's values (row, component)."""
    found = np.ones((len(values), len(values)), dtype=bool)
    for i, column in enumerate(values.T):
        tolerance = policy.tolerance[i] if i < len(policy.tolerance) else None
        period = policy.period[i] if i < len(policy.period) else None
        gap = np.abs(column[:, None] - column[None, :])
        if period is not None and tolerance is not None:
            gap = np.minimum(gap % period, period - gap % period)
        found &= gap <= (1e-9 if tolerance is None else tolerance + 1e-9)
    return found


def kernel(policy: Policy, domain: Domain) -> np.ndarray:
    """The chance of each draw given each input, (row, row): K[x, x'] = P(x_m = x' | x)."""
    n, w = domain.n, domain.weights
    if policy.sampler == "exact":
        return np.eye(n)
    if policy.sampler == "uniform":
        return np.tile(w, (n, 1))
    if policy.sampler == "feature":
        assert policy.feature is not None
        chance = alike(np.array(domain.feature(policy.feature)), policy) * w
        return chance / chance.sum(1, keepdims=True)
    rows = np.zeros(n)
    for row in policy.sampler:
        rows[int(row)] += w[int(row)]
    return np.tile(rows / rows.sum(), (n, 1))


def other_kernel(policy: Policy, domain: Domain, groups: Mapping[str, int]) -> np.ndarray:
    """The chance of each other input given the node's own; a group's is known already."""
    if policy.other == "exact":
        return np.eye(domain.n)
    if policy.other == "uniform":
        return np.tile(domain.weights, (domain.n, 1))
    chosen = np.zeros(domain.n)
    chosen[groups[policy.other.removeprefix("together:")]] = 1
    return np.tile(chosen, (domain.n, 1))
