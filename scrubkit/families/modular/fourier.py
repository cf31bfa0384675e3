"""The Fourier components of a cyclic group, over the tokens of an embedding and the classes of the logits.

Component k is the plane of ``cos(2 pi k x / n)`` and ``sin(2 pi k x / n)``, for k from 1 to n // 2; component
0 is what no frequency holds: the constant, with whatever lies outside the group.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int


class Fourier:
    """The decomposition into frequencies.

    Args:
        order: size n of the group.
        tokens: group element of each token, -1 outside the group.
        classes: group element of each class, -1 outside the group.

    Attributes:
        size: number of components, n // 2 + 1.
    """

    def __init__(self, order: int, tokens: Int[np.ndarray, " vocab"], classes: Int[np.ndarray, " class"]):
        self.order = order
        self.size = order // 2 + 1
        self._tokens = tokens
        self._classes = classes

    def over_tokens(self, components: Sequence[int]) -> Float[np.ndarray, "vocab vocab"]:
        """Return the projection over the token axis: times W_E it is the part of the embedding."""
        return self._projection(self._tokens, components)

    def over_classes(self, components: Sequence[int]) -> Float[np.ndarray, "class class"]:
        """Return the projection over the class axis: logits times it are the part of the logits."""
        return self._projection(self._classes, components)

    def _projection(self, index: Int[np.ndarray, " item"], components: Sequence[int]) -> np.ndarray:
        chosen = set(components)
        if 0 not in chosen:
            rows = waves(index, self.order, sorted(chosen))
            return rows.T @ rows
        # Component 0 is defined by what is left over, so the others are taken away.
        rows = waves(index, self.order, [k for k in range(1, self.size) if k not in chosen])
        return np.eye(len(index)) - rows.T @ rows


def waves(
    index: Int[np.ndarray, " item"], order: int, frequencies: Sequence[int]
) -> Float[np.ndarray, "rank item"]:
    """Return orthonormal cos and sin rows over items that stand for elements of a cyclic group.

    Args:
        index: group element of each item, -1 for items outside the group.
        order: size of the group.
        frequencies: which frequencies; the sine of order / 2 vanishes and is left out.
    """
    inside = index >= 0
    rows = []
    for k in frequencies:
        angle = 2 * np.pi * k * index / order
        rows.append(np.where(inside, np.cos(angle), 0))
        if 2 * k != order:
            rows.append(np.where(inside, np.sin(angle), 0))
    stacked = np.array(rows).reshape(len(rows), len(index))
    return stacked / np.linalg.norm(stacked, axis=1, keepdims=True)
