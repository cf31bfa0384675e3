"""Joint draws of a scrub, kept row by row, so that each can be made again.

A joint draw names two rows of the dataset for every node of the treeified hypothesis: the one that the node
is given, and the one on which all that it does not name is run. Nothing else decides a scrubbed value, and
`value` computes it from these alone. It shares with the engine of `scrubkit.scrubbing` how a hypothesis is
unrolled (`plan`) and who may stand in for whom (`Resampling`), and neither its draws nor its passes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from scrubkit.bench.case import Witness
from scrubkit.scrubbing.plan import Plan, TreeNode
from scrubkit.subjects.subject import Edit, Subject

Rows = Int[Tensor, " item"]
_MOST = 2**62


@dataclass(frozen=True)
class Joint:
    """Some joint draws.

    Attributes:
        own: by tree node, the row that it is given, item by item.
        other: by tree node, the row on which all that it does not name is run.
    """

    own: dict[int, Rows]
    other: dict[int, Rows]

    def at(self, items: Rows | slice) -> Joint:
        """Return some of the draws."""
        return Joint(
            {i: rows[items] for i, rows in self.own.items()},
            {i: rows[items] for i, rows in self.other.items()},
        )


def sample(plan: Plan, root: TreeNode, rows: Rows, generator: torch.Generator) -> Joint:
    """Draw jointly for some reference rows.

    Args:
        plan: says who may be the other input.
        root: the node whose scrubbed value is wanted.
        rows: the row that it is given, for each item.
        generator: source of all draws.

    Returns:
        The rows that every tree node is given and that its rest is run on.
    """
    joint = Joint({root.index: rows}, {})
    shared: dict[int, Rows] = {}
    for node in root.walk():
        own = joint.own[node.index]
        if node.other == "exact":
            joint.other[node.index] = own
        elif node.other_stream < 0:
            if node.other_stream not in shared:
                shared[node.other_stream] = plan.anyone.draw(own, _numbers(own, generator))
            joint.other[node.index] = shared[node.other_stream]
        else:
            reads = node.children and node.reads_other
            joint.other[node.index] = plan.anyone.draw(own, _numbers(own, generator)) if reads else own
        for child in node.children:
            joint.own[child.index] = (
                own if child.resampling is None else child.resampling.draw(own, _numbers(own, generator))
            )
    return joint


def _numbers(rows: Rows, generator: torch.Generator) -> Rows:
    return torch.randint(_MOST, rows.shape, generator=generator)


@torch.no_grad()
def value(subject: Subject, node: TreeNode, joint: Joint, *, clean: Collection[int] = ()) -> Tensor:
    """Return the scrubbed value of a node, (item, ...).

    Args:
        subject: what is scrubbed.
        node: the node.
        joint: the draws.
        clean: tree nodes that keep their clean value on the row that they are given.
    """
    if not node.children or node.index in clean:
        return subject.clean(node.part, joint.own[node.index])
    others = joint.other[node.index]
    edits = [
        Edit(
            child.part,
            subject.clean(child.part, others)
            if child.unimportant
            else value(subject, child, joint, clean=clean),
            child.direct,
        )
        for child in node.children
    ]
    return subject.run(others, edits, node.holds, node.part)


def paths(root: TreeNode, above: str = "") -> Iterator[tuple[str, TreeNode]]:
    """Yield every tree node below and with a root, under its path such as ``logits/cluster_5/a``.

    Args:
        root: where to begin.
        above: path of what reads the root; empty where nothing does.
    """
    here = f"{above}/{root.node}" if above else root.node
    yield here, root
    for child in root.children:
        yield from paths(child, here)


def witness_of(root: TreeNode, joint: Joint, item: int) -> Witness:
    """Return one of some joint draws as a record.

    Args:
        root: the tree that was drawn for.
        joint: the draws.
        item: which of them.
    """
    own, other = ({i: int(rows[item]) for i, rows in side.items()} for side in (joint.own, joint.other))
    drawn = {
        path: (own[node.index], other.get(node.index, own[node.index]))
        for path, node in paths(root)
        if node.index in own
    }
    return Witness(row=own[root.index], draws=drawn)


def joint_of(root: TreeNode, witness: Witness) -> Joint:
    """Return a recorded draw; a node that it does not name is given its reader's row.

    Args:
        root: the tree that is drawn for.
        witness: the record.
    """
    own: dict[int, Rows] = {}
    other: dict[int, Rows] = {}

    def fill(path: str, node: TreeNode, row: int) -> None:
        mine, rest = witness.draws.get(path, (row, row))
        own[node.index], other[node.index] = torch.tensor([mine]), torch.tensor([rest])
        for child in node.children:
            fill(f"{path}/{child.node}", child, mine)

    fill(root.node, root, witness.row)
    return Joint(own, other)
