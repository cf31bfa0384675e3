"""Whether each edge is needed: is there a context in which varying what it reads moves the output?

A context of an edge m -> n gives every other parent of n the value of its site on any row, independently, and
runs the rest on any row; so for each reader on the way from n to the output. "Not needed" is said only
where no context that was tried moves the output, and many are: first those that some input makes, all at
one row, then contexts whose rows have nothing to do with each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from scrubkit.bench.label.outputs import Outputs
from scrubkit.scrubbing.plan import Plan, TreeNode
from scrubkit.subjects.subject import Edit, Subject

ROUNDS = (64, 512, 2**12)
"""Contexts of each kind that are tried, one round after the other until one moves the output enough."""
SEED = 97
_CHUNK = 8192


@dataclass(frozen=True)
class Need:
    """How far an edge moves the output.

    Attributes:
        path: the edge's nodes from the root down, such as ``logits/cluster_5/a``.
        most: the largest change in any context, a share of variance.
        on_data: the largest in a context that some input makes.
    """

    path: str
    most: float
    on_data: float


def needs(subject: Subject, outputs: Outputs, plan: Plan, enough: float) -> Iterator[Need]:
    """Yield how far each edge of the treeified hypothesis moves the output.

    Args:
        subject: what it is about.
        outputs: its clean outputs.
        plan: the hypothesis.
        enough: from this change on an edge is needed, and no further context is tried.
    """
    yield from _below(subject, outputs, [plan.root], enough)


def _below(subject: Subject, outputs: Outputs, above: Sequence[TreeNode], enough: float) -> Iterator[Need]:
    """Yield the needs of all edges below the last of a chain of nodes that starts at the root."""
    for child in above[-1].children:
        if child.unimportant:
            continue
        generator = torch.Generator().manual_seed(SEED)
        most = on_data = 0.0
        for size in ROUNDS:
            on_data = max(on_data, _largest(subject, outputs, above, child, size, generator, on_data=True))
            if on_data < enough:
                most = max(most, _largest(subject, outputs, above, child, size, generator, on_data=False))
            if max(most, on_data) >= enough:
                break
        path = "/".join(node.node for node in (*above, child))
        yield Need(path, max(most, on_data), on_data)
        yield from _below(subject, outputs, [*above, child], enough)


def _largest(
    subject: Subject,
    outputs: Outputs,
    above: Sequence[TreeNode],
    child: TreeNode,
    size: int,
    generator: torch.Generator,
    *,
    on_data: bool,
) -> float:
    largest = 0.0
    for part in torch.arange(size).split(_CHUNK):
        largest = max(
            largest,
            float(_moved(subject, outputs, above, child, len(part), generator, on_data=on_data).max()),
        )
    return largest


@torch.no_grad()
def _moved(
    subject: Subject,
    outputs: Outputs,
    above: Sequence[TreeNode],
    child: TreeNode,
    size: int,
    generator: torch.Generator,
    *,
    on_data: bool,
) -> Float[Tensor, " item"]:
    """Return the change of the output between two values of an edge's source, in random contexts."""
    n = subject.n_inputs
    here = torch.randint(n, (size,), generator=generator)

    def any_row() -> Int[Tensor, " item"]:
        return here if on_data else torch.randint(n, (size,), generator=generator)

    one = subject.clean(child.part, here if on_data else any_row())
    other = subject.clean(child.part, torch.randint(n, (size,), generator=generator))
    read = child
    for node in reversed(above):
        rest = any_row()
        beside = [
            Edit(c.part, subject.clean(c.part, any_row()), c.direct)
            for c in node.children
            if c is not read and not c.unimportant
        ]
        both = [
            subject.run(rest, [*beside, Edit(read.part, value, read.direct)], node.holds, node.part)
            for value in (one, other)
        ]
        one, other = both
        read = node
    change = (outputs.centred(one) - outputs.centred(other)).square().sum((1, 2))
    return outputs.share(change)
