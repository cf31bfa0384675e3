"""Peers: parts of the same size and kind as a claimed part, chosen at random among what is not claimed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import torch

from scrubkit.core.site import Anatomy, Part


def random_peer(
    part: Part, claimed: Sequence[Part], anatomy: Anatomy, generator: torch.Generator
) -> Part | None:
    """Return a random part like another, or None where everything of its kind is claimed.

    Neurons are exchanged for neurons, heads for heads, frequencies for frequencies, and whole positions for
    positions; a subspace for a random one of the same rank, orthogonal to it.

    Args:
        part: the part to match.
        claimed: parts that are not to be touched.
        anatomy: sizes of the model.
        generator: source of randomness.
    """
    beside = [other for other in claimed if other.hook == part.hook]
    if part.basis is not None:
        return _random_subspace(part, anatomy, generator)
    for axis, size in (("neurons", anatomy.d_mlp), ("heads", anatomy.n_heads), ("positions", anatomy.n_ctx)):
        if axis == "positions" and part.frequencies is not None:
            axis, size = "frequencies", anatomy.n_frequencies + 1
        own = getattr(part, axis)
        if own is None or len(own) == size:
            continue
        taken = {i for other in beside for i in getattr(other, axis) or ()}
        start = 1 if axis == "frequencies" else 0
        chosen = _choose([i for i in range(start, size) if i not in taken], own, generator)
        return replace(part, text=f"random {axis}", **{axis: chosen}) if chosen else None
    return None


def _choose(pool: Sequence[int], own: Collection[int], generator: torch.Generator) -> tuple[int, ...]:
    order = torch.randperm(len(pool), generator=generator).tolist()
    return tuple(sorted(pool[i] for i in order[: len(own)]))


def _random_subspace(part: Part, anatomy: Anatomy, generator: torch.Generator) -> Part | None:
    """Return a random subspace of the same rank, or what is left beside the part if that is less."""
    rows = torch.tensor(part.basis, dtype=torch.float64)
    width = anatomy.width(part.hook)
    rank = min(len(rows), width - len(rows))
    if rank == 0:
        return None
    drawn = torch.randn(width, rank, dtype=torch.float64, generator=generator)
    drawn = drawn - rows.T @ (rows @ drawn)
    basis = torch.linalg.qr(drawn).Q.T
    return replace(part, text="random subspace", basis=tuple(map(tuple, basis.tolist())))
