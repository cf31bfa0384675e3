"""Which algorithm a model runs, where that is clear: clock, pizza, or only measured.

A clear case has every cluster almost wholly explained by one of the two formulas, and gradients that agree
with it. Compiled models reach .998 and more. Trained ones mix the two: of the certified models that were
looked at, none had all of its clusters over .975 of either, so they are labelled by their figures alone.
"""

from __future__ import annotations

from scrubkit.families.modular.certify.findings import Findings

PURE = 0.99
"""Least share of every cluster that the formula must explain."""

ALIKE = 0.99
"""Least gradient symmetricity of a pizza; it is 1 where only E_a + E_b is read."""

UNLIKE = 0.2
"""Largest gradient symmetricity of a clock; a product of features of a and of b has about 0 or less."""


def name_algorithm(found: Findings) -> str:
    """Return "clock", "pizza", or "measured" where neither is clear."""
    n = found.layout.n
    # The last frequency of an even group has one wave, on which the two formulas cannot be told apart.
    fits = [fit for k, fit in found.fits.items() if 2 * k != n]
    if not fits:
        return "measured"
    gradient = found.symmetricity
    if all(fit.pizza >= PURE for fit in fits) and (gradient is None or gradient >= ALIKE):
        return "pizza"
    if all(fit.clock >= PURE for fit in fits) and (gradient is None or gradient <= UNLIKE):
        return "clock"
    return "measured"
