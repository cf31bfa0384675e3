"""The meaning of a scrub, in code: the recursion of Chan et al. 2022 over the unrolled hypothesis.

For a tree node of node n under input x: a leaf is read clean on x. Otherwise every node that n reads is given
an input drawn from those that agree with x on its feature, and is evaluated on it; an input for everything
else is drawn; and n is read from a run on that other input with what n reads set.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from scrubkit.scrubbing.plan import Plan, TreeNode
from scrubkit.scrubbing.sampling import Draws
from scrubkit.subjects.subject import CleanEdit, Edit, Subject

ROOT_STREAM = -1_000_000
"""Stream of the draw that replaces the reference itself."""


def scrub_rows(subject: Subject, plan: Plan, draws: Draws) -> Tensor:
    """Return the scrubbed output for each item of the draws."""
    rows = draws.rows
    if plan.root_resampling is not None:
        rows = draws.stand_ins(plan.root_resampling, rows, ROOT_STREAM)
    return scrubbed_values(subject, plan, [plan.root], rows, draws)[0]


def draws_for(rows: Int[Tensor, " item"], n_inputs: int, generator: torch.Generator) -> Draws:
    """Return the draws of a scrub of chosen inputs, their seed taken from a generator.

    Args:
        rows: the reference inputs; they may repeat, and each copy draws by itself.
        n_inputs: size of the dataset.
        generator: source of the seed, on the CPU.
    """
    seed = int(torch.randint(2**31, (1,), generator=generator))
    return Draws(seed, n_inputs, range(len(rows)), torch.device("cpu"))


def own_rows(tree_node: TreeNode, reader_rows: Int[Tensor, " item"], draws: Draws) -> Int[Tensor, " item"]:
    """Draw the input of a tree node, given its reader's."""
    if tree_node.resampling is None:
        return reader_rows
    return draws.stand_ins(tree_node.resampling, reader_rows, 2 * tree_node.index)


def other_rows(
    plan: Plan, tree_node: TreeNode, rows: Int[Tensor, " item"], draws: Draws
) -> Int[Tensor, " item"]:
    """Draw the input on which everything that a tree node does not name is run."""
    if tree_node.other == "exact":
        return rows
    return draws.stand_ins(plan.anyone, rows, tree_node.other_stream)


def scrubbed_values(
    subject: Subject,
    plan: Plan,
    tree_nodes: Sequence[TreeNode],
    rows: Int[Tensor, " item"],
    draws: Draws,
) -> list[Tensor]:
    """Return V(n, x) for some nodes that read the same in the same way.

    Args:
        subject: what is scrubbed.
        plan: the hypothesis.
        tree_nodes: the nodes n.
        rows: the reference input x of each item.
        draws: everything that is drawn for the items.
    """
    first, parts = tree_nodes[0], [tree_node.part for tree_node in tree_nodes]
    if not first.children:
        return [subject.clean(part, rows) for part in parts]
    others = other_rows(plan, first, rows, draws)
    edits = []
    for child in first.children:
        if child.unimportant:
            edits.append(CleanEdit(subject, child.part, others, child.direct))
            continue
        own = own_rows(child, rows, draws)
        if child.children:
            (value,) = scrubbed_values(subject, plan, [child], own, draws)
            edits.append(Edit(child.part, value, child.direct))
        else:
            edits.append(CleanEdit(subject, child.part, own, child.direct))
    return subject.read(others, edits, first.holds, parts)
