"""The value that a scrubbing score estimates, by enumeration, on models small enough for it.

A method names what it estimates by an attribute ``estimand``: "loss_recovered", "fidelity" or
"faithfulness", as `scrubkit.Score` defines them. Its stated intervals can then be held against the truth.
"""

from __future__ import annotations

import torch

from scrubkit.errors import ScrubkitError
from scrubkit.hypothesis import Hypothesis
from scrubkit.models.model import Model
from scrubkit.scrubbing.scoring import Scorer

ESTIMANDS = ("loss_recovered", "fidelity", "faithfulness")
MAX_INPUTS = 200
"""Largest domain on which values are enumerated."""
MAX_RUNS = 200_000
"""Largest number of runs that one value may take."""


def exact_value(estimand: str | None, model: Model, hypothesis: Hypothesis) -> float | None:
    """Return the expectation of a figure over all draws, or None where it cannot be enumerated.

    Args:
        estimand: which figure; None or an unknown one gives None.
        model: the model.
        hypothesis: what is scrubbed.
    """
    if estimand not in ESTIMANDS or model.task.n_inputs > MAX_INPUTS:
        return None
    try:
        found = Scorer(model, device="cpu", dtype=torch.float64).score(
            hypothesis, exact=True, max_runs=MAX_RUNS
        )
    except ScrubkitError:
        return None
    figure = getattr(found, estimand)
    return None if figure is None else figure.value
