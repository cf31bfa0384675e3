"""The value that a scrubbing score estimates, by enumeration, on models small enough for it.

A method names what it estimates by an attribute ``estimand``: "loss_recovered", "fidelity" or
"faithfulness", as `scrubkit.Score` defines them. Its stated intervals can then be held against the truth.
"""

from __future__ import annotations

import torch

from scrubkit.errors import ScrubkitError
from scrubkit.hypothesis import Hypothesis
from scrubkit.models.model import Model
from scrubkit.scrubbing.engine import EngineSubject
from scrubkit.scrubbing.exact import enumerate_outputs
from scrubkit.scrubbing.figures import Levels, figures_of
from scrubkit.scrubbing.plan import bind

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
        subject = EngineSubject(model, "cpu", torch.float64)
        outputs = enumerate_outputs(subject, bind(hypothesis, subject), max_runs=MAX_RUNS)
    except ScrubkitError:
        return None
    levels = Levels(model.logits(), model.labels)
    means = dict.fromkeys(("loss", "kl", "squared_change"), 0.0)
    for row, distribution in enumerate(outputs):
        rows = torch.full((len(distribution.probabilities),), row)
        figures = figures_of(distribution.values, rows, levels)
        for name in means:
            means[name] += float(figures[name] @ distribution.probabilities) / len(outputs)
    if estimand == "fidelity":
        return 1 - means["squared_change"] / levels.permuted_change
    if estimand == "faithfulness":
        return 1 - means["kl"] / levels.permuted_kl
    return (means["loss"] - levels.baseline_loss) / (levels.model_loss - levels.baseline_loss)
