"""Testing a method from a test suite: cases with known answers, and checks of conduct.

``parametrize_with_cases`` puts one case of a suite to each test; ``check_method`` and
``parametrize_with_checks`` ask whether a method behaves: the same seed gives the same score, the model comes
back as it was, names do not matter. The names are loaded when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

_HOME = {
    "parametrize_with_cases": "fronts",
    "parametrize_with_checks": "fronts",
    "check_method": "fronts",
    "CheckResult": "fronts",
    "conformance_checks": "conformance",
    "load_case": "trials",
    "in_process": "callers",
    "CaseTrial": "trials",
    "CaseFailed": "failures",
    "CheckFailed": "failures",
}

__all__ = list(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]

if TYPE_CHECKING:
    from scrubkit.testing.callers import in_process as in_process
    from scrubkit.testing.conformance import conformance_checks as conformance_checks
    from scrubkit.testing.failures import CaseFailed as CaseFailed
    from scrubkit.testing.failures import CheckFailed as CheckFailed
    from scrubkit.testing.fronts import CheckResult as CheckResult
    from scrubkit.testing.fronts import check_method as check_method
    from scrubkit.testing.fronts import parametrize_with_cases as parametrize_with_cases
    from scrubkit.testing.fronts import parametrize_with_checks as parametrize_with_checks
    from scrubkit.testing.trials import CaseTrial as CaseTrial
    from scrubkit.testing.trials import load_case as load_case


def __getattr__(name: str) -> object:
    """Import a public name from the module that defines it."""
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module 'scrubkit.testing' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
