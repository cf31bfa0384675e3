"""Reading and setting parts of a hook's tensor.

A part is a selection of positions, heads or neurons, or a linear component: a subspace, a set of class
frequencies of the logits, a set of token frequencies of the embedding. Setting it leaves the complement as
it is. The components of the logits are projections; those of the embedding are terms of a sum, looked up by
token.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from scrubkit.core.site import Part


def fourier_rows(
    index: Int[np.ndarray, " item"], order: int, frequencies: tuple[int, ...]
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


@dataclass(frozen=True)
class Components:
    """The linear components that parts of one model may name.

    Attributes:
        W_E: token embedding, from which its frequency components are taken.
        token_index: group element of each token, -1 outside the group.
        class_index: group element of each class.
        order: size of the group.
    """

    W_E: Float[Tensor, "vocab d_model"]
    token_index: Int[np.ndarray, " vocab"]
    class_index: Int[np.ndarray, " class"]
    order: int

    @cached_property
    def _made(self) -> dict[Any, Tensor]:
        return {}

    def embedding(self, frequencies: tuple[int, ...]) -> Float[Tensor, "vocab d_model"]:
        """Return the component of the embedding at some token frequencies; 0 is what no frequency holds."""
        key = ("embedding", frequencies)
        if key not in self._made:
            every = range(1, self.order // 2 + 1)
            wanted = frequencies if 0 not in frequencies else tuple(k for k in every if k not in frequencies)
            rows = torch.from_numpy(fourier_rows(self.token_index, self.order, wanted)).to(self.W_E)
            table = rows.T @ (rows @ self.W_E)
            self._made[key] = self.W_E - table if 0 in frequencies else table
        return self._made[key]

    def projector(self, part: Part, like: Tensor) -> Float[Tensor, "width width"] | None:
        """Return the projection onto a part of a hook, None if the part is not a linear component."""
        if part.hook == "hook_embed" and part.frequencies is not None:
            return None
        if part.basis is None and part.frequencies is None:
            return None
        key = (part.frequencies, part.basis, like.dtype, like.device)
        if key not in self._made:
            if part.basis is not None:
                rows = np.asarray(part.basis)
                projector = rows.T @ rows
            else:
                assert part.frequencies is not None
                every = range(1, self.order // 2 + 1)
                outside = 0 in part.frequencies
                wanted = tuple(k for k in every if (k in part.frequencies) != outside)
                rows = fourier_rows(self.class_index, self.order, wanted)
                projector = rows.T @ rows
                if outside:
                    projector = np.eye(len(projector)) - projector
            self._made[key] = torch.from_numpy(projector).to(like)
        return self._made[key]


def read_part(tensor: Tensor, part: Part, components: Components, tokens: Int[Tensor, "item pos"]) -> Tensor:
    """Return a part's value from the full tensor of its hook.

    Args:
        tensor: (item, pos, ...) as TransformerLens shapes it; (item, head, query, key) for a pattern.
        part: what to read.
        components: the model's linear components.
        tokens: the token rows that were run.
    """
    if part.hook == "hook_embed" and part.frequencies is not None:
        return components.embedding(part.frequencies)[tokens[:, list(part.positions)]]
    value = tensor[_index(part)]
    projector = components.projector(part, value)
    return value if projector is None else value @ projector


def write_part(
    tensor: Tensor, part: Part, value: Tensor, components: Components, tokens: Int[Tensor, "item pos"]
) -> Tensor:
    """Return the full tensor of a hook with a part set to a value and the rest as it is."""
    result = tensor.clone()
    if part.hook == "hook_embed" and part.frequencies is not None:
        own = components.embedding(part.frequencies)[tokens[:, list(part.positions)]]
        result[:, list(part.positions)] += value - own
        return result
    index = _index(part)
    projector = components.projector(part, value)
    if projector is None:
        result[index] = value.to(result.dtype)
    else:
        result[index] += value - tensor[index] @ projector
    return result


def _index(part: Part) -> tuple[Any, ...]:
    """Return the numpy-style index of a part's positions, heads and neurons."""
    positions = torch.tensor(part.positions)
    everything = slice(None)
    if part.hook.endswith("hook_pattern"):
        heads = torch.tensor(part.heads)
        return (everything, heads[:, None], positions[None, :])
    inner = part.heads if part.heads is not None else part.neurons
    if inner is None:
        return (everything, positions)
    return (everything, positions[:, None], torch.tensor(inner)[None, :])
