"""Scrubs of chosen inputs, down to any node of a hypothesis: what local tests of a claim are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Int
from torch import Tensor

from scrubkit.scrubbing.evaluate import other_rows, own_rows, scrub_rows
from scrubkit.scrubbing.plan import Plan, TreeNode
from scrubkit.scrubbing.sampling import Draws
from scrubkit.subjects.subject import Edit, Subject


@dataclass(frozen=True)
class ChosenRows(Draws):
    """Draws for chosen reference inputs instead of whole passes.

    Attributes:
        chosen: the reference inputs; they may repeat.
    """

    chosen: Int[Tensor, " item"] | None = None

    @classmethod
    def of(cls, rows: Int[Tensor, " item"], n_inputs: int, generator: torch.Generator) -> ChosenRows:
        """Return the draws for some reference inputs, their seed taken from a generator."""
        seed = int(torch.randint(2**31, (1,), generator=generator))
        return cls(seed, n_inputs, range(len(rows)), torch.device("cpu"), rows)

    @cached_property
    def rows(self) -> Int[Tensor, " item"]:
        """The reference input of each item."""
        assert self.chosen is not None
        return self.chosen


def scrub_nodes(
    subject: Subject, plan: Plan, tree_nodes: Sequence[TreeNode], draws: ChosenRows
) -> list[Tensor]:
    """Return V(n, x) for some nodes that read the same in the same way.

    Args:
        subject: what is scrubbed.
        plan: the hypothesis.
        tree_nodes: the nodes.
        draws: the reference inputs x and every draw.
    """
    first, rows = tree_nodes[0], draws.rows
    if not first.children:
        return [subject.clean(tree_node.part, rows) for tree_node in tree_nodes]
    others = other_rows(plan, first, rows, draws)
    edits = []
    for child in first.children:
        if child.unimportant:
            value = subject.clean(child.part, others)
        else:
            below = replace(draws, chosen=own_rows(child, rows, draws))
            value = scrub_rows(subject, replace(plan, root=child, root_resampling=None), below)
        edits.append(Edit(child.part, value, child.direct))
    return subject.read(others, edits, first.holds, [tree_node.part for tree_node in tree_nodes])
