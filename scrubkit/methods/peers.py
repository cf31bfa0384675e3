"""Peers: parts of the same size and kind as a claimed part, chosen at random among what is not claimed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import torch

from scrubkit import Bound, Part


def random_peer(bound: Bound, part: Part, claimed: Sequence[Part], generator: torch.Generator) -> Part | None:
    """Return a random part like another, or None where everything of its kind is claimed.

    Neurons are exchanged for neurons, heads for heads, components for components, and whole positions for
    positions; a subspace for a random one of the same rank, orthogonal to it. A node of a graph of functions
    is like no other.

    Args:
        bound: the hypothesis on its model.
        part: the part to match.
        claimed: parts that are not to be touched.
        generator: source of randomness, on the CPU.
    """
    if bound.architecture is None:
        return None
    beside = [other for other in claimed if other.hook == part.hook]
    if part.basis is not None:
        return _random_subspace(part, bound.architecture.width(part.hook), generator)
    for axis, size in axes(bound, part):
        own = getattr(part, axis)
        if own is None or len(own) == size:
            continue
        taken = {i for other in beside for i in getattr(other, axis) or ()}
        # Component 0 is what no other holds, and no peer of those that hold something.
        start = 1 if axis == "components" else 0
        chosen = _choose([i for i in range(start, size) if i not in taken], own, generator)
        return replace(part, text=f"random {axis}", **{axis: chosen}) if chosen else None
    return None


def permuted(bound: Bound, parts: Sequence[Part], generator: torch.Generator) -> list[Part]:
    """Return parts with their heads, neurons, components and positions permuted; subspaces redrawn.

    Args:
        bound: the hypothesis on its model.
        parts: a circuit.
        generator: source of randomness, on the CPU.
    """
    maps: dict[tuple[str, str], list[int]] = {}
    result = []
    for part in parts:
        changes: dict[str, object] = {}
        for axis, size in axes(bound, part):
            own = getattr(part, axis)
            if own is None or (axis == "positions" and part.hook != "hook_embed"):
                continue
            if (part.hook, axis) not in maps:
                maps[part.hook, axis] = torch.randperm(size, generator=generator).tolist()
            changes[axis] = tuple(sorted(maps[part.hook, axis][j] for j in own))
        moved = random_peer(bound, part, (), generator) if part.basis is not None else None
        result.append(moved or replace(part, **changes))
    return result


def axes(bound: Bound, part: Part) -> list[tuple[str, int]]:
    """Return the fields of a part in which others like it differ, with the number of choices of each.

    Args:
        bound: the hypothesis on its model.
        part: a part of the model.
    """
    sizes = bound.architecture
    if sizes is None:
        return []
    found = [("neurons", sizes.d_mlp), ("heads", sizes.n_heads)]
    if part.decomposition is not None:
        return [*found, ("components", sizes.decompositions[part.decomposition])]
    return [*found, ("positions", sizes.n_ctx)]


def _choose(pool: Sequence[int], own: Collection[int], generator: torch.Generator) -> tuple[int, ...]:
    order = torch.randperm(len(pool), generator=generator).tolist()
    return tuple(sorted(pool[i] for i in order[: len(own)]))


def _random_subspace(part: Part, width: int, generator: torch.Generator) -> Part | None:
    """Return a random subspace of the same rank, or what is left beside the part if that is less."""
    rows = torch.tensor(part.basis, dtype=torch.float64)
    rank = min(len(rows), width - len(rows))
    if rank == 0:
        return None
    drawn = torch.randn(width, rank, dtype=torch.float64, generator=generator)
    drawn = drawn - rows.T @ (rows @ drawn)
    basis = torch.linalg.qr(drawn).Q.T
    return replace(part, text="random subspace", basis=tuple(map(tuple, basis.tolist())))
