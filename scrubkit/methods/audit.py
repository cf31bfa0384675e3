"""The checks of an audit: what a hypothesis claims of its whole, of every reader and of every edge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from scrubkit.methods.checks import Check, holm, negligible, p_above, share_of
from scrubkit.methods.peers import random_peer
from scrubkit.scrubbing.figures import Levels
from scrubkit.scrubbing.local import Changes, LocalScrubs, Sample, SampleSubject, alike, readers
from scrubkit.scrubbing.plan import Plan, Visit

PEERS = 4
"""Random parts that an edge is compared with, each on its share of the sample."""
BEATEN = 2
"""How many of them the edge has to beat."""
BY_HALF = 0.5
"""Share of a random part's effect that has to be beaten: one that is not claimed may matter as much and be
cancelled by another."""


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


class Audit:
    """One look at a hypothesis, on one sample.

    Args:
        subject: the model.
        plan: the hypothesis, bound to it.
        levels: the model's own outputs on all inputs.
        sample: reference inputs and seeds of the draws.
        limits: where claims turn false.
        generator: chooses random parts for comparison.
    """

    def __init__(
        self,
        subject: SampleSubject,
        plan: Plan,
        levels: Levels,
        sample: Sample,
        limits: Limits,
        generator: torch.Generator,
    ) -> None:
        self.subject = subject
        self.plan = plan
        self.levels = levels
        self.sample = sample
        self.limits = limits
        self.generator = generator
        self.evaluations = 0

    @torch.no_grad()
    def checks(self) -> list[Check]:
        """Run every check."""
        found: list[Check] = []
        for group in alike(readers(self.plan)):
            local = LocalScrubs(self.subject, group, self.sample, self.plan.anyone)
            found += self._of_readers(local)
            for child in local.children:
                if not child.unimportant:
                    found += self._of_edges(local, child)
            self.evaluations += local.evaluations
        return holm(found)

    def _of_readers(self, local: LocalScrubs) -> Iterator[Check]:
        """Check the readers of one group: their scrubbed value, and what they do not name."""
        values = local.scrubbed(self.plan)
        scrubbed, without = local.changes(values), local.without()
        for i, visit in enumerate(local.group):
            root = visit.node == self.plan.root.node
            if root:
                figures = self.levels.figures(values[i], self.sample.rows)
                kl, level = figures["kl"], self.levels.permuted_kl
                share = share_of(kl, torch.full_like(kl, level))
                yield Check("unfaithfulness of the output distribution", share, self.limits.behaviour)
            scale = local.total[i]
            limit = self.limits.whole if root else 2 * self.limits.spread * height(visit)
            yield Check(f"{visit.node}: error of the whole scrub", share_of(scrubbed[i], scale), limit)
            yield Check(
                f"{visit.node}: effect of what it does not name",
                share_of(without[i], scale),
                self.limits.spread,
            )

    def _of_edges(self, local: LocalScrubs, child: Visit) -> Iterator[Check]:
        """Check one read node with every reader of the group."""
        freely = local.freely(child)
        if child.exchange is not None and int(child.exchange.count.min()) == self.subject.n_inputs:
            for visit, effect, total in zip(local.group, freely, local.total, strict=True):
                claim = f"{child.node} -> {visit.node}: effect of a node that may hold anything"
                yield Check(claim, share_of(effect, total), self.limits.spread)
            return
        carries, peers = local.carries(child), self._against_peers(local, child, freely)
        for i, visit in enumerate(local.group):
            edge, total = f"{child.node} -> {visit.node}", local.total[i]
            if not negligible(freely[i], total):
                claim = f"{edge}: variation within a class"
                yield Check(claim, share_of(carries[i], freely[i]), self.limits.spread)
            p = max(p_above(freely[i], self.limits.effect * total), peers[i])
            claim = f"{edge}: effect, and more than a random part's"
            yield Check(claim, share_of(freely[i], total), self.limits.effect, at_most=False, p=p)

    def _against_peers(self, local: LocalScrubs, child: Visit, freely: list[Changes]) -> list[float]:
        """Return for each reader the p value of "it feels the edge less than most random parts".

        Rejecting says that at least `BEATEN` parts are beaten. It is the partial conjunction p value of
        the parts: Benjamini and Heller 2008, "Screening for partial conjunction hypotheses".
        """
        claimed = [other.part for other in local.children]
        by_peer: list[list[float]] = []
        for turn in range(PEERS):
            at = slice(turn, None, PEERS)
            peer = random_peer(child.part, claimed, self.subject.architecture, self.generator)
            if peer is not None and all(self.subject.upstream(peer, visit.part) for visit in local.group):
                felt = local.freely(child, part=peer, at=at)
                by_peer.append(
                    [p_above(own[at], BY_HALF * other) for own, other in zip(freely, felt, strict=True)]
                )
        if not by_peer:
            return [0.0] * len(local.group)
        n, beaten = len(by_peer), min(BEATEN, len(by_peer))
        ranked = (sorted(values) for values in zip(*by_peer, strict=True))
        return [min(1.0, (n - beaten + 1) * values[beaten - 1]) for values in ranked]


def height(visit: Visit) -> int:
    """Return the number of levels of reading at and below a visit; a leaf has none."""
    return 1 + max(map(height, visit.children)) if visit.children else 0
