"""The checks of an audit: what a hypothesis claims of its whole, of every reader and of every edge.

A whole scrub judges all claims at once, at the logits, where a wrong claim about something small is lost and
two wrongs may cancel. Here every claim is put to the node that reads, and the squared change at that reader
is measured when

- a read site is set to its value on a donor that agrees on its feature (*carries*);
- the same with a donor drawn from all inputs, which says how much the site matters there (*freely*);
- everything that the reader does not name comes from another input (*without*).

One voter of three moves nothing while the other two agree. So where a site does not matter with the rest as
it is, it is asked again in a *context*: what else the reader reads comes from inputs of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Int
from torch import Tensor

from scrubkit import Bound, BoundNode, Part
from scrubkit.methods.checks import Changes, Check, holm, negligible, p_above, share_of
from scrubkit.methods.peers import random_peer

PEERS = 4
"""Random parts that an edge is compared with, each on its share of the sample."""
BEATEN = 2
"""How many of them the edge has to beat."""
BY_HALF = 0.5
"""Share of a random part's effect that has to be beaten: one that is not claimed may matter as much and be
cancelled by another."""
Rows = Int[Tensor, " item"]


@dataclass(frozen=True)
class Limits:
    """Where a claim turns false, as shares of variance.

    Attributes:
        spread: what may vary within a class, or come from what is claimed irrelevant.
        effect: what a reader must feel of each edge.
        whole: what the errors of all claims may add up to at the logits; at an inner reader it is twice
            the spread for each level of reading below it.
        behaviour: the same for the output distribution: KL over its level with outputs permuted.
    """

    spread: float = 0.1
    effect: float = 0.005
    whole: float = 0.2
    behaviour: float = 0.1


@dataclass(frozen=True)
class _Readers:
    """Nodes that read the same in the same way, so that one run serves all of them, on one sample.

    Attributes:
        bound: the hypothesis.
        nodes: the readers.
        rows: the inputs.
        others: an independent input for each of them.
        generator: source of all draws, on the CPU.
    """

    bound: Bound
    nodes: Sequence[BoundNode]
    rows: Rows
    others: Rows
    generator: torch.Generator

    @property
    def read(self) -> list[BoundNode]:
        """The nodes that all of them read."""
        return [self.bound.nodes[name] for name in self.nodes[0].parents]

    @cached_property
    def total(self) -> list[Changes]:
        """Each reader's change from one input to another: the scale of everything else."""
        return self.changes([node.read(self.others) for node in self.nodes], self.rows)

    @cached_property
    def context(self) -> Mapping[str, Rows]:
        """An independent input for each node that they read and that is claimed to matter."""
        return {n.name: self.bound.others(self.rows, self.generator) for n in self.read if not n.unimportant}

    def changes(
        self, values: Sequence[Tensor], rows: Rows, before: Sequence[Tensor | None] | None = None
    ) -> list[Changes]:
        """Return how far some values of the readers are from others, by default the clean ones."""
        return [
            self.bound.change(node.part, value, rows, old).cpu()
            for node, value, old in zip(self.nodes, values, before or [None] * len(values), strict=True)
        ]

    def patched(
        self,
        name: str,
        donors: Rows,
        *,
        part: Part | None = None,
        at: slice = slice(None),
        in_context: bool = False,
    ) -> list[Changes]:
        """Return each reader's change when one site that it reads is set to its value on donors.

        Args:
            name: the node that is read.
            donors: an input for each item.
            part: another site to set in its place, for comparison.
            at: which items of the sample.
            in_context: whether all else that they read comes from inputs of its own, before and after.
        """
        rows, instead = self.rows[at], None if part is None else {name: part}
        beside = {n: chosen[at] for n, chosen in self.context.items() if n != name} if in_context else {}
        before = self.bound.given(self.nodes, rows, beside) if beside else None
        after = self.bound.given(self.nodes, rows, {**beside, name: donors[at]}, instead)
        return self.changes(after, rows, before)

    def without(self) -> list[Changes]:
        """Return each reader's change when all that it does not name comes from another input."""
        if self.nodes[0].claim.other == "exact":
            return [torch.zeros(len(self.rows), dtype=torch.float64) for _ in self.nodes]
        kept: Mapping[str, Rows] = {node.name: self.rows for node in self.read if not node.unimportant}
        return self.changes(self.bound.given(self.nodes, self.others, kept), self.rows)


