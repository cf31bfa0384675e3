"""Plans with other draws: everything exact, anything goes, or classes of random members."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from scrubkit.scrubbing.plan import TreeNode
from scrubkit.scrubbing.sampling import Resampling


def with_resampling(tree_node: TreeNode, change: Callable[[TreeNode], Resampling | None]) -> TreeNode:
    """Return a tree node whose descendants draw their inputs in another way."""
    children = tuple(
        replace(with_resampling(child, change), resampling=change(child)) for child in tree_node.children
    )
    return replace(tree_node, children=children)


def with_others(tree_node: TreeNode, other: str) -> TreeNode:
    """Return a tree node in which all that is not named comes from another place."""
    children = tuple(with_others(child, other) for child in tree_node.children)
    return replace(tree_node, other=other, children=children)


def shuffled(resampling: Resampling, generator: torch.Generator) -> Resampling:
    """Return a resampling with sets of the same sizes whose members are chosen at random."""
    place = torch.randperm(len(resampling.start), generator=generator)
    back, order = torch.argsort(place), place[resampling.order]
    cumulative = resampling.cumulative
    if cumulative is not None:
        weight = torch.zeros(len(place), dtype=cumulative.dtype)
        weight[resampling.order] = cumulative.diff()
        cumulative = torch.cat([cumulative[:1], weight[order].cumsum(dim=0)])
    return Resampling(order, resampling.start[back], resampling.count[back], cumulative)
