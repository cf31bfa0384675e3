"""Rules: how a variable's value follows from its parents'.

Values are kept as indices into a variable's domain. There are three kinds, one for each way in which a
transformer layer can compute exactly:

- `Table`: any function, one entry a combination of the parents' values (a neuron each, or a plain copy);
- `Total`: a function of the parents' sum (attention averages, neurons look up);
- `Choice`: the value at the position where a predicate on (query, key) holds (attention selects, as in
  RASP, Weiss et al. 2021, arXiv:2106.06981).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Int

Indices = Int[np.ndarray, " row"]


class Rule(Protocol):
    """A total function of the parents' indices."""

    def apply(self, parents: Sequence[Indices]) -> Indices:
        """Return the variable's index on each row, given its parents' on each row."""
        ...


@dataclass(frozen=True)
class Table:
    """Any function of the parents.

    Attributes:
        answers: index of the result, one axis a parent.
    """

    answers: Int[np.ndarray, "*parents"]

    def apply(self, parents: Sequence[Indices]) -> Indices:
        """Look each row up."""
        return self.answers[tuple(parents)]


@dataclass(frozen=True)
class Total:
    """A function of the sum of the parents' values.

    Attributes:
        terms: the values of each parent, by index.
        low: the smallest sum there can be.
        answers: index of the result for each sum from low on.
    """

    terms: tuple[Int[np.ndarray, " value"], ...]
    low: int
    answers: Int[np.ndarray, " sum"]

    def apply(self, parents: Sequence[Indices]) -> Indices:
        """Add the parents' values and look the sum up."""
        total = sum(values[index] for values, index in zip(self.terms, parents, strict=True))
        return self.answers[total - self.low]


@dataclass(frozen=True)
class Choice:
    """The value at the last (or first) position whose key the query selects.

    Where the query selects no key, the last (or first) of all positions stands in, so that the function is
    total. Parents are the query (if any), then the keys, then the values that are variables.

    Attributes:
        matches: whether a query value selects a key value.
        keys: for each source, which parent is its key, or the index of a constant key as -1 - index.
        values: for each source, which parent is its value, or the index of a constant as -1 - index.
        renumber: for each source, index of the result for each index of its value.
        last: whether the last match is taken, rather than the first.
        positions: position of each source where keys or values are positions, else empty.
    """

    matches: Bool[np.ndarray, "query key"]
    keys: tuple[int, ...]
    values: tuple[int, ...]
    renumber: tuple[Int[np.ndarray, " value"], ...]
    last: bool
    positions: tuple[int, ...] = ()

    def apply(self, parents: Sequence[Indices]) -> Indices:
        """Pick the source on each row and return its value."""
        n_rows = len(parents[0])
        keys = [np.full(n_rows, -1 - k) if k < 0 else parents[k] for k in self.keys]
        chosen = np.stack([self.matches[parents[0], key] for key in keys], axis=1)
        chosen[~chosen.any(axis=1)] = True
        order = chosen[:, ::-1] if self.last else chosen
        source = np.argmax(order, axis=1)
        source = chosen.shape[1] - 1 - source if self.last else source
        values = [np.full(n_rows, -1 - v) if v < 0 else parents[v] for v in self.values]
        results = np.stack(
            [renumber[value] for renumber, value in zip(self.renumber, values, strict=True)], axis=1
        )
        return results[np.arange(n_rows), source]
