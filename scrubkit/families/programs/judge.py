"""What a scrub of a claim can make of a program: every draw at once, and what each edge can change.

Draws of a node's parents are independent, so the distribution of a scrubbed value is its table, over all
joint values of the parents and all other rows, weighed by the parents' own distributions.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import networkx as nx
import numpy as np
from jaxtyping import Bool, Float

from scrubkit.core.feature import class_ids, parse
from scrubkit.errors import ProgramError
from scrubkit.families.programs.graph import Program
from scrubkit.families.programs.rules import Indices

MAX_CONTEXTS = 4_000_000


class Judge:
    """Everything about one claim that its label is made of."""

    def __init__(self, program: Program, claim: nx.DiGraph) -> None:
        self.program, self.claim = program, claim
        sinks = [node for node in claim if claim.out_degree(node) == 0]
        if len(sinks) != 1:
            raise ProgramError(f"a claim has one sink, the root; found {', '.join(map(str, sinks))}")
        self.root = sinks[0]
        self.variable = {n: str(claim.nodes[n].get("variable")) for n in claim if n != self.root}
        self.n_rows = len(program.rows)
        faults = [
            f"node {n!r}: no variable {v!r}; there are {', '.join(program.variables)}"
            for n, v in self.variable.items()
            if v not in program.variables
        ]
        if faults:
            raise ProgramError(faults, title=str(claim.name))

    def moved(self, node: str, variable: str) -> Judge:
        """Return the judge of the same claim with another variable at one node."""
        other = copy.copy(self)
        for kept in ("_shapes", "_trees"):
            other.__dict__.pop(kept, None)
        other.variable = {**self.variable, node: variable}
        return other

    def size(self, node: str) -> int:
        """Return the number of values of a node; the root's are joint answers."""
        if node != self.root:
            return self.program.variables[self.variable[node]].size
        return math.prod(self.program.variables[name].size for name in self.program.outputs.values())

    def read(self, values: Mapping[str, Indices], node: str) -> Indices:
        """Return a node's index from those of all variables."""
        if node != self.root:
            return values[self.variable[node]]
        outputs = list(self.program.outputs.values())
        sizes = tuple(self.program.variables[name].size for name in outputs)
        return np.ravel_multi_index(tuple(values[name] for name in outputs), sizes)

    def classes(self, node: str) -> np.ndarray:
        """Return the resampling class of each row."""
        text = self._feature[node]
        return self._once(("classes", text), lambda: self._classify(text))

    def _classify(self, text: str) -> np.ndarray:
        columns = {name: self.program.values[name] for name in self.program.inputs}
        return class_ids(parse(text).values(columns, {}))

    def _once(self, key: Any, make: Callable[[], Any]) -> Any:
        """Work something out that claims about one program share."""
        if key not in self.program.memo:
            self.program.memo[key] = make()
        return self.program.memo[key]

    def parents(self, node: str) -> list[str]:
        """Return a node's parents that are drawn."""
        return self._drawn[node]

    @cached_property
    def _drawn(self) -> Mapping[str, list[str]]:
        unimportant = {n for n, given in self.claim.nodes(data="unimportant") if given}
        return {n: [m for m in self.claim.predecessors(n) if m not in unimportant] for n in self.claim}

    def table(self, node: str) -> np.ndarray:
        """Return the value of a node for each joint value of its parents, and each other row."""
        return self._once(("table", self._shapes[node]), lambda: self._tabulate(node))

    def chances(self, node: str) -> np.ndarray:
        """Return the distribution over other rows of a node's value, for each joint value of its parents."""
        return self._once(("chances", self._shapes[node]), lambda: self._count(node))

    def _count(self, node: str) -> Float[np.ndarray, "*parents value"]:
        """Count how often each value stands in each row of a node's table, as a share."""
        table, size = self.table(node), self.size(node)
        contexts = table.reshape(-1, self.n_rows)
        cells = contexts + size * np.arange(len(contexts))[:, None]
        counts = np.bincount(cells.ravel(), minlength=len(contexts) * size)
        return (counts / self.n_rows).reshape(*table.shape[:-1], size)

    @cached_property
    def _shapes(self) -> Mapping[str, tuple[Any, ...]]:
        return {node: self._shape(node) for node in self.claim}

    def _shape(self, node: str) -> tuple[Any, ...]:
        """Return what a node's table depends on: it, its parents, and what is held."""
        drawn = tuple(self.variable[m] for m in self.parents(node))
        return self.variable.get(node), drawn, frozenset(self._held(node))

    def _held(self, node: str) -> set[str]:
        """Return the mapped variables that are no parents: they keep their clean value on the other row."""
        drawn = self.parents(node)
        names = {self.variable[m] for m in drawn}
        return {v for n, v in self.variable.items() if n != node and n not in drawn and v not in names}

    def _tabulate(self, node: str) -> np.ndarray:
        program, drawn = self.program, self.parents(node)
        shape = (*(self.size(m) for m in drawn), self.n_rows)
        if math.prod(shape) > MAX_CONTEXTS:
            raise ProgramError(
                f"node {node!r} has {math.prod(shape)} contexts, at most {MAX_CONTEXTS} are enumerated",
                title=str(self.claim.name),
            )
        *values, rows = np.indices(shape).reshape(len(shape), -1)
        given = {self.variable[m]: value for m, value in zip(drawn, values, strict=True)}
        given |= {name: program.indices[name][rows] for name in self._held(node)}
        wanted = program.outputs.values() if node == self.root else (self.variable[node],)
        return self.read(program.run(rows, given, wanted), node).reshape(shape)

    def spread(self, node: str, *, exact_other: bool) -> Float[np.ndarray, "row value"]:
        """Return the distribution of the scrubbed value of a node, for each reference row."""
        key = ("spread", exact_other, self._trees[node])
        return self._once(key, lambda: self._spread(node, exact_other))

    @cached_property
    def _trees(self) -> Mapping[str, int]:
        """For each node, a number for all that its scrubbed value depends on."""
        found: dict[str, int] = {}
        for node in self._order:
            drawn = tuple((self._feature[m], found[m]) for m in self.parents(node))
            # A node whose parents are all unimportant is read on the other row, a leaf on its own.
            key = ("tree", self._shapes[node], self.claim.in_degree(node) == 0, drawn)
            found[node] = self.program.memo.setdefault(key, len(self.program.memo))
        return found

    @cached_property
    def _order(self) -> list[str]:
        return list(nx.topological_sort(self.claim))

    @cached_property
    def _feature(self) -> Mapping[str, str]:
        return {node: attributes.get("feature", "0") for node, attributes in self.claim.nodes(data=True)}

    def _spread(self, node: str, exact_other: bool) -> Float[np.ndarray, "row value"]:
        size = self.size(node)
        drawn = self.parents(node)
        if not self.claim.in_degree(node):
            return np.eye(size)[self.read(self.program.indices, node)]
        chances = [self._of_class(m, exact_other) for m in drawn]
        if exact_other:
            onehot = np.eye(size)[self.table(node)]
            return self._contract(np.moveaxis(onehot, len(drawn), 0), chances, per_row=True)
        return self._contract(self.chances(node), chances, per_row=False)

    def _of_class(self, node: str, exact_other: bool) -> Float[np.ndarray, "row value"]:
        """Average a node's distribution over each row's class: what its reader draws."""
        key = ("of class", exact_other, self._trees[node], self._feature[node])
        return self._once(key, lambda: self._average(node, self.spread(node, exact_other=exact_other)))

    def _average(self, node: str, spread: Float[np.ndarray, "row value"]) -> Float[np.ndarray, "row value"]:
        ids, size = self.classes(node), spread.shape[1]
        counts = np.bincount(ids)
        cells = ids[:, None] * size + np.arange(size)
        sums = np.bincount(cells.ravel(), weights=spread.ravel(), minlength=len(counts) * size)
        return (sums.reshape(-1, size) / counts[:, None])[ids]

    def _contract(self, table: np.ndarray, chances: Sequence[np.ndarray], *, per_row: bool) -> np.ndarray:
        """Weigh a table by its parents' independent distributions, row by row."""
        if not chances:
            return table if per_row else np.repeat(table[None], self.n_rows, axis=0)
        result = table if per_row else table[None]
        for chance in chances:
            # The first parent's axis is the one after the rows; a table that is one for all rows stays one.
            result = np.einsum("rv,rv...->r...", chance, result)
        return result

    def failures(self, *, exact_other: bool) -> Float[np.ndarray, " row"]:
        """Return for each row the probability that a draw changes the answer."""
        spread = self.spread(self.root, exact_other=exact_other)
        right = self.read(self.program.indices, self.root)
        wrong = 1 - spread[np.arange(self.n_rows), right]
        return np.where(wrong > 1e-12, wrong, 0.0)

    def idle(self) -> list[tuple[str, ...]]:
        """Return the edges of the treeified claim that no context needs, as paths from the root."""
        return self._idle((self.root,), ~np.eye(self.size(self.root), dtype=bool))

    def _idle(self, path: tuple[str, ...], telling: Bool[np.ndarray, "value value"]) -> list[tuple[str, ...]]:
        """Walk the tree; `telling` says which changes of the node at the path's end reach the output."""
        node, found = path[-1], []
        drawn = self.parents(node)
        if not drawn:
            return []
        ranges = [self._range(m) for m in drawn]
        values = self.table(node)[np.ix_(*ranges, np.arange(self.n_rows))]
        for axis, parent in enumerate(drawn):
            flat = np.moveaxis(values, axis, 0).reshape(len(ranges[axis]), -1)
            size = self.size(parent)
            moves = np.zeros((size, size), dtype=bool)
            for i, v in enumerate(ranges[axis]):
                moves[v, ranges[axis]] = telling[flat[i][None], flat].any(axis=1)
            if not moves.any():
                found.append((*path, parent))
            found += self._idle((*path, parent), moves)
        return found

    def _range(self, node: str) -> np.ndarray:
        """Return the values that a node's variable takes on the dataset."""
        key = ("range", self.variable.get(node))
        return self._once(key, lambda: np.unique(self.read(self.program.indices, node)))
