"""What a hypothesis's author expects of a model, for the model's variant.

A file may name the variant of a compiled model ("steps"), or "trained" for any model whose algorithm was
measured. Where measurement tells kinds apart a file may name the kind as well: a truth of the variant
"measured-steps" is first looked up as "trained-steps".
"""

from __future__ import annotations

from scrubkit.hypothesis import Hypothesis
from scrubkit.models.model import Model

MEASURED = "measured"


def variant_keys(model: Model) -> tuple[str, ...]:
    """Return the names under which `expect` may speak of a model, the most particular first."""
    variant = model.truth.variant if model.truth is not None else None
    if variant is None:
        return ("trained",)
    if variant == MEASURED:
        return (MEASURED, "trained")
    if variant.startswith(f"{MEASURED}-"):
        return (variant.replace(MEASURED, "trained", 1), MEASURED, "trained")
    return (variant,)


def expected_verdicts(hypothesis: Hypothesis, model: Model) -> tuple[str, ...]:
    """Return the verdicts that the author takes for right on this model; empty where nothing is said."""
    for key in variant_keys(model):
        if key in hypothesis.expect:
            return hypothesis.expect[key]
    return ()
