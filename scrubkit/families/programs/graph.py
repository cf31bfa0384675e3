"""Programs: a graph of finite-valued variables over input tokens, read, checked and enumerated.

A program is a `networkx.DiGraph` in the language of function graphs. Sources are inputs and carry
``values``, the tokens that they take (and ``pos``, by default in order of declaration). Every other node
carries ``fn``, called with its parents' values by name, or ``feature``, an expression over their names;
its domain is found by enumerating its parents' values. How a transformer computes a node is said by ``via``:

- ``table`` (default): any function, by neurons;
- ``sum``: ``fn`` or ``feature`` is one of ``sum``, the sum of the parents' values;
- ``copy``: the one parent's value, moved by an attention head alone;
- ``select``: the value at the last position (``prefer="first"``: first) where ``where``, an expression of
  ``query`` and ``key``, holds; ``query``, ``keys`` and ``values`` name the parents.

Nodes with the same ``family`` share one code at different positions. The graph carries ``output`` (a node, or
``{position: node}``; by default the one sink) and may carry ``name``, ``n_ctx`` and ``rows``.

>>> g = nx.DiGraph([("a", "s"), ("b", "s")])
>>> g.add_nodes_from("ab", values=range(3))
>>> g.nodes["s"]["feature"] = "(a + b) % 3"
>>> read_program(g).labels
array([0, 1, 2, 1, 2, 0, 2, 0, 1])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import networkx as nx
import numpy as np
from jaxtyping import Int

from scrubkit.errors import ProgramError
from scrubkit.families.programs.rules import Indices, Rule


@dataclass(frozen=True)
class Variable:
    """One variable of a program.

    Attributes:
        domain: its values, ascending; elsewhere a value is an index into them.
        parents: what it is computed from, in the order that its rule takes them.
        rule: how; None for an input.
        via: what computes it: input, table, sum, copy or select.
        pos: the position it has to be at, None where the compiler may choose.
        family: whose code it shares; its own name where it shares none.
    """

    name: str
    domain: tuple[int, ...]
    parents: tuple[str, ...]
    rule: Rule | None
    via: str
    pos: int | None
    family: str

    @property
    def size(self) -> int:
        """Number of values."""
        return len(self.domain)


@dataclass(frozen=True, eq=False, repr=False)
class Program:
    """A checked program and its dataset.

    Attributes:
        name: what reports call it.
        graph: the graph it was read from, frozen.
        variables: in topological order.
        outputs: which variable is answered at which position.
        rows: the dataset: value of each input on each row.
        n_ctx: length of the token rows.
    """

    name: str
    graph: nx.DiGraph
    variables: Mapping[str, Variable]
    outputs: Mapping[int, str]
    rows: Int[np.ndarray, "row input"]
    n_ctx: int

    def __repr__(self) -> str:
        shape = f"{len(self.inputs)} inputs, {len(self.computed)} nodes, {len(self.rows)} rows"
        return f"Program({self.name!r}, {shape})"

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The inputs, in the order of `rows`."""
        return tuple(name for name, v in self.variables.items() if v.rule is None)

    @cached_property
    def computed(self) -> tuple[str, ...]:
        """The variables that are no inputs, in topological order."""
        return tuple(name for name, v in self.variables.items() if v.rule is not None)

    @cached_property
    def position(self) -> Mapping[str, int]:
        """Position of each input's token."""
        return {name: self.variables[name].pos for name in self.inputs}  # pyright: ignore[reportReturnType]

    @cached_property
    def d_vocab(self) -> int:
        """Number of tokens: the inputs' values, and one blank where a position has no input."""
        top = max(max(self.variables[name].domain) for name in self.inputs) + 1
        return top + (self.n_ctx > len(self.inputs))

    @cached_property
    def tokens(self) -> Int[np.ndarray, "row pos"]:
        """The dataset as token rows; positions without input hold the last token, a blank."""
        tokens = np.full((len(self.rows), self.n_ctx), self.d_vocab - 1)
        tokens[:, list(self.position.values())] = self.rows
        return tokens

    @cached_property
    def indices(self) -> Mapping[str, Indices]:
        """Index of every variable's value on each row."""
        return self.run(range(len(self.rows)), {})

    @cached_property
    def values(self) -> Mapping[str, Int[np.ndarray, " row"]]:
        """Every variable's value on each row."""
        return {name: np.array(self.variables[name].domain)[index] for name, index in self.indices.items()}

    @cached_property
    def labels(self) -> Int[np.ndarray, "row ..."]:
        """The answers: (row,) for one output, (row, output) in order of position for several."""
        columns = [self.values[self.outputs[pos]] for pos in sorted(self.outputs)]
        return columns[0] if len(columns) == 1 else np.stack(columns, axis=1)

    @cached_property
    def children(self) -> Mapping[str, tuple[str, ...]]:
        """Which variables read each variable."""
        return {
            name: tuple(c for c, v in self.variables.items() if name in v.parents) for name in self.variables
        }

    @cached_property
    def memo(self) -> dict[Any, Any]:
        """What judges of claims about this program have worked out, and share."""
        return {}

    @cached_property
    def ancestors(self) -> Mapping[str, frozenset[str]]:
        """All variables that each variable is computed from."""
        found: dict[str, frozenset[str]] = {}
        for name, variable in self.variables.items():
            found[name] = frozenset(variable.parents).union(*(found[p] for p in variable.parents))
        return found

    def run(
        self,
        rows: Sequence[int] | Indices,
        given: Mapping[str, Indices],
        wanted: Iterable[str] | None = None,
    ) -> Mapping[str, Indices]:
        """Compute every variable on some rows, with some variables set.

        Args:
            rows: which rows of the dataset.
            given: indices to set variables to, one per row.
            wanted: variables of which alone, and of what they are computed from, the values are asked.

        Returns:
            The index of each variable's value on each of the rows.
        """
        found: dict[str, Indices] = {}
        needed = self.variables.keys() if wanted is None else self._reached(wanted, given)
        taken = self.rows[np.asarray(rows)]
        for name, variable in self.variables.items():
            if name not in needed:
                continue
            if name in given:
                found[name] = given[name]
            elif variable.rule is None:
                found[name] = np.searchsorted(variable.domain, taken[:, self.inputs.index(name)])
            else:
                found[name] = variable.rule.apply([found[parent] for parent in variable.parents])
        return found

    def _reached(self, wanted: Iterable[str], given: Mapping[str, Indices]) -> set[str]:
        """Return what some variables are computed from, up to what is set."""
        found, open_ = set(), list(wanted)
        while open_:
            name = open_.pop()
            if name not in found:
                found.add(name)
                open_ += () if name in given else self.variables[name].parents
        return found


def require(condition: bool, fault: str, *, title: str = "program") -> None:
    """Raise ProgramError unless the condition holds."""
    if not condition:
        raise ProgramError(fault, title=title)
