"""What lies beside the parts that a hypothesis names, at the same hooks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from scrubkit.core.architecture import LOGITS, Architecture
from scrubkit.core.site import Part, overlap
from scrubkit.subjects.forward import needed

AXES = {"head": "heads", "neurons": "neurons"}
"""Field of a part for each axis of a hook."""


def without_overlap(parts: Iterable[Part]) -> list[Part]:
    """Return parts without those that overlap an earlier one."""
    kept: list[Part] = []
    for part in parts:
        if not any(overlap(part, other) for other in kept):
            kept.append(part)
    return kept


def beside(parts: Sequence[Part], hooks: Sequence[str], architecture: Architecture) -> list[Part]:
    """Return the parts of some hooks that no given part holds, where the output can feel them."""
    felt = needed(architecture, [Part(LOGITS, architecture.answer)])
    rest: list[Part] = []
    for hook in hooks:
        for position in felt[hook]:
            held = [part for part in parts if part.hook == hook and position in part.positions]
            rest += _beside_at(hook, position, held, architecture)
    return rest


def _beside_at(hook: str, position: int, held: Sequence[Part], architecture: Architecture) -> list[Part]:
    """Return what is not held of one hook at one position."""
    axis = architecture.hooks[hook].kind.axis
    whole = Part(hook, (position,), text=f"{hook} beside")
    rest: list[Part] = []
    if axis is not None:
        field, size = AXES[axis], architecture.size(axis)
        used = {i for part in held for i in part.inner or range(size)}
        left = tuple(i for i in range(size) if i not in used)
        rest += [replace(whole, **{field: left})] if left else []
        for part in held:
            if part.basis is not None:
                rest += _outside(replace(whole, **{field: part.inner}), [part], architecture)
        return rest
    if not held:
        return [whole]
    if any(part.whole for part in held):
        return []
    if held[0].basis is not None:
        return _outside(whole, held, architecture)
    key = held[0].decomposition or ""
    used = {k for part in held for k in part.components or ()}
    left = tuple(k for k in range(architecture.decompositions[key]) if k not in used)
    return [replace(whole, decomposition=key, components=left)] if left else []


def _outside(whole: Part, held: Sequence[Part], architecture: Architecture) -> list[Part]:
    """Return the orthogonal complement of the subspaces of some parts."""
    rows = np.concatenate([np.asarray(part.basis) for part in held if part.basis is not None])
    if len(rows) >= architecture.width(whole.hook):
        return []
    _, _, turned = np.linalg.svd(rows, full_matrices=True)
    return [replace(whole, basis=tuple(map(tuple, turned[len(rows) :].tolist())))]
