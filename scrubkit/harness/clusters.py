"""Which cases are no independent evidence of each other: those on one model, and those made in one way.

Variants of one base program are the same parts differently arranged, so that the base is what was drawn, and
not the variant. Mutants of one operator fool a method together, and so do true claims of one kind.
"""

from __future__ import annotations

from collections.abc import Sequence

from scrubkit.bench.case import Case, ModelSpec
from scrubkit.bench.nulls import KIND
from scrubkit.harness.report import CaseResult
from scrubkit.harness.strata import STRATA

FEWEST = 6
"""Ways in which cases are made count as drawn from many where there are so many; fewer are a fixed design."""


def unit_of(case: Case) -> str:
    """Return what was drawn to make a case's model: the base of a program, or else the model itself."""
    return unit_of_spec(case.model)


def unit_of_spec(spec: ModelSpec) -> str:
    """Return what was drawn to make a model."""
    if spec.kind == KIND:
        spec = ModelSpec.model_validate(spec.options["of"])
    if "base" in spec.options:
        small = "-small" if spec.options.get("small") else ""
        return f"{spec.kind}-{spec.options.get('style', '')}-{spec.options['base']}{small}"
    return spec.key[:12]


def clusterings(results: Sequence[CaseResult]) -> list[list[str]]:
    """Return the ways in which some cases cluster: by unit, and by the way in which they were made."""
    made = [_made(result) for result in results]
    by_unit = [result.unit or result.case for result in results]
    return [by_unit, made] if len(set(made)) >= FEWEST else [by_unit]


def _made(result: CaseResult) -> str:
    """Return how a case was made: a mutant by its operator, a true claim by its kind.

    The strata of programs are no operators: they are all the ways there are to be false.
    """
    operator = "" if result.operator in STRATA else result.operator
    return operator if operator not in ("", "none") else f"of {result.family}"
