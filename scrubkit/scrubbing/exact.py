"""The expectation of a scrub itself, by enumeration of all joint draws.

Branches are independent given the reader's input, and inputs that agree on the features of what a node reads
give it one and the same distribution. So each node needs a distribution for each such context only; equal
values are merged on the way. What is left is small for small graphs and coarse features; where it is not,
the error says how large it is.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, Num
from torch import Tensor

from scrubkit.errors import ScrubError
from scrubkit.scrubbing.plan import Plan, TreeNode
from scrubkit.subjects.subject import Edit, Subject

MAX_RUNS = 20_000_000
"""How many runs an enumeration makes, unless told otherwise."""
_CHUNK = 200_000
_ADVICE = "allow more with max_runs (--max-runs), or score with draws"


@dataclass(frozen=True)
class Distribution:
    """Values and their probabilities, which sum to 1."""

    values: Float[Tensor, "value ..."]
    probabilities: Float[Tensor, " value"]

    def merged(self) -> Distribution:
        """Return the distribution with equal values gathered."""
        first, number = _distinct(self.values.reshape(len(self.values), -1))
        mass = torch.zeros(len(first), dtype=torch.float64).index_add_(0, number, self.probabilities)
        return Distribution(self.values[first], mass)


def _distinct(rows: Num[Tensor, "row number"]) -> tuple[Int[Tensor, " kind"], Int[Tensor, " row"]]:
    """Return the first row of each kind, and the kind of each row.

    Rows are told apart by a sum of their words with random weights, modulo 2^64: numbers sort several times
    as fast as rows. Where two kinds of rows have one sum, the rows are sorted after all.
    """
    # Adding zero makes one of the two zeros; then equal numbers have equal words.
    words = np.ascontiguousarray((rows + 0).numpy()).view(np.uint32)
    weights = np.random.default_rng(0).integers(2**63, size=words.shape[1], dtype=np.uint64) * 2 + 1
    sums = np.einsum("rw,w->r", words, weights)
    _, first, kinds = np.unique(sums, return_index=True, return_inverse=True)
    if not np.array_equal(words[first][kinds], words):
        _, first, kinds = np.unique(words, axis=0, return_index=True, return_inverse=True)
    return torch.from_numpy(first), torch.from_numpy(kinds.reshape(-1))


def mix(parts: list[Distribution], masses: list[float]) -> Distribution:
    """Return the mixture of some distributions."""
    values = torch.cat([part.values for part in parts])
    mass = torch.cat([part.probabilities * m for part, m in zip(parts, masses, strict=True)])
    return Distribution(values, mass).merged()


Progress = Callable[[int, int], None]
"""Told how many inputs are done, and of how many; now and then also while one is being done."""


def enumerate_outputs(
    subject: Subject, plan: Plan, *, max_runs: int = MAX_RUNS, progress: Progress = lambda done, total: None
) -> list[Distribution]:
    """Return the distribution of the scrubbed output for each input.

    Args:
        subject: what is scrubbed.
        plan: the hypothesis, bound to it.
        max_runs: largest number of runs to make.
        progress: told how far it is; where groups share a draw, inputs are counted once for each draw.

    Raises:
        ScrubError: it would take more runs.
    """
    groups = sorted({v.other_stream for v in plan.root.walk() if v.other_stream < 0})
    everyone = plan.anyone.members(0)
    if subject.n_inputs ** len(groups) > max_runs:
        raise ScrubError(
            f"exact enumeration needs {subject.n_inputs:,} to the power of {len(groups)} runs and more, for "
            f"{len(groups)} groups that share a draw, than the {max_runs:,} allowed; {_ADVICE}"
        )
    parts: list[list[Distribution]] = [[] for _ in range(subject.n_inputs)]
    masses = []
    budget, done = [max_runs], 0
    total = subject.n_inputs ** (len(groups) + 1)
    for rows in itertools.product(range(subject.n_inputs), repeat=len(groups)):
        chosen = dict(zip(groups, rows, strict=True))
        enumeration = _Enumeration(subject, plan, chosen, budget, max_runs)
        enumeration.told = lambda: progress(done, total)  # noqa: B023 - while the loop is here
        masses.append(math.prod(float(everyone[1][row]) for row in rows))
        for x in range(subject.n_inputs):
            parts[x].append(enumeration.reference(x))
            done += 1
            progress(done, total)
    if len(masses) == 1:
        return [p[0] for p in parts]
    return [mix(p, masses) for p in parts]


class _Enumeration:
    """Distributions of all tree nodes with the shared draws of the groups fixed."""

    def __init__(
        self, subject: Subject, plan: Plan, groups: dict[int, int], budget: list[int], allowed: int
    ) -> None:
        self.subject = subject
        self.plan = plan
        self.groups = groups
        self.budget = budget
        self.allowed = allowed
        self.known: dict[Hashable, Distribution] = {}
        self.told: Callable[[], None] = lambda: None

    def reference(self, x: int) -> Distribution:
        """Return the distribution of the output for one reference input."""
        if self.plan.root_resampling is None:
            return self.value(self.plan.root, x)
        rows, masses = self.plan.root_resampling.members(x)
        return mix([self.value(self.plan.root, int(row)) for row in rows], masses.tolist())

    def value(self, tree_node: TreeNode, x: int) -> Distribution:
        """Return the distribution of a tree node's value under input x."""
        if not tree_node.children:
            return Distribution(
                self.subject.clean(tree_node.part, _row(x)), torch.ones(1, dtype=torch.float64)
            )
        key = (tree_node.index, *(self._context(child, x) for child in tree_node.children))
        if tree_node.other == "exact" and tree_node.reads_other:
            key = (*key, x)
        if key not in self.known:
            self.known[key] = self._product(tree_node, x)
        return self.known[key]

    def _context(self, child: TreeNode, x: int) -> Hashable:
        """Return what of x decides the distribution of a child's value."""
        if child.unimportant:
            return None
        if child.resampling is None:
            return x
        return int(child.resampling.start[x]), int(child.resampling.count[x])

    def _drawn(self, child: TreeNode, x: int) -> Distribution:
        if child.resampling is None:
            return self.value(child, x)
        key = ("drawn", child.index, self._context(child, x))
        if key not in self.known:
            rows, masses = child.resampling.members(x)
            self.known[key] = mix([self.value(child, int(row)) for row in rows], masses.tolist())
        return self.known[key]

    def _others(self, tree_node: TreeNode, x: int) -> tuple[np.ndarray, np.ndarray]:
        if tree_node.other == "exact":
            return np.array([x]), np.ones(1)
        if tree_node.other_stream in self.groups:
            return np.array([self.groups[tree_node.other_stream]]), np.ones(1)
        if not tree_node.reads_other:
            return np.array([x]), np.ones(1)
        return self.plan.anyone.members(x)

    def _product(self, tree_node: TreeNode, x: int) -> Distribution:
        """Run every combination of the children's values and the other input."""
        drawn = [child for child in tree_node.children if not child.unimportant]
        supports = [self._drawn(child, x) for child in drawn]
        rows, masses = self._others(tree_node, x)
        sizes = [len(rows), *(len(s.probabilities) for s in supports)]
        total = math.prod(sizes)
        self.budget[0] -= total
        if self.budget[0] < 0:
            raise ScrubError(
                f"exact enumeration needs more runs than the {self.allowed:,} allowed "
                f"(node {tree_node.node!r} alone {total:,} at a time); {_ADVICE}"
            )
        runs = [
            self._run(
                tree_node,
                drawn,
                supports,
                rows,
                masses,
                np.unravel_index(np.arange(low, min(low + _CHUNK, total)), sizes),
            )
            for low in range(0, total, _CHUNK)
        ]
        return mix(runs, [1.0] * len(runs)) if len(runs) > 1 else runs[0].merged()

    def _run(
        self,
        tree_node: TreeNode,
        drawn: list[TreeNode],
        supports: list[Distribution],
        rows: Int[np.ndarray, " row"],
        masses: Float[np.ndarray, " row"],
        index: tuple[np.ndarray, ...],
    ) -> Distribution:
        self.told()
        picks = [torch.from_numpy(i) for i in index]
        others = torch.from_numpy(rows)[picks[0]]
        mass = torch.from_numpy(masses)[picks[0]]
        edits = [
            Edit(child.part, self.subject.clean(child.part, others), child.direct)
            for child in tree_node.children
            if child.unimportant
        ]
        for child, support, pick in zip(drawn, supports, picks[1:], strict=True):
            edits.append(Edit(child.part, support.values[pick], child.direct))
            mass = mass * support.probabilities[pick]
        return Distribution(self.subject.run(others, edits, tree_node.holds, tree_node.part), mass)


def _row(x: int) -> Int[Tensor, " one"]:
    return torch.tensor([x])
