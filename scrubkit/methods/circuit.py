"""The circuit that a hypothesis names: its sites without their features, and what lies beside them.

Ablation studies keep a circuit and replace everything else *at the hooks that it names*; between them the
model is recomputed. The score of an input is its logit difference, the right class against the mean class.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from scrubkit.core.site import Part
from scrubkit.scrubbing.complement import without_overlap
from scrubkit.scrubbing.local import SampleSubject
from scrubkit.scrubbing.plan import Plan
from scrubkit.subjects.subject import Edit

Replacement = Callable[[Part], Tensor]
"""The value that an ablated part takes, for each item."""


def named_parts(plan: Plan) -> list[Part]:
    """Return the parts that are claimed to matter, without the root; of two that overlap, the first."""
    return without_overlap(
        visit.part for visit in plan.root.walk() if visit is not plan.root and not visit.unimportant
    )


@torch.no_grad()
def ablated(
    subject: SampleSubject, rows: Int[Tensor, " item"], parts: Sequence[Part], replacement: Replacement
) -> Float[Tensor, "item class"]:
    """Return the logits on some inputs with some parts replaced."""
    edits = [Edit(part, replacement(part)) for part in parts]
    return subject.run(rows, edits, (), subject.output)[:, -1]


def logit_difference(
    logits: Float[Tensor, "item class"], labels: Int[Tensor, " item"]
) -> Float[Tensor, " item"]:
    """Return the logit of the right class less the mean logit, in float64."""
    z = logits.double()
    return z.gather(1, labels[:, None])[:, 0] - z.mean(dim=1)
