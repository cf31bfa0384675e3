"""Peers: parts of the same size and kind as a claimed part, chosen at random among what is not claimed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import torch

from scrubkit.core.architecture import Architecture
from scrubkit.core.site import Part


def random_peer(
    part: Part, claimed: Sequence[Part], architecture: Architecture, generator: torch.Generator
) -> Part | None:
    """Return a random part like another, or None where everything of its kind is claimed.

    Neurons are exchanged for neurons, heads for heads, components for components, and whole positions for
    positions; a subspace for a random one of the same rank, orthogonal to it.

    Args:
        part: the part to match.
        claimed: parts that are not to be touched.
        architecture: sizes of the model.
        generator: source of randomness.
    """
    beside = [other for other in claimed if other.hook == part.hook]
    if part.basis is not None:
        return _random_subspace(part, architecture, generator)
    for axis, size in axes(part, architecture):
        own = getattr(part, axis)
        if own is None or len(own) == size:
            continue
        taken = {i for other in beside for i in getattr(other, axis) or ()}
        # Component 0 is what no other holds, and no peer of those that hold something.
        start = 1 if axis == "components" else 0
        chosen = _choose([i for i in range(start, size) if i not in taken], own, generator)
        return replace(part, text=f"random {axis}", **{axis: chosen}) if chosen else None
    return None


def axes(part: Part, architecture: Architecture) -> list[tuple[str, int]]:
    """Return the fields of a part in which others like it differ, with the number of choices of each."""
    found = [("neurons", architecture.d_mlp), ("heads", architecture.n_heads)]
    if part.decomposition is not None:
        return [*found, ("components", architecture.decompositions[part.decomposition])]
    return [*found, ("positions", architecture.n_ctx)]


def _choose(pool: Sequence[int], own: Collection[int], generator: torch.Generator) -> tuple[int, ...]:
    order = torch.randperm(len(pool), generator=generator).tolist()
    return tuple(sorted(pool[i] for i in order[: len(own)]))


def _random_subspace(part: Part, architecture: Architecture, generator: torch.Generator) -> Part | None:
    """Return a random subspace of the same rank, or what is left beside the part if that is less."""
    rows = torch.tensor(part.basis, dtype=torch.float64)
    width = architecture.width(part.hook)
    rank = min(len(rows), width - len(rows))
    if rank == 0:
        return None
    drawn = torch.randn(width, rank, dtype=torch.float64, generator=generator)
    drawn = drawn - rows.T @ (rows @ drawn)
    basis = torch.linalg.qr(drawn).Q.T
    return replace(part, text="random subspace", basis=tuple(map(tuple, basis.tolist())))
