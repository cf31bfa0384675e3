"""The causal model that a hypothesis stands for: its variables, and what an interchange of one predicts.

Nodes at one hook with one and the same feature hold one variable. Setting it to its value on a source input
changes what reads it, and nothing else: a node whose parents then have some values has the value that it has
on an input where they have those values, and so on up to the answer. Geiger, Lu, Icard and Potts 2021,
"Causal Abstractions of Neural Networks".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from scrubkit import Bound, BoundNode

Variable = tuple[BoundNode, ...]
"""The nodes that hold a variable, or all variables of a hook together."""


def variables_of(bound: Bound) -> list[Variable]:
    """Return the variables that a hypothesis claims at each hook, and all of a hook together."""
    hooks: dict[str, dict[bytes, list[BoundNode]]] = {}
    for node in bound.mapped:
        if node.classes.max() > 0:
            hook = hooks.setdefault(getattr(node.part, "hook", node.part), {})
            hook.setdefault(node.classes.tobytes(), []).append(node)
    found: list[Variable] = []
    for held in hooks.values():
        found += map(tuple, held.values())
        if len(held) > 1:
            found.append(tuple(node for nodes in held.values() for node in nodes))
    return found


def predicted(
    bound: Bound, variable: Variable, base: Int[Tensor, " pair"], source: Int[Tensor, " pair"]
) -> Int[Tensor, " pair"]:
    """Return an input on which the answer is what the causal model predicts of an interchange.

    Args:
        bound: the hypothesis.
        variable: the nodes that are set.
        base: the inputs that are run.
        source: the inputs that the variable's values come from.

    Returns:
        A row of the dataset for each pair, -1 where no input has the values that some node's parents take.
    """
    return predicted_jointly(bound, {node.name: source for node in variable}, base)


def predicted_jointly(
    bound: Bound, sources: Mapping[str, Int[Tensor, " pair"]], base: Int[Tensor, " pair"]
) -> Int[Tensor, " pair"]:
    """Return an input on which the answer is what the causal model predicts with several nodes set.

    Args:
        bound: the hypothesis.
        sources: for each node that is set, the inputs that its values come from.
        base: the inputs that are run.

    Returns:
        A row of the dataset for each item, -1 where no input has the values that some node's parents take.
    """
    stands: dict[str, Int[Tensor, " pair"]] = {}
    for name, node in bound.nodes.items():
        parents = [bound.nodes[parent] for parent in node.parents if not bound.nodes[parent].unimportant]
        if name in sources:
            stands[name] = sources[name]
        elif all(stands[parent.name] is base for parent in parents):
            stands[name] = base
        else:
            stands[name] = agreeing(parents, [stands[parent.name] for parent in parents], base)
    return stands[bound.root.name]


def agreeing(
    parents: Sequence[BoundNode], stands: Sequence[Int[Tensor, " pair"]], base: Int[Tensor, " pair"]
) -> Int[Tensor, " pair"]:
    """Return an input whose parents have given values: the base where it does, else the first, else -1.

    Args:
        parents: the nodes.
        stands: for each of them, the input whose class is wanted, pair by pair.
        base: the input that is taken where it fits.
    """
    table = np.stack([parent.classes for parent in parents], axis=1)
    wanted = np.stack([p.classes[rows.numpy()] for p, rows in zip(parents, stands, strict=True)], axis=1)
    _, ids = np.unique(np.concatenate([table, wanted]), axis=0, return_inverse=True)
    own, goal = np.split(ids.reshape(-1), [len(table)])
    first = np.full(ids.max() + 1, -1)
    first[own[::-1]] = np.arange(len(table))[::-1]
    rows = np.where(own[base.numpy()] == goal, base.numpy(), first[goal])
    known = np.all([stand.numpy() >= 0 for stand in stands], axis=0)
    return torch.from_numpy(np.where(known, rows, -1))
