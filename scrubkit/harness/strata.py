"""In which way a false hypothesis is false: the strata of a suite.

A label that names its stratum is taken at its word. Labels of version 1 do not: those of programs carry it as
the operator, and those of modular models are read from their evidence, where a claim that fails nothing but
"matters" names a part that is idle, one that fails "irrelevant" leaves something out, and any other says too
little of what a part carries.
"""

from __future__ import annotations

from collections.abc import Iterable

from scrubkit.bench.case import Case
from scrubkit.bench.label.criteria import failed

STRATA = ("left-out", "too-coarse", "wrong-place", "not-needed", "rare")
"""The strata in the order of tables; labels may have others, which follow by name."""
NOT_NEEDED = "not-needed"
"""False only in that something named is idle: no error of a method that makes no claim of minimality."""


def stratum_of(case: Case) -> str:
    """Return the stratum of a false case; empty for one that is not false, or of which nothing is known."""
    if case.label.label != "false":
        return ""
    named = getattr(case.label, "stratum", None)
    if named:
        return str(named)
    if case.operator in STRATA:
        return case.operator
    fails = {evidence.claim for evidence in case.label.evidence if failed(evidence)}
    if not fails:
        return ""
    if fails == {"matters"}:
        return NOT_NEEDED
    return "left-out" if "irrelevant" in fails else "too-coarse"


def ordered(names: Iterable[str]) -> list[str]:
    """Return strata in the order of tables, each once."""
    found = set(names) - {""}
    return [name for name in STRATA if name in found] + sorted(found - set(STRATA))
