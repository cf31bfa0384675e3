"""What holds of any weights: what no draw can change, because nothing that it changes can reach a node.

A node's scrub is the *identity* where nothing it does not name can reach it, and every node that it reads is
given rows that agree on all inputs upstream of it and is itself the identity. A hypothesis whose root is the
identity is vacuous: it says nothing of the weights.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from scrubkit.scrubbing.plan import TreeNode
from scrubkit.scrubbing.sampling import Resampling
from scrubkit.subjects.subject import Subject


class Liveness:
    """What of the inputs can reach which parts of a subject."""

    def __init__(self, subject: Subject) -> None:
        """Take the subject."""
        self.subject = subject

    @cached_property
    def sources(self) -> list[tuple[Any, Int[Tensor, " input"]]]:
        """The parts where inputs come in, with a number for each value that they take there."""
        subject: Any = self.subject
        if not hasattr(subject, "architecture"):
            return [
                (name, _numbered(found)) for name, found in subject.inputs.items() if name in subject.graph
            ]
        tokens = torch.from_numpy(subject.tokens.copy())
        places = [subject.part(f"hook_embed[pos={i}]", {}) for i in range(tokens.shape[1])]
        return [(part, _numbered(column)) for part, column in zip(places, tokens.T, strict=True)]

    def settled(self, resampling: Resampling, part: Any) -> bool:
        """Say whether stand-ins agree on every input that can reach a part."""
        subject = self.subject
        return all(
            _agree(resampling, ids)
            for source, ids in self.sources
            if source == part or subject.overlap(source, part) or subject.upstream(source, part)
        )

    def identity(self, node: TreeNode) -> bool:
        """Say whether no draw can change a node, whatever the weights are."""
        if node.children and node.reads_other and node.other != "exact":
            return False
        return all(self.fixed(child) for child in node.children if not child.unimportant)

    def fixed(self, child: TreeNode) -> bool:
        """Say whether what a reader is given for a node is its clean value on the reader's own row."""
        settled = child.resampling is None or self.settled(child.resampling, child.part)
        return settled and self.identity(child)

    def simplified(self, node: TreeNode) -> TreeNode:
        """Return a tree in which nodes that are the identity are leaves: their scrub changes nothing."""
        kept = (child if child.unimportant else self._short(child) for child in node.children)
        return replace(node, children=tuple(kept))

    def _short(self, child: TreeNode) -> TreeNode:
        return replace(child, children=()) if self.identity(child) else self.simplified(child)


def _numbered(values: Tensor) -> Int[Tensor, " input"]:
    return torch.unique(values.reshape(len(values), -1), dim=0, return_inverse=True)[1].reshape(-1)


def _agree(resampling: Resampling, ids: Int[Tensor, " input"]) -> bool:
    """Say whether each row and all its stand-ins have one number."""
    along = ids[resampling.order]
    steps = torch.cat([torch.zeros(1, dtype=torch.long), (along[1:] != along[:-1]).long().cumsum(0)])
    last = resampling.start + resampling.count - 1
    constant = bool((steps[last] == steps[resampling.start]).all())
    return constant and bool((along[resampling.start] == ids).all())
