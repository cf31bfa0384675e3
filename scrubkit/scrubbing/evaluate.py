"""The meaning of a scrub, in code: the recursion of Chan et al. 2022 over the unrolled hypothesis.

For a tree node of node n under input x: a leaf is read clean on x. Otherwise every node that n reads is given
an input drawn from those that agree with x on its feature, and is evaluated on it; an input for everything
else is drawn; and n is read from a run on that other input with what n reads set.
"""

from __future__ import annotations

from jaxtyping import Int
from torch import Tensor

from scrubkit.scrubbing.plan import Plan, TreeNode
from scrubkit.scrubbing.sampling import Draws
from scrubkit.subjects.subject import Edit, Subject

ROOT_STREAM = -1_000_000
"""Stream of the draw that replaces the reference itself."""


def scrub_rows(subject: Subject, plan: Plan, draws: Draws) -> Tensor:
    """Return the scrubbed output for each item of the draws."""
    rows = draws.rows
    if plan.root_resampling is not None:
        rows = draws.stand_ins(plan.root_resampling, rows, ROOT_STREAM)
    return _value(subject, plan, plan.root, rows, draws)


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


def _value(
    subject: Subject, plan: Plan, tree_node: TreeNode, rows: Int[Tensor, " item"], draws: Draws
) -> Tensor:
    if not tree_node.children:
        return subject.clean(tree_node.part, rows)
    others = other_rows(plan, tree_node, rows, draws)
    edits = []
    for child in tree_node.children:
        if child.unimportant:
            value = subject.clean(child.part, others)
        else:
            value = _value(subject, plan, child, own_rows(child, rows, draws), draws)
        edits.append(Edit(child.part, value, child.direct))
    return subject.run(others, edits, tree_node.holds, tree_node.part)
