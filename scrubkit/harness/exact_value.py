"""The value that a scrubbing score estimates, by enumeration, on models small enough for it.

A method names what it estimates by an attribute ``estimand``: "loss_recovered", "fidelity" or
"faithfulness", as `scrubkit.Score` defines them. Its stated intervals can then be held against the truth.
"""

from __future__ import annotations

import torch

from scrubkit.errors import ScrubkitError
from scrubkit.harness.questions import Given
from scrubkit.hypothesis import Hypothesis
from scrubkit.scrubbing.scoring import Scorer
from scrubkit.subjects.function_graph import FunctionGraph

ESTIMANDS = ("loss_recovered", "fidelity", "faithfulness")
MAX_INPUTS = 200
"""Largest domain on which values are enumerated."""
MAX_RUNS = 200_000
"""Largest number of runs that one value may take."""


def exact_value(estimand: str | None, model: Given, hypothesis: Hypothesis) -> float | None:
    """Return the expectation of a figure over all draws, or None where it cannot be enumerated.

    Args:
        estimand: which figure; None or an unknown one gives None.
        model: the model, or a graph of functions.
        hypothesis: what is scrubbed.
    """
    size = (model if isinstance(model, FunctionGraph) else model.task).n_inputs
    if estimand not in ESTIMANDS or size > MAX_INPUTS:
        return None
    try:
        found = Scorer(model, device="cpu", dtype=torch.float64).score(
            hypothesis, exact=True, max_runs=MAX_RUNS
        )
    except ScrubkitError:
        return None
    figure = getattr(found, estimand)
    return None if figure is None else figure.value
