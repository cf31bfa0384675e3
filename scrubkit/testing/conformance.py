"""The conformance checks of a method, as one generator that both fronts use.

What they ask is not whether a method is right, but whether its answers can be trusted to be about the model
and the hypothesis that it was given. A method that is no good passes most of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scrubkit.errors import BenchError, nearest
from scrubkit.harness.stranger import roles
from scrubkit.methods.protocol import Budget
from scrubkit.testing import callers, finder_checks, scorer_checks
from scrubkit.testing.bench import Bench


@dataclass(frozen=True)
class Check:
    """One check, to be made of one method.

    Attributes:
        name: such as "same_seed_same_score".
        claim: what holds of a method that passes, in words.
        function: makes the check.
        seed: decides the generator that the method is given.
        budget: what one question may cost.
        expected_failure: why the method is known to fail, "" if it is not.
    """

    name: str
    claim: str
    function: Callable[[Bench], None] = field(repr=False)
    seed: int = 0
    budget: Budget = field(default_factory=Budget)
    expected_failure: str = ""

    def __call__(self, method: Any) -> None:
        """Make the check.

        Raises:
            CheckFailed: the method does not pass; says what was got and expected.
            CheckSkipped: the check cannot be made here.
        """
        __tracebackhide__ = True
        self.function(Bench(callers.found(method), self.name, self.seed, self.budget))


def conformance_checks(
    method: Any,
    *,
    seed: int = 0,
    budget: Budget | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Iterator[Check]:
    """Yield the checks that a method has to pass: those of scorers, those of finders, or both.

    Args:
        method: an instance, a class without arguments, ``module:attribute``, or a name.
        seed: decides all randomness that the method is given.
        budget: what one question may cost.
        expected_failures: names of checks that the method is known to fail, each with the reason.

    Raises:
        BenchError: there is no such method or no such check, or a reason is missing.
    """
    found = callers.found(method)
    require_mapping(expected_failures)
    functions: list[Callable[[Bench], None]] = []
    if "score" in roles(found):
        functions += scorer_checks.CHECKS
    if "find" in roles(found):
        functions += finder_checks.CHECKS
    names = [function.__name__ for function in functions]
    expected = dict(expected_failures or {})
    _require_known(expected, names)
    _require_reasons(expected)
    for function in functions:
        name = function.__name__
        claim = (function.__doc__ or "").strip()
        yield Check(name, claim, function, seed, budget or Budget(), expected.get(name, ""))


FIRST = (scorer_checks.CHECKS[0], finder_checks.CHECKS[0])
"""Checks that a method gives valid answers at all, without which no other can be made."""


def chosen(checks: Iterator[Check], only: Any) -> list[Check]:
    """Return the checks of these names, or all where none are named.

    Raises:
        BenchError: there is no check of a name.
    """
    every = list(checks)
    if only is None:
        return every
    wanted = [only] if isinstance(only, str) else list(only)
    _require_known(wanted, [check.name for check in every])
    return [check for check in every if check.name in wanted]


def require_mapping(expected: Any) -> None:
    """Refuse expected failures without reasons; raises BenchError."""
    if expected is not None and not isinstance(expected, Mapping):
        raise BenchError(
            f"expected_failures must be a mapping of names to reasons, found {type(expected).__name__}"
        )


def _require_known(given: Any, names: list[str]) -> None:
    faults = [
        f"no check {name!r}{nearest(str(name), names)}; checks of this method are {', '.join(names)}"
        for name in given
        if name not in names
    ]
    if faults:
        raise BenchError(faults, title="conformance checks")


def _require_reasons(expected: Mapping[str, Any]) -> None:
    faults = [
        f"{name}: an expected failure needs a reason in words, found {reason!r}"
        for name, reason in expected.items()
        if not isinstance(reason, str) or not reason.strip()
    ]
    if faults:
        raise BenchError(faults, title="expected failures")
