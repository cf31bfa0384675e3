"""What a hypothesis's author expects of a model, for the model's variant.

A file may name a compiled variant ("pizza", "clock-torus", "clock-attention"), or "trained" for any model
whose algorithm was measured.
"""

from __future__ import annotations

from scrubkit.hypothesis import Hypothesis
from scrubkit.models.model import Model


def variant_keys(model: Model) -> tuple[str, ...]:
    """Return the names under which `expect` may speak of a model, the most particular first."""
    variant = model.truth.variant if model.truth is not None else None
    if variant is None or variant == "measured":
        return ("measured", "trained") if variant else ("trained",)
    return (variant,)


def expected_verdicts(hypothesis: Hypothesis, model: Model) -> tuple[str, ...]:
    """Return the verdicts that the author takes for right on this model; empty where nothing is said."""
    for key in variant_keys(model):
        if key in hypothesis.expect:
            return hypothesis.expect[key]
    return ()
