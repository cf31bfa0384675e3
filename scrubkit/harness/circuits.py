"""Faithfulness of a ranking of sites, as the circuit track of MIB measures it.

C_k holds the most important share k of the sites. All sites outside of it, and everything else, are
run on another input. With m the mean logit of the right class over that of the others,

    f(k) = (m(C_k) - m(empty)) / (m(model) - m(empty)),   CPR = area under f,   CMD = area of |1 - f|.

Mueller et al. 2025 (MIB), arXiv:2504.13151.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.integrate import trapezoid
from torch import Tensor

from scrubkit.core.site import Part
from scrubkit.models.model import Model
from scrubkit.subjects.network import NetworkSubject
from scrubkit.subjects.subject import Edit

SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
"""Shares of the sites at which f is measured; areas are taken by the trapezoid rule."""
MAX_ROWS = 2048
"""Number of inputs on which the metric is taken, where there are more."""


def recovery_areas(model: Model, importances: Mapping[Part, float]) -> tuple[float | None, float | None]:
    """Return CPR and CMD of a ranking of sites; None where there are none, or the model leads nowhere.

    Sites of the output are left out, since setting them answers the question.
    """
    ranked = sorted(
        (part for part in importances if part.hook != "logits"),
        key=lambda part: (-importances[part], part.text),
    )
    if not ranked:
        return None, None
    subject = NetworkSubject(model, "cpu")
    generator = torch.Generator().manual_seed(0)
    rows = torch.randperm(subject.n_inputs, generator=generator)[:MAX_ROWS]
    others = torch.randint(subject.n_inputs, (len(rows),), generator=generator)
    sizes = [math.ceil(share * len(ranked)) for share in SHARES]
    metric = {size: _metric(model, subject, rows, others, ranked[:size]) for size in sorted(set(sizes))}
    whole = _metric(model, subject, rows, rows, []) - metric[0]
    if abs(whole) < 1e-9:
        return None, None
    f = np.array([(metric[size] - metric[0]) / whole for size in sizes])
    return float(trapezoid(f, SHARES)), float(trapezoid(np.abs(1 - f), SHARES))


def _metric(
    model: Model,
    subject: NetworkSubject,
    rows: Int[Tensor, " item"],
    others: Int[Tensor, " item"],
    kept: list[Part],
) -> float:
    """Return the mean lead of the right class, with the sites kept on the inputs, the rest on others."""
    output = subject.part("logits", {})
    edits = [Edit(part, subject.clean(part, rows)) for part in kept if subject.upstream(part, output)]
    logits: Float[Tensor, "item class"] = subject.run(others, edits, [], output)[:, -1]
    right = model.labels[rows][:, None]
    total, lead = logits.sum(dim=1, keepdim=True), logits.gather(1, right)
    return float((lead - (total - lead) / (logits.shape[1] - 1)).mean())
