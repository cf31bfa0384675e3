"""Heads that look at one position whatever it holds: the way to keep the two operands apart.

A query that is constant on "=" meets a key that is FOCUS on one position and zero elsewhere. The pattern
then depends on no token, and what it leaves elsewhere, exp(-FOCUS), is below rounding error.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from scrubkit.families.modular.compile.assemble import anchor
from scrubkit.families.modular.compile.circles import Circles
from scrubkit.families.modular.compile.circuit import Block, Circuit, Head

FOCUS = 60.0
"""Attention score that leaves exp(-60) = 9e-27 of the pattern elsewhere."""

POSITION = "position"
"""The space in which position 0 is (1, 0), position 1 is (0, 1) and the last one is zero."""


def position_heads(
    circles: Circles,
    first: Mapping[str, tuple[str, Block]],
    second: Mapping[str, tuple[str, Block]],
    role: str,
) -> Circuit:
    """Return one head that copies from position 0 and one that copies from position 1.

    Args:
        circles: the task's circles.
        first: for position 0, by space that is read: the space written and the (width, width) map.
        second: the same for position 1.
        role: stem of the heads' roles, completed by "-a" and "-b".
    """
    task = circles.task
    indicator = np.zeros((task.n_ctx, 2))
    indicator[0, 0] = indicator[1, 1] = 1
    heads = tuple(
        _copying_head(f"{role}-{task.variables[i]}", FOCUS * np.eye(2)[i], task.variables[i], copies)
        for i, copies in enumerate((first, second))
    )
    places = Circuit(spaces={POSITION: 2}, position={POSITION: indicator}, heads=heads)
    return anchor(task.d_vocab).plus(places)


def _copying_head(role: str, score: Block, feature: str, copies: Mapping[str, tuple[str, Block]]) -> Head:
    width = sum(block.shape[0] for _, block in copies.values())
    value, output, start = {}, {}, 0
    for source, (target, block) in copies.items():
        own = np.eye(width)[start : start + block.shape[0]]
        value[source] = own
        output[target] = own.T @ block
        start += block.shape[0]
    return Head(role=role, score={POSITION: score}, value=value, output=output, pattern="0", z=feature)