class Audit:
    """One look at a hypothesis, on one sample.

    Args:
        bound: the hypothesis on its model.
        rows: the inputs.
        limits: where claims turn false.
        generator: source of all draws, on the CPU.
    """

    def __init__(self, bound: Bound, rows: Rows, limits: Limits, generator: torch.Generator) -> None:
        self.bound = bound
        self.rows = rows
        self.others = bound.others(rows, generator)
        self.limits = limits
        self.generator = generator

    def checks(self) -> list[Check]:
        """Run every check."""
        found: list[Check] = []
        for nodes in self.bound.readers:
            group = _Readers(self.bound, nodes, self.rows, self.others, self.generator)
            found += self._of_readers(group)
            for read in group.read:
                if not read.unimportant:
                    found += self._of_edges(group, read)
        return holm(found)

    def _of_readers(self, group: _Readers) -> Iterator[Check]:
        """Check the readers of one group: their scrubbed value, and what they do not name."""
        values = self.bound.scrubbed(self.rows, self.generator, group.nodes)
        scrubbed, without = group.changes(values, self.rows), group.without()
        for i, node in enumerate(group.nodes):
            root = node is self.bound.root
            figures = self.bound.figures(values[i], self.rows) if root else {}
            if "kl" in figures:
                kl = figures["kl"].cpu()
                share = share_of(kl, torch.full_like(kl, self.bound.permuted["kl"]))
                yield Check("unfaithfulness of the output distribution", share, self.limits.behaviour)
            limit = self.limits.whole if root else 2 * self.limits.spread * height(self.bound, node)
            scale = group.total[i]
            yield Check(f"{node.name}: error of the whole scrub", share_of(scrubbed[i], scale), limit)
            claim = f"{node.name}: effect of what it does not name"
            yield Check(claim, share_of(without[i], scale), self.limits.spread)

    def _of_edges(self, group: _Readers, read: BoundNode) -> Iterator[Check]:
        """Check one read node with every reader of the group."""
        freely = group.patched(read.name, self.others)
        if read.free:
            for node, effect, total in zip(group.nodes, freely, group.total, strict=True):
                claim = f"{read.name} -> {node.name}: effect of a node that may hold anything"
                yield Check(claim, share_of(effect, total), self.limits.spread)
            return
        carries = group.patched(read.name, read.donors(self.rows, self.generator))
        ways = [(freely, self._against_peers(group, read, freely))]
        if len(group.context) > 1 and any(map(self._hardly, freely, group.total)):
            again = group.patched(read.name, self.others, in_context=True)
            ways.append((again, self._against_peers(group, read, again, in_context=True)))
        for i, node in enumerate(group.nodes):
            edge, total = f"{read.name} -> {node.name}", group.total[i]
            if not negligible(freely[i], total):
                claim = f"{edge}: variation within a class"
                yield Check(claim, share_of(carries[i], freely[i]), self.limits.spread)
            felt, peers = max(ways, key=lambda way: float(way[0][i].mean()))
            p = max(p_above(felt[i], self.limits.effect * total), peers[i])
            claim = f"{edge}: effect, and more than a random part's"
            share = share_of(felt[i], total)
            yield Check(claim, share, self.limits.effect, at_most=False, p=min(1.0, p * len(ways)))

    def _hardly(self, effect: Changes, total: Changes) -> bool:
        """Say whether a reader does not feel an edge with the rest as it is."""
        return share_of(effect, total).low < self.limits.effect

    def _against_peers(
        self, group: _Readers, read: BoundNode, freely: list[Changes], *, in_context: bool = False
    ) -> list[float]:
        """Return for each reader the p value of "it feels the edge less than most random parts".

        Rejecting says that at least `BEATEN` parts are beaten. It is the partial conjunction p value of
        the parts: Benjamini and Heller 2008, "Screening for partial conjunction hypotheses".
        """
        claimed = [node.part for node in group.read]
        by_peer: list[list[float]] = []
        for turn in range(PEERS):
            at = slice(turn, None, PEERS)
            peer = random_peer(self.bound, read.part, claimed, self.generator)
            if peer is not None and all(self.bound.reaches(peer, node.part) for node in group.nodes):
                felt = group.patched(read.name, self.others, part=peer, at=at, in_context=in_context)
                by_peer.append(
                    [p_above(own[at], BY_HALF * other) for own, other in zip(freely, felt, strict=True)]
                )
        if not by_peer:
            return [0.0] * len(group.nodes)
        n, beaten = len(by_peer), min(BEATEN, len(by_peer))
        ranked = (sorted(values) for values in zip(*by_peer, strict=True))
        return [min(1.0, (n - beaten + 1) * values[beaten - 1]) for values in ranked]


def height(bound: Bound, node: BoundNode) -> int:
    """Return the number of levels of reading at and below a node; one that reads nothing has none.

    Args:
        bound: the hypothesis.
        node: one of its nodes.
    """
    return 1 + max(height(bound, bound.nodes[name]) for name in node.parents) if node.parents else 0
