"""Which algorithm a model runs, where that is clear: clock, pizza, or only measured.

A clear case has every cluster almost wholly explained by one of the two formulas, and gradients that agree
with it. Compiled models reach .998 and more. Trained ones mix the two: of the certified models that were
looked at, none had all of its clusters over .975 of either, so they are labelled by their figures alone.

The shares are measurements. That a trained network with a high share of one formula *is* a clock or a pizza
is a reading of them, and a contested one: arXiv:2512.25060 takes both for one algorithm. For a compiled model
the name is that of the formula by which its weights were written.
"""

from __future__ import annotations

from typing import Literal

from scrubkit.families.modular.certify.findings import Findings
from scrubkit.families.modular.certify.measures.planes import PlaneFit

CONTESTED = (
    "Clock and pizza: share of what the frequency's neurons write that each formula explains. The shares are "
    "measured; that trained networks fall into two algorithms by them is contested (arXiv:2512.25060)."
)
"""What a reader of the shares has to know."""

PURE = 0.99
"""Least share of every cluster that the formula must explain."""

LEANS = 0.9
"""Least share of every cluster that a formula must explain, and more than the other does, for a trained model
to be called of its kind."""

FLAT = 0.87
"""Largest share of any cluster that the clock's formula, without heights, may explain in a pizza: .81 in a
pure one, and a score's margin asks for .9."""

ALIKE = 0.99
"""Least gradient symmetricity of a pizza; it is 1 where only E_a + E_b is read."""

UNLIKE = 0.2
"""Largest gradient symmetricity of a clock; a product of features of a and of b has about 0 or less."""


def name_algorithm(found: Findings) -> str:
    """Return "clock", "pizza", or "measured" where neither is clear."""
    fits = telling_fits(found)
    if not fits:
        return "measured"
    gradient = found.symmetricity
    if all(fit.pizza >= PURE for fit in fits) and (gradient is None or gradient >= ALIKE):
        return "pizza"
    if all(fit.clock >= PURE for fit in fits) and (gradient is None or gradient <= UNLIKE):
        return "clock"
    return "measured"


def lean(found: Findings) -> Literal["clock", "pizza"] | None:
    """Return the formula that explains most of every cluster, None where there is no such one.

    A pizza has to have heights that a + b does not explain: there claims about a + b alone are false beyond
    the margin of a score.
    """
    fits = telling_fits(found)
    if fits and all(fit.clock >= LEANS and fit.clock > fit.pizza for fit in fits):
        return "clock"
    if fits and all(fit.pizza >= LEANS and fit.clock <= FLAT for fit in fits):
        return "pizza"
    return None


def telling_fits(found: Findings) -> list[PlaneFit]:
    """Return the fits of the frequencies on which the two formulas can be told apart.

    The last frequency of an even group has one wave, where they cannot.
    """
    return [fit for k, fit in found.fits.items() if 2 * k != found.layout.n]
