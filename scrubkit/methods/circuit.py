"""The circuit that a hypothesis names: its sites without their features, and what lies beside them.

Ablation studies keep a circuit and replace everything else *at the hooks that it names*; between them the
model is recomputed. The score of an input is its logit difference, the right class against the mean class.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from scrubkit.core.site import Anatomy, Part, overlap
from scrubkit.scrubbing.local import SampleSubject
from scrubkit.scrubbing.plan import Plan
from scrubkit.subjects.incremental import read_edited
from scrubkit.subjects.subject import Edit
from scrubkit.subjects.tables import kind

Replacement = Callable[[Part], Tensor]
"""The value that an ablated part takes, for each item."""
_BEFORE_ATTENTION = (
    "hook_embed",
    "hook_pos_embed",
    "hook_resid_pre",
    "attn.hook_q",
    "attn.hook_k",
    "attn.hook_v",
)


def named_parts(plan: Plan) -> list[Part]:
    """Return the parts that are claimed to matter, without the root; of two that overlap, the first."""
    parts: list[Part] = []
    for visit in plan.root.walk():
        if visit is plan.root or visit.unimportant or visit.part in parts:
            continue
        if not any(overlap(visit.part, part) for part in parts):
            parts.append(visit.part)
    return parts


def beside(parts: Sequence[Part], hooks: Sequence[str], anatomy: Anatomy) -> list[Part]:
    """Return the parts of some hooks that no given part holds."""
    rest: list[Part] = []
    for hook in hooks:
        last = anatomy.n_ctx - 1
        positions = range(anatomy.n_ctx) if kind(hook) in _BEFORE_ATTENTION else [last]
        for position in positions:
            held = [part for part in parts if part.hook == hook and position in part.positions]
            rest += _beside_at(hook, position, held, anatomy)
    return rest


def _beside_at(hook: str, position: int, held: Sequence[Part], anatomy: Anatomy) -> list[Part]:
    """Return what is not held of one hook at one position."""
    axis = _axis(hook)
    whole = Part(hook, (position,), None, None, None, None, f"{hook} beside")
    rest: list[Part] = []
    if axis is not None:
        size = anatomy.n_heads if axis == "heads" else anatomy.d_mlp
        used = {i for part in held for i in getattr(part, axis) or range(size)}
        left = tuple(i for i in range(size) if i not in used)
        rest += [replace(whole, **{axis: left})] if left else []
        for part in held:
            if part.basis is not None:
                rest += _outside(replace(whole, **{axis: getattr(part, axis)}), [part], anatomy)
        return rest
    if not held:
        return [whole]
    if any(part.basis is None and part.frequencies is None for part in held):
        return []
    if held[0].basis is not None:
        return _outside(whole, held, anatomy)
    used = {k for part in held for k in part.frequencies or ()}
    left = tuple(k for k in range(anatomy.n_frequencies + 1) if k not in used)
    return [replace(whole, frequencies=left)] if left else []


def _outside(whole: Part, held: Sequence[Part], anatomy: Anatomy) -> list[Part]:
    """Return the orthogonal complement of the subspaces of some parts."""
    rows = np.concatenate([np.asarray(part.basis) for part in held if part.basis is not None])
    if len(rows) >= anatomy.width(whole.hook):
        return []
    _, _, turned = np.linalg.svd(rows, full_matrices=True)
    return [replace(whole, basis=tuple(map(tuple, turned[len(rows) :].tolist())))]


def _axis(hook: str) -> str | None:
    if ".attn.hook_" in hook:
        return "heads"
    return "neurons" if ".mlp.hook_" in hook else None


@torch.no_grad()
def ablated(
    subject: SampleSubject, rows: Int[Tensor, " item"], parts: Sequence[Part], replacement: Replacement
) -> Float[Tensor, "item class"]:
    """Return the logits on some inputs with some parts replaced."""
    edits = [Edit(part, replacement(part)) for part in parts]
    logits = subject.part("logits", {})
    return read_edited(subject.tables, rows, edits, [logits])[0]


def logit_difference(
    logits: Float[Tensor, "item class"], labels: Int[Tensor, " item"]
) -> Float[Tensor, " item"]:
    """Return the logit of the right class less the mean logit, in float64."""
    z = logits.double()
    return z.gather(1, labels[:, None])[:, 0] - z.mean(dim=1)
