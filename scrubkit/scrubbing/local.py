"""Local scrubs: one reader of a hypothesis at a time, on a sample of the inputs.

A whole scrub judges all claims at once, at the logits, where a wrong claim about something small is lost and
two wrongs may cancel. Here every claim is put to the node that reads, and the squared change at
that reader is measured:

- *carries*: the read site is set to its value on a stand-in that agrees on its feature;
- *freely*: the same with a stand-in drawn from all inputs, which says how much the site matters there;
- *without*: everything that the reader does not name comes from another input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from scrubkit.core.architecture import LOGITS
from scrubkit.core.site import Part
from scrubkit.scrubbing.evaluate import other_rows, own_rows, scrub_rows
from scrubkit.scrubbing.plan import Plan, Visit
from scrubkit.scrubbing.sampling import Draws, Exchange
from scrubkit.subjects.network import NetworkSubject
from scrubkit.subjects.subject import Edit, Subject

Changes = Float[Tensor, " item"]


class SampleSubject(NetworkSubject):
    """A network whose clean values are looked up for the rows asked for.

    A network keeps a table of every part it is asked for, which pays over many passes. A sample is asked
    once, and each of many hypotheses about a model has parts of its own.
    """

    def __init__(self, subject: NetworkSubject) -> None:
        """Share the tables of a network."""
        self.__dict__.update(subject.__dict__)

    def clean(self, part: Part, rows: Int[Tensor, " item"]) -> Tensor:
        """Return the value of a part on unedited runs."""
        rows = rows.to(self.device)
        return self.network.select(self.network.hook(part.hook, part.positions, rows), part, rows)


@dataclass(frozen=True)
class Sample(Draws):
    """Draws for chosen reference inputs instead of whole passes.

    Attributes:
        chosen: the reference inputs; they may repeat.
    """

    chosen: Int[Tensor, " item"] | None = None

    @classmethod
    def of(cls, n_inputs: int, size: int, generator: torch.Generator) -> Sample:
        """Sample reference inputs evenly: shuffled copies of the dataset, cut to size."""
        seed = int(torch.randint(2**31, (1,), generator=generator))
        copies = -(-size // n_inputs)
        rows = torch.cat([torch.randperm(n_inputs, generator=generator) for _ in range(copies)])
        return cls(seed, n_inputs, range(size), torch.device("cpu"), rows[:size])

    @cached_property
    def rows(self) -> Int[Tensor, " item"]:
        """The reference input of each item."""
        assert self.chosen is not None
        return self.chosen

    def numbers(self, stream: int) -> Int[Tensor, " item"]:
        """Return a random number in [0, 2^62) for each item; streams are independent."""
        generator = torch.Generator().manual_seed((self.seed * 4_000_037 + stream) % 2**63)
        return torch.randint(2**62, (len(self.items),), generator=generator)


def readers(plan: Plan) -> list[Visit]:
    """Return one visit of each node that reads others, the root first."""
    found: dict[str, Visit] = {}
    for visit in plan.root.walk():
        if visit.children:
            found.setdefault(visit.node, visit)
    return list(found.values())


def alike(visits: Sequence[Visit]) -> list[list[Visit]]:
    """Group readers that read the same nodes in the same way, so that one run serves all of them."""
    groups: dict[tuple[object, ...], list[Visit]] = {}
    for visit in visits:
        read = tuple((child.node, child.direct) for child in visit.children)
        key = (read, tuple(part.key for part in visit.holds), visit.other == "exact")
        groups.setdefault(key, []).append(visit)
    return list(groups.values())


class LocalScrubs:
    """The local scrubs of readers that read the same nodes, on one sample.

    Args:
        subject: the model.
        group: the readers, as `alike` gives them.
        sample: reference inputs, and seeds of all draws.
        everyone: the exchange of all inputs.
    """

    def __init__(self, subject: Subject, group: Sequence[Visit], sample: Sample, everyone: Exchange) -> None:
        self.subject = subject
        self.group = group
        self.sample = sample
        self.rows = sample.rows
        self.others = everyone.draw(self.rows, sample.numbers(1))
        self.evaluations = 0

    @property
    def children(self) -> tuple[Visit, ...]:
        """The visits of the nodes that all of the group read."""
        return self.group[0].children

    @cached_property
    def own(self) -> list[Tensor]:
        """Each reader's clean value."""
        return [self.subject.clean(visit.part, self.rows) for visit in self.group]

    @cached_property
    def total(self) -> list[Changes]:
        """Each reader's change from one input to another: the scale of everything else."""
        return self.changes([self.subject.clean(visit.part, self.others) for visit in self.group])

    def carries(self, child: Visit) -> list[Changes]:
        """Return each reader's change when one read site is set to a stand-in of the same feature."""
        if child.exchange is None:
            return self._nothing(slice(None))
        stand_ins = child.exchange.draw(self.rows, self.sample.numbers(2 * child.index + 2))
        return self._replace(child, child.part, stand_ins, slice(None))

    def freely(self, child: Visit, *, part: Part | None = None, at: slice = slice(None)) -> list[Changes]:
        """Return each reader's change when one site is set to its value on any input.

        Args:
            child: the read node.
            part: another site to set in its place, for comparison.
            at: which items of the sample.
        """
        return self._replace(child, part or child.part, self.others, at)

    def without(self) -> list[Changes]:
        """Return each reader's change when all that it does not name comes from another input."""
        if self.group[0].other == "exact":
            return self._nothing(slice(None))
        edits = []
        for child in self.children:
            rows = self.others if child.unimportant else self.rows
            edits.append(Edit(child.part, self.subject.clean(child.part, rows), child.direct))
        return self.changes(self._run(self.others, edits))

    def scrubbed(self, plan: Plan) -> list[Tensor]:
        """Return V(n, x) for each reader n, with everything below it scrubbed too."""
        visit = self.group[0]
        others = other_rows(plan, visit, self.rows, self.sample)
        edits = []
        for child in visit.children:
            if child.unimportant:
                value = self.subject.clean(child.part, others)
            else:
                below = replace(self.sample, chosen=own_rows(child, self.rows, self.sample))
                value = scrub_rows(self.subject, replace(plan, root=child, root_exchange=None), below)
            edits.append(Edit(child.part, value, child.direct))
        return self._run(others, edits)

    def _replace(self, child: Visit, part: Part, stand_ins: Int[Tensor, " item"], at: slice) -> list[Changes]:
        """Return the changes when one site is set and every other read site is held."""
        rows = self.rows[at]
        value = self.subject.clean(part, stand_ins[at])
        if torch.equal(value, self.subject.clean(part, rows)):
            return self._nothing(at)
        edits = [Edit(part, value, child.direct)]
        for other in self.children:
            if other is not child and self.subject.upstream(part, other.part):
                edits.append(Edit(other.part, self.subject.clean(other.part, rows), other.direct))
        return self.changes(self._run(rows, edits), at)

    def _run(self, base: Int[Tensor, " item"], edits: list[Edit]) -> list[Tensor]:
        self.evaluations += len(base)
        return self.subject.read(base, edits, self.group[0].holds, [v.part for v in self.group])

    def changes(self, values: Sequence[Tensor], at: slice = slice(None)) -> list[Changes]:
        """Return how far some values of the readers are from the clean ones."""
        return [
            squared_change(value, own[at], centre=getattr(visit.part, "hook", None) == LOGITS)
            for value, own, visit in zip(values, self.own, self.group, strict=True)
        ]

    def _nothing(self, at: slice) -> list[Changes]:
        return [torch.zeros(len(self.rows[at]), dtype=torch.float64) for _ in self.group]


def squared_change(value: Tensor, own: Tensor, *, centre: bool) -> Changes:
    """Return the squared distance of each item, over centred logits where they are logits."""
    change = (value.double() - own.double()).reshape(len(own), -1)
    if centre:
        change = change - change.mean(dim=1, keepdim=True)
    return change.square().sum(dim=1)


def with_exchanges(visit: Visit, change: Callable[[Visit], Exchange | None]) -> Visit:
    """Return a visit whose descendants draw their inputs in another way."""
    children = tuple(
        replace(with_exchanges(child, change), exchange=change(child)) for child in visit.children
    )
    return replace(visit, children=children)


def with_others(visit: Visit, other: str) -> Visit:
    """Return a visit in which all that is not named comes from another place."""
    children = tuple(with_others(child, other) for child in visit.children)
    return replace(visit, other=other, children=children)


def shuffled(exchange: Exchange, generator: torch.Generator) -> Exchange:
    """Return an exchange with sets of the same sizes whose members are chosen at random."""
    place = torch.randperm(len(exchange.start), generator=generator)
    back = torch.argsort(place)
    return Exchange(place[exchange.order], exchange.start[back], exchange.count[back])
