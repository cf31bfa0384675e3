"""The interventions behind a label: one edge or one node at a time, on clean values only.

For a node n with parents m, write n(x; m := x') for what n reads on input x with c(m) set to its clean value
on x' and the other parents held at their clean values on x. All figures are expectations of squared
distances:

    total(n)        E_{x, x'} |n(x') - n(x)|^2
    moved(m, n)     E_{x, x'} |n(x; m := x') - n(x)|^2                 over x' in D
    within(m, n)    the same over x' in the class of x under f_m
    rest(n)         E_{x, x'} |n(x'; all parents := x) - n(x)|^2       what no parent holds

Where n is read from the logits and its parents reach them linearly, all four are computed exactly over D from
the table of what each part adds to the logits. Elsewhere they are computed exactly over all pairs if D has at
most `EXACT_INPUTS` inputs, and over `PAIRS` pairs drawn with a fixed seed otherwise, where their relative
standard error is about 3 %. Logits are centred first: what all classes share changes no probability.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from scrubkit.core.architecture import LOGITS
from scrubkit.scrubbing.plan import TreeNode
from scrubkit.scrubbing.sampling import Resampling
from scrubkit.subjects.linear import LinearReadout
from scrubkit.subjects.network import NetworkSubject
from scrubkit.subjects.subject import Edit, Subject

EXACT_INPUTS = 100
PAIRS = 2048
SEED = 20221203
_CHUNK = 4096


@dataclass(frozen=True)
class Pairs:
    """Pairs of inputs with the weight of each; weights sum to one."""

    x: Int[Tensor, " pair"]
    other: Int[Tensor, " pair"]
    weight: Float[Tensor, " pair"]


class Interventions:
    """Measures one subject; figures are kept, since many hypotheses share them."""

    def __init__(self, subject: Subject) -> None:
        """Take the subject, whose inputs count alike."""
        self.subject = subject
        self.readout = LinearReadout.of(subject) if isinstance(subject, NetworkSubject) else None
        self._known: dict[Hashable, float] = {}

    def total(self, node: TreeNode) -> float:
        """Return twice the variance of what the node reads."""
        return self._once(("total", _key(node.part)), lambda: _twice_variance(self._value(node)))

    def moved(self, child: TreeNode, node: TreeNode) -> float:
        """Return how far the node moves with one parent taken from any input."""
        key = ("moved", *self._edge_key(child, node))
        if self._is_linear(node):
            return self._once(key, lambda: _twice_variance(self._share(child, node)))
        return self._once(key, lambda: self._changes(child, node, self._any_pairs)[0])

    def peak(self, child: TreeNode, node: TreeNode) -> float:
        """Return how far the node moves on the input on which it moves most, as for `moved`."""
        key = ("peak", *self._edge_key(child, node))
        if self._is_linear(node):
            return self._once(key, lambda: _farthest(self._share(child, node)))
        return self._once(key, lambda: self._changes(child, node, self._any_pairs)[1])

    def within(self, child: TreeNode, node: TreeNode, resampling: Resampling, claim: Hashable) -> float:
        """Return how far it moves with the parent taken from the same class; ``claim`` names the classes."""
        key = ("within", claim, *self._edge_key(child, node))
        if self._is_linear(node):
            return self._once(key, lambda: _within(self._share(child, node), resampling))
        return self._once(key, lambda: self._changes(child, node, self._class_pairs(resampling))[0])

    def rest(self, node: TreeNode) -> float:
        """Return how far it moves with all else resampled; an unimportant parent belongs to all else."""
        kept = [child for child in node.children if not child.unimportant]
        parents = tuple(sorted((repr(_key(c.part)), c.direct, c.unimportant) for c in node.children))
        key = ("rest", _key(node.part), parents, tuple(map(_key, node.holds)))
        if self._is_linear(node):
            return self._once(key, lambda: _twice_variance(self._remainder(node, kept)))
        return self._once(key, lambda: self._rest_change(node))

    def _once(self, key: Hashable, measure: Callable[[], float]) -> float:
        if key not in self._known:
            self._known[key] = measure()
        return self._known[key]

    def _edge_key(self, child: TreeNode, node: TreeNode) -> tuple[Hashable, ...]:
        beside = tuple(sorted(repr(_key(c.part)) for c in self._downstream(child, node)))
        return (_key(child.part), child.direct, _key(node.part), beside, tuple(map(_key, node.holds)))

    def _downstream(self, child: TreeNode, node: TreeNode) -> list[TreeNode]:
        """Return the other parents that an edit of one would change."""
        return [c for c in node.children if c is not child and self.subject.upstream(child.part, c.part)]

    def _is_linear(self, node: TreeNode) -> bool:
        """Say whether the node reads logits that are a sum over its parents and a rest."""
        if self.readout is None or node.part.hook != LOGITS or node.holds:
            return False
        whole = [(child.part, child.direct) for child in node.children]
        named = any(not child.unimportant for child in node.children)
        if not named or any(direct for _, direct in whole):
            return False
        return self.readout.covers(whole, self.readout.subject.output)

    def _value(self, node: TreeNode) -> Tensor:
        rows = torch.arange(self.subject.n_inputs)
        return _centred(self.subject.clean(node.part, rows), node)

    def _share(self, child: TreeNode, node: TreeNode) -> Float[Tensor, "input class"]:
        """Return what a part adds to the logits that the node reads."""
        assert self.readout is not None
        return _centred(self.readout.select(self.readout.contribution(child.part), node.part), node)

    def _remainder(self, node: TreeNode, kept: Sequence[TreeNode]) -> Float[Tensor, "input class"]:
        shares = [self._share(child, node) for child in kept]
        return self._value(node) - torch.stack(shares).sum(0)

    @cached_property
    def _any_pairs(self) -> Pairs:
        n = self.subject.n_inputs
        if n <= EXACT_INPUTS:
            rows = torch.arange(n)
            x, other = rows.repeat_interleave(n), rows.repeat(n)
        else:
            generator = torch.Generator().manual_seed(SEED)
            x, other = torch.randint(n, (2, PAIRS), generator=generator)
        return Pairs(x, other, torch.full((len(x),), 1 / len(x), dtype=torch.float64))

    def _class_pairs(self, resampling: Resampling) -> Pairs:
        n = self.subject.n_inputs
        if n > EXACT_INPUTS:
            generator = torch.Generator().manual_seed(SEED + 1)
            x = torch.randint(n, (PAIRS,), generator=generator)
            other = resampling.draw(x, torch.randint(2**62, (PAIRS,), generator=generator))
            return Pairs(x, other, torch.full((PAIRS,), 1 / PAIRS, dtype=torch.float64))
        members = [resampling.members(row) for row in range(n)]
        x = torch.repeat_interleave(torch.arange(n), torch.tensor([len(rows) for rows, _ in members]))
        other = torch.from_numpy(np.concatenate([rows for rows, _ in members]))
        mass = torch.from_numpy(np.concatenate([masses for _, masses in members]))
        return Pairs(x, other, mass / n)

    def _changes(self, child: TreeNode, node: TreeNode, pairs: Pairs) -> tuple[float, float]:
        """Return mean and largest squared change of a node, one parent taken from the other input."""
        beside = self._downstream(child, node)
        total, largest = 0.0, 0.0
        for chunk in torch.arange(len(pairs.x)).split(_CHUNK):
            x, other = pairs.x[chunk], pairs.other[chunk]
            value = self.subject.clean(child.part, other)
            if torch.equal(value, self.subject.clean(child.part, x)):
                continue
            edits = [Edit(child.part, value, child.direct)]
            edits += [Edit(c.part, self.subject.clean(c.part, x), c.direct) for c in beside]
            clean = _centred(self.subject.clean(node.part, x), node)
            change = (self._run(x, edits, node) - clean).square().sum(1)
            total += float(change @ pairs.weight[chunk])
            largest = max(largest, float(change.max()))
        return total, largest

    def _rest_change(self, node: TreeNode) -> float:
        pairs, total = self._any_pairs, 0.0
        for chunk in torch.arange(len(pairs.x)).split(_CHUNK):
            x, other = pairs.x[chunk], pairs.other[chunk]
            edits = [
                Edit(c.part, self.subject.clean(c.part, other if c.unimportant else x), c.direct)
                for c in node.children
            ]
            changed = self._run(other, edits, node)
            clean = _centred(self.subject.clean(node.part, x), node)
            total += float((changed - clean).square().sum(1) @ pairs.weight[chunk])
        return total

    def _run(self, x: Int[Tensor, " pair"], edits: Sequence[Edit], node: TreeNode) -> Tensor:
        return _centred(self.subject.run(x, edits, node.holds, node.part), node)


def _key(part: Hashable) -> Hashable:
    return getattr(part, "key", part)


def _centred(value: Tensor, node: TreeNode) -> Tensor:
    flat = value.reshape(len(value), -1).double()
    if getattr(node.part, "hook", None) == LOGITS:
        flat = flat - flat.mean(dim=1, keepdim=True)
    return flat


def _twice_variance(table: Float[Tensor, "input width"]) -> float:
    return float(2 * (table - table.mean(0)).square().sum(1).mean())


def _farthest(table: Float[Tensor, "input width"]) -> float:
    change = table.square().sum(1) - 2 * table @ table.mean(0) + table.square().sum(1).mean()
    return float(change.max())


def _within(table: Float[Tensor, "input width"], resampling: Resampling) -> float:
    """Return E |t(x') - t(x)|^2 over x' in the window of x, exactly: |t|^2 - 2 t . mean + mean of |t'|^2."""
    windows, index = torch.unique(
        torch.stack([resampling.start, resampling.count]), dim=1, return_inverse=True
    )
    norms = table.square().sum(1)
    means = torch.empty(windows.shape[1], table.shape[1], dtype=table.dtype)
    squares = torch.empty(windows.shape[1], dtype=table.dtype)
    for i, (start, count) in enumerate(windows.T.tolist()):
        rows = resampling.order[start : start + count]
        means[i], squares[i] = table[rows].mean(0), norms[rows].mean()
    change = norms - 2 * (table * means[index]).sum(1) + squares[index]
    return float(change.mean().clamp(min=0))
