"""Decompositions: numbered linear components of the embedding, over tokens, and of the logits, over classes.

A task may come with decompositions of its own, each under the name that sites use as a key. For a task on a
cyclic group that is the Fourier basis; the core knows only that components are numbered and sum to the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from jaxtyping import Float


class Decomposition(Protocol):
    """Numbered components, 0 .. size - 1, that are orthogonal and sum to the whole.

    Attributes:
        size: number of components.
    """

    size: int

    def over_tokens(self, components: Sequence[int]) -> Float[np.ndarray, "vocab vocab"]:
        """Return the projection over the token axis: times W_E it is the part of the embedding."""
        ...

    def over_classes(self, components: Sequence[int]) -> Float[np.ndarray, "class class"]:
        """Return the projection over the class axis: logits times it are the part of the logits."""
        ...
