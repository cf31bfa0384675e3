"""What joint draws of a hypothesis make of the output: all of them where they are few, else very many.

All nodes are replaced together by stand-ins and all else is drawn anew, as in a scrub. Three figures say what
became of the outputs: the mean change, the worst that an answer lost, and the share of draws that changed an
answer. The worst draw is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Int
from torch import Tensor

from scrubkit.bench.case import Witness
from scrubkit.bench.label.additive import REPEATS, Additive
from scrubkit.bench.label.draws import Joint, sample, value, witness_of
from scrubkit.bench.label.exhaustive import Exhaustive, TooManyError
from scrubkit.bench.label.liveness import Liveness
from scrubkit.bench.label.outputs import Outputs
from scrubkit.scrubbing.plan import Plan, TreeNode
from scrubkit.subjects.subject import Subject

DRAWS = 2**15
"""Joint draws that are made at least; a method's budget sees some hundreds to a few thousand."""
QUICK = 2**10
"""As many where only a hint is wanted, of what is wrong with a claim that is false."""
FOCUS = (16, 256)
"""On so many inputs, those that lost most, so many draws are made again."""
RUNS = 50_000
"""Runs that an enumeration may take."""
SEED = 20221203
_CHUNK = 8192


@dataclass(frozen=True)
class Scrubbed:
    """What draws make of the output.

    Attributes:
        mean: mean change, a share of variance.
        worst: the most that an answer lost of its lead; 1 and more changes it.
        failure: share of draws that change an answer.
        exhaustive: the figures are those of all joint draws.
        witness: the worst draw; None where nothing can be drawn.
    """

    mean: float
    worst: float
    failure: float
    exhaustive: bool
    witness: Witness | None = None


class Scrubber:
    """Measures hypotheses about one subject."""

    def __init__(self, subject: Subject) -> None:
        """Take the subject."""
        self.subject = subject
        self.outputs = Outputs(subject)
        self.liveness = Liveness(subject)

    def scrub(self, plan: Plan, root: TreeNode | None = None, *, quick: bool = False) -> Scrubbed:
        """Measure what the joint draws of a tree make of the output.

        Args:
            plan: the hypothesis.
            root: its tree, or another that draws in another way.
            quick: with fewer draws, where too many are possible to make all.
        """
        root = plan.root if root is None else root
        if self.liveness.identity(root):
            return Scrubbed(0.0, 0.0, 0.0, exhaustive=True)
        root = self.liveness.simplified(root)
        additive = Additive.of(self.subject, self.outputs, plan, root, repeats=2 if quick else REPEATS)
        if additive is not None:
            return Scrubbed(*additive.figures(QUICK if quick else DRAWS))
        if not quick:
            try:
                return Scrubbed(*Exhaustive(self.subject, self.outputs, plan, root, RUNS).figures())
            except TooManyError:
                pass
        return self.sampled(plan, root, QUICK if quick else DRAWS)

    def sampled(self, plan: Plan, root: TreeNode, draws: int) -> Scrubbed:
        """Measure the same on sampled draws.

        Args:
            plan: the hypothesis.
            root: its tree.
            draws: how many; fewer than inputs see some of these only.
        """
        generator = torch.Generator().manual_seed(SEED)
        n = self.subject.n_inputs
        if draws < n:
            every = torch.randperm(n, generator=generator)[:draws]
        else:
            every = torch.arange(n).repeat(-(-draws // n))
        total = failed = 0.0
        worst_of = torch.full((n,), -torch.inf, dtype=torch.float64)
        best: tuple[float, Joint, TreeNode] | None = None
        for rows, joint, change, lost in self._run(plan, root, every, generator):
            mass = self.outputs.mass[rows]
            total += float(change @ mass)
            failed += float((lost >= 1).double() @ mass)
            worst_of = worst_of.scatter_reduce(0, rows, lost, "amax")
            best = _worse(best, root, joint, lost)
        share = float(self.outputs.mass[every].sum())
        hard = worst_of.topk(min(FOCUS[0], n)).indices if draws > QUICK else every[:0]
        for _, joint, _, lost in self._run(plan, root, hard.repeat(FOCUS[1]), generator):
            best = _worse(best, root, joint, lost)
        assert best is not None
        witness = witness_of(root, best[1], 0)
        return Scrubbed(total / share, best[0], failed / share, exhaustive=False, witness=witness)

    def _run(
        self, plan: Plan, root: TreeNode, every: Tensor, generator: torch.Generator
    ) -> Iterator[tuple[Int[Tensor, " item"], Joint, Tensor, Tensor]]:
        """Yield rows, draws, changes and losses, piece by piece."""
        for rows in every.split(_CHUNK) if len(every) else ():
            joint = sample(plan, root, rows, generator)
            found = self.outputs.centred(value(self.subject, root, joint))
            yield rows, joint, self.outputs.change(found, rows), self.outputs.lost(found, rows)

    def local(self, plan: Plan, draws: int = QUICK) -> dict[str, float]:
        """Return for each node that reads others what its own scrub moves at the output.

        The whole is scrubbed, and beside it the same draws with that one node at its clean value: what
        differs is what the sub-hypothesis at the node moves, through its readers, in the contexts of the
        rest.
        """
        root = self.liveness.simplified(plan.root)
        inner = [node for node in root.walk() if node.children and node is not root]
        if not inner:
            return {}
        generator = torch.Generator().manual_seed(SEED + 1)
        n = self.subject.n_inputs
        rows = torch.randint(n, (draws,), generator=generator)
        found: dict[str, float] = {}
        joint = sample(plan, root, rows, generator)
        whole = self.outputs.centred(value(self.subject, root, joint))
        for node in inner:
            without = self.outputs.centred(value(self.subject, root, joint, clean={node.index}))
            share = self.outputs.share((whole - without).square().sum((1, 2)))
            mean = float(share @ self.outputs.mass[rows] / self.outputs.mass[rows].sum())
            found[node.node] = max(found.get(node.node, 0.0), mean)
        return found


def _worse(
    best: tuple[float, Joint, TreeNode] | None, root: TreeNode, joint: Joint, lost: Tensor
) -> tuple[float, Joint, TreeNode]:
    item = int(lost.argmax())
    if best is not None and best[0] >= float(lost[item]):
        return best
    return float(lost[item]), joint.at(torch.tensor([item])), root


def pinned(root: TreeNode) -> TreeNode:
    """Return a tree in which every node is given its reader's own row: only the rest is drawn."""
    children = tuple(replace(pinned(child), resampling=None) for child in root.children)
    return replace(root, children=children)


def kept(root: TreeNode) -> TreeNode:
    """Return a tree in which all that is not named, or is called unimportant, keeps the reader's row."""
    children = tuple(kept(child) for child in root.children if not child.unimportant)
    return replace(root, children=children, other="exact")


def only(root: TreeNode, index: int) -> TreeNode:
    """Return a tree that draws for one of its nodes alone.

    Args:
        root: the tree.
        index: number of the node.
    """
    children = tuple(
        replace(only(c, index), resampling=c.resampling if c.index == index else None)
        for c in root.children
        if not c.unimportant
    )
    return replace(root, children=children, other="exact")
