"""Joint draws where the logits are a sum of what the read parts add to them: exact without any sampling.

Past the last nonlinear component the logits on row x are rest(x_o) + sum over m of share_m(x_m), with x_o
any row and x_m any stand-in of x, all independent. So the mean squared change is the square of the mean
change plus the variances, and the least that is left of an answer's lead over a class is the sum of the
least of each part:

    E |change|^2 = |sum of mean changes|^2 + sum of variances
    min lead(y, c) = sum over m of min over x_m of (share_m(x_m)[y] - share_m(x_m)[c]) + the same of the rest

Both are those of all joint draws, however many there are. A part that is scrubbed itself comes from a
table of draws of it, `REPEATS` for every row. The share of draws that change an answer is counted on
sampled ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from scrubkit.bench.case import Witness
from scrubkit.bench.label.draws import Joint, sample, value, witness_of
from scrubkit.bench.label.outputs import Outputs
from scrubkit.core.architecture import LOGITS
from scrubkit.scrubbing.plan import Plan, TreeNode
from scrubkit.scrubbing.sampling import Resampling
from scrubkit.subjects.linear import LinearReadout
from scrubkit.subjects.network import NetworkSubject
from scrubkit.subjects.subject import Subject

REPEATS = 16
"""Draws of a scrubbed part for each row that it may be given."""
SEED = 59
_NUMBERS = 2**24
"""Numbers of a table that are looked at at a time."""


@dataclass(frozen=True)
class Share:
    """What one part adds to the logits.

    Attributes:
        node: the tree node that is read; None for the rest.
        table: on every row of the dataset, several times over where the part is scrubbed itself.
        draws: the draws behind each entry of the table.
        windows: for each row, number of the set of rows that may stand in for it.
        members: entries of the table, set after set.
        start: first member of each set.
        count: number of members of each set.
    """

    node: TreeNode | None
    table: Float[Tensor, "entry number"]
    draws: Joint
    windows: Int[Tensor, " input"]
    members: Int[Tensor, " member"]
    start: Int[Tensor, " window"]
    count: Int[Tensor, " window"]


class Additive:
    """The joint draws of one tree whose root reads a sum."""

    def __init__(self, outputs: Outputs, root: TreeNode, shares: list[Share], plan: Plan) -> None:
        self.outputs, self.root, self.shares, self.plan = outputs, root, shares, plan
        self.n_inputs = len(outputs.clean)

    @classmethod
    def of(
        cls, subject: Subject, outputs: Outputs, plan: Plan, root: TreeNode, *, repeats: int = REPEATS
    ) -> Additive | None:
        """Return the sum that a root reads; None where it reads none.

        Args:
            subject: what is scrubbed.
            outputs: its clean outputs.
            plan: the hypothesis.
            root: its tree.
            repeats: draws of a part that is scrubbed itself, for each row that it may be given.
        """
        if not isinstance(subject, NetworkSubject) or subject.weights is not None:
            return None
        read = [child for child in root.children if not child.unimportant]
        loose = [child for child in root.children if child.unimportant]
        # What is pinned to the other row is there already, unless something that is set changes it.
        if any(subject.upstream(c.part, p.part) for c in read for p in loose):
            return None
        readout = LinearReadout.of(subject)
        fit = not root.holds and root.part.hook == LOGITS and not any(c.direct for c in root.children)
        if not fit or not readout.covers([(c.part, False) for c in read], subject.output):
            return None
        if any(node.other_stream < 0 for node in root.walk()):
            return None
        shares = [_share(subject, plan, readout, child, repeats) for child in read]
        rest = _centred(subject, subject.network.table(subject.output).flatten(1))
        for child in read:
            rest = rest - _centred(subject, readout.contribution(child.part))
        rows = torch.arange(subject.n_inputs)
        shares.append(
            _grouped(None, rest, Joint({}, {}), None if root.other == "exact" else plan.anyone, rows)
        )
        return cls(outputs, root, shares, plan)

    def figures(self, draws: int) -> tuple[float, float, float, bool, Witness]:
        """Return mean, worst and failure, whether they are exact, and the worst draw.

        Args:
            draws: how many are sampled to count those that change an answer.
        """
        worst, witness = self._worst()
        exact = all(len(share.table) == self.n_inputs for share in self.shares)
        failure = self._failure(draws) if worst >= 1 else 0.0
        return self._mean(), worst, failure, exact, witness

    def _mean(self) -> float:
        drift = -self.outputs.clean.flatten(1)
        spread = torch.zeros(self.n_inputs, dtype=torch.float64)
        for share in self.shares:
            mean, square = _moments(share)
            variance = (square - mean.square().sum(1)).clamp(min=0)
            drift = drift + mean[share.windows]
            spread = spread + variance[share.windows]
        change = self.outputs.share(drift.square().sum(1) + spread)
        return float(change @ self.outputs.mass)

    def _worst(self) -> tuple[float, Witness]:
        """Return the most that an answer can lose, and the draw in which it does."""
        shape = self.outputs.clean.shape[1:]
        leads = torch.zeros(self.n_inputs, *shape, dtype=torch.float64)
        for share in self.shares:
            leads += _least(share, self.outputs.right)
        before = self.outputs.leads
        lost = ((before - leads) / before.clamp(min=self.outputs.floor)).flatten(1)
        lost = torch.where(lost.abs() < 1e-9, 0.0, lost)
        row, place = divmod(int(lost.argmax()), lost.shape[1])
        answer, number = divmod(place, shape[1])
        return float(lost.max()), self._witness(row, answer, number)

    def _witness(self, row: int, answer: int, number: int) -> Witness:
        right = int(self.outputs.right[row, answer])
        own, other = {self.root.index: torch.tensor([row])}, {self.root.index: torch.tensor([row])}
        for share in self.shares:
            window = share.windows[row]
            members = share.members[share.start[window] : share.start[window] + share.count[window]]
            table = share.table[members].reshape(len(members), *self.outputs.clean.shape[1:])[:, answer]
            entry = members[int((table[:, right] - table[:, number]).argmin())]
            if share.node is None:
                other[self.root.index] = entry[None]
            else:
                chosen = share.draws.at(entry[None])
                own |= chosen.own
                other |= chosen.other
        return witness_of(self.root, Joint(own, other), 0)

    def _failure(self, draws: int) -> float:
        generator = torch.Generator().manual_seed(SEED)
        times = -(-draws // self.n_inputs)
        failed, rows = 0.0, torch.arange(self.n_inputs)
        per_pass = max(1, _NUMBERS // self.outputs.clean.numel())
        for part in torch.arange(times).split(per_pass):
            every = rows.repeat(len(part))
            total = torch.zeros(len(every), self.outputs.clean[0].numel(), dtype=torch.float64)
            for share in self.shares:
                window = share.windows[every]
                pick = torch.randint(2**62, every.shape, generator=generator) % share.count[window]
                total += share.table[share.members[share.start[window] + pick]]
            lost = self.outputs.lost(total.reshape(len(every), *self.outputs.clean.shape[1:]), every)
            failed += float((lost >= 1).double().sum())
        return failed / (times * self.n_inputs)


def _centred(subject: NetworkSubject, shares: Tensor) -> Float[Tensor, "input number"]:
    value = shares.double().unflatten(1, (len(subject.architecture.answer), -1))
    return (value - value.mean(dim=-1, keepdim=True)).flatten(1)


def _share(
    subject: NetworkSubject, plan: Plan, readout: LinearReadout, child: TreeNode, repeats: int
) -> Share:
    """Return what a part adds on every row, drawn several times where it is scrubbed itself."""
    rows = torch.arange(subject.n_inputs)
    if not child.children:
        table = _centred(subject, readout.contribution(child.part))
        return _grouped(child, table, Joint({child.index: rows}, {child.index: rows}), child.resampling, rows)
    generator = torch.Generator().manual_seed(SEED + 1)
    given = rows.repeat(repeats)
    pieces, draws = [], []
    for part in given.split(8192):
        joint = sample(plan, child, part, generator)
        pieces.append(_centred(subject, readout.share(child.part, value(subject, child, joint))))
        draws.append(joint)
    joint = Joint(
        {i: torch.cat([d.own[i] for d in draws]) for i in draws[0].own},
        {i: torch.cat([d.other[i] for d in draws]) for i in draws[0].other},
    )
    return _grouped(child, torch.cat(pieces), joint, child.resampling, given)


def _grouped(
    node: TreeNode | None, table: Tensor, draws: Joint, resampling: Resampling | None, given: Tensor
) -> Share:
    """List the entries that may stand in for each row, set by set."""
    n = int(given.max()) + 1
    times = len(given) // n
    if resampling is None:
        order, start, count = torch.arange(n), torch.arange(n), torch.ones(n, dtype=torch.long)
    else:
        order, start, count = resampling.order, resampling.start, resampling.count
    sets, windows = torch.unique(torch.stack([start, count]), dim=1, return_inverse=True)
    # Entry r + n * t is the t-th draw for row r.
    members = torch.cat([order[s : s + c] for s, c in sets.T.tolist()])
    members = (members[:, None] + n * torch.arange(times)).flatten()
    counts = sets[1] * times
    starts = torch.cat([torch.zeros(1, dtype=torch.long), counts.cumsum(0)[:-1]])
    return Share(node, table, draws, windows, members, starts, counts)


def _moments(share: Share) -> tuple[Float[Tensor, "window number"], Float[Tensor, " window"]]:
    """Return mean and mean square of the members of each set."""
    number = torch.repeat_interleave(torch.arange(len(share.count)), share.count)
    values = torch.zeros(len(share.count), share.table.shape[1], dtype=torch.float64)
    squares = torch.zeros(len(share.count), dtype=torch.float64)
    norms = share.table.square().sum(1)
    for part in torch.arange(len(number)).split(max(1, _NUMBERS // share.table.shape[1])):
        entries = share.members[part]
        values.index_add_(0, number[part], share.table[entries])
        squares.index_add_(0, number[part], norms[entries])
    return values / share.count[:, None], squares / share.count


def _least(share: Share, right: Int[Tensor, "input answer"]) -> Float[Tensor, "input answer number"]:
    """Return the least that a part leaves of each answer's lead over every class."""
    answers = right.shape[1]
    table = share.table.reshape(len(share.table), answers, -1)
    keys, inverse = torch.unique(
        torch.cat([share.windows[:, None], right], dim=1), dim=0, return_inverse=True
    )
    found = torch.empty(len(keys), answers, table.shape[2], dtype=torch.float64)
    counts = share.count[keys[:, 0]]
    for size in counts.unique().tolist():
        which = torch.nonzero(counts == size).flatten()
        for part in which.split(max(1, _NUMBERS // (size * table[0].numel()))):
            window = keys[part, 0]
            entries = share.members[share.start[window][:, None] + torch.arange(size)]
            values = table[entries]
            at = keys[part, 1:][:, None, :, None].expand(-1, size, -1, 1)
            found[part] = (values.gather(-1, at) - values).amin(dim=1)
    return found[inverse]
