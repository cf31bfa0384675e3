"""The fronts: conformance checks from Python and from pytest, and cases of a suite for pytest.

The pytest fronts return plain ``pytest.mark.parametrize``; they need pytest, and not the plugin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from scrubkit.bench.suites import Suite
from scrubkit.errors import BenchError
from scrubkit.methods.protocol import Budget
from scrubkit.testing import callers
from scrubkit.testing.conformance import FIRST, Check, chosen, conformance_checks, require_mapping
from scrubkit.testing.failures import CheckFailed, CheckSkipped, WrongAnswer
from scrubkit.testing.trials import CaseTrial, some, trials

if TYPE_CHECKING:
    import pytest


@dataclass(frozen=True)
class CheckResult:
    """What became of one conformance check.

    Attributes:
        name: name of the check.
        state: "passed", "failed" as it was expected to, or "skipped".
        reason: why it failed or was skipped, in words.
    """

    name: str
    state: Literal["passed", "failed", "skipped"]
    reason: str = ""


def check_method(
    method: Any,
    *,
    only: str | Iterable[str] | None = None,
    seed: int = 0,
    budget: Budget | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> tuple[CheckResult, ...]:
    """Make all conformance checks of a method.

    Args:
        method: an instance, a class without arguments, ``module:attribute``, or a name.
        only: names of checks; all by default.
        seed: decides all randomness that the method is given.
        budget: what one question may cost.
        expected_failures: names of checks that the method is known to fail, each with the reason.

    Returns:
        What became of each check.

    Raises:
        CheckFailed: with all checks that fail, and with expected failures that no longer do.
        BenchError: there is no such method or no such check, or a reason is missing.
    """
    __tracebackhide__ = True
    found = callers.found(method)
    checks = conformance_checks(found, seed=seed, budget=budget, expected_failures=expected_failures)
    results: list[CheckResult] = []
    failures: list[str] = []
    for check in chosen(checks, only):
        try:
            check(found)
        except CheckSkipped as skipped:
            results.append(CheckResult(check.name, "skipped", str(skipped)))
        except CheckFailed as failed:
            results.append(CheckResult(check.name, "failed", check.expected_failure))
            if not check.expected_failure:
                failures.append(str(failed))
                if check.function in FIRST:
                    failures.append("the other checks were not made: they need valid answers")
                    break
        else:
            results.append(CheckResult(check.name, "passed"))
            if check.expected_failure:
                failures.append(_stale(found.name, check))
    if failures:
        raise CheckFailed("\n\n".join(failures))
    return tuple(results)


def parametrize_with_checks(
    method: Any,
    *,
    seed: int = 0,
    budget: Budget | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> pytest.MarkDecorator:
    """Make one test of each conformance check: ``def test_conduct(method, check): check(method)``.

    Arguments are those of `check_method`; of a list of methods, each is asked for its checks. An expected
    failure is a strict xfail: once the check passes, the test fails until the expectation is removed.

    Raises:
        BenchError: there is no such method or no such check, two methods have one name, or a reason is
            missing.
    """
    import pytest

    sources = list(method) if isinstance(method, list | tuple) else [method]
    methods = [callers.found(source) for source in sources]
    _require_names([one.name for one in methods])
    params = [
        pytest.param(
            found,
            _Skipping(check),
            id=f"{found.name}-{check.name}",
            marks=_marks(check.expected_failure, check.name, CheckFailed),
        )
        for found in methods
        for check in conformance_checks(found, seed=seed, budget=budget, expected_failures=expected_failures)
    ]
    return pytest.mark.parametrize(("method", "check"), params)


def parametrize_with_cases(
    suite: str | Path | Suite = "fast",
    *,
    where: Callable[[CaseTrial], bool] | None = None,
    sample: int | None = None,
    seed: int = 0,
    budget: Budget | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> pytest.MarkDecorator:
    """Make one test of each case of a suite: ``def test_case(case): case.check(MyMethod())``.

    The ids are those of the cases, such as ``pizza-p59-wrong_frequency-3``.

    Args:
        suite: name of a published suite, a manifest file, or the suite itself.
        where: keeps the cases of which it is true, such as ``lambda case: case.label.label == "false"``.
        sample: so many of these cases only, by label, stratum and variant of model, the same every time.
        seed: decides all randomness that methods are given.
        budget: what one question may cost.
        expected_failures: cases that the method is known to get wrong, by id or by a pattern of ids such as
            ``*-wrong_frequency-*``, each with the reason. Every case that a pattern fits has to be answered
            wrongly: one that passes, or gets no valid answer, fails its test until the pattern is mended.

    Raises:
        BenchError: there is no such suite, no case is left, a pattern fits none, or a reason is missing.
    """
    import pytest

    if callable(suite):
        raise BenchError("parametrize_with_cases needs its parentheses: @parametrize_with_cases()")
    require_mapping(expected_failures)
    found = [trial for trial in trials(suite, seed=seed, budget=budget) if where is None or where(trial)]
    expected = dict(expected_failures or {})
    _require_cases(found, expected, suite)
    params = [
        pytest.param(
            trial,
            id=trial.id,
            marks=_marks(*_expectation(trial.id, expected), WrongAnswer),
        )
        for trial in (found if sample is None else some(found, sample))
    ]
    return pytest.mark.parametrize("case", params)


def _require_names(names: list[str]) -> None:
    """Refuse no methods, which would pass, and two that cannot be told apart; raises BenchError."""
    faults = [] if names else ["no methods are given; there would be no test at all"]
    twice = sorted({name for name in names if names.count(name) > 1})
    faults += [f"two methods are called {name!r}; give one another name" for name in twice]
    if faults:
        raise BenchError(faults, title="conformance checks")


@dataclass(frozen=True)
class _Skipping:
    """A check under pytest: one that cannot be made here is a skipped test."""

    check: Check

    def __call__(self, method: Any) -> None:
        __tracebackhide__ = True
        import pytest

        try:
            self.check(method)
        except CheckSkipped as skipped:
            pytest.skip(str(skipped))


def _expectation(case_id: str, expected: Mapping[str, str]) -> tuple[str, str]:
    """Return the reason and the pattern of the first expectation that fits a case; empty if none does."""
    return next(((expected[p], p) for p in expected if fnmatchcase(case_id, p)), ("", ""))


def _marks(reason: str, entry: str, raises: type[AssertionError]) -> list[Any]:
    import pytest

    if not reason:
        return []
    # Pytest shows the reason both where the failure came and where it did not.
    text = f"{reason} [expected failure {entry!r}: narrow or remove it if this passes]"
    return [pytest.mark.xfail(reason=text, raises=raises, strict=True)]


def _require_cases(found: list[CaseTrial], expected: Mapping[str, Any], suite: Any) -> None:
    """Refuse an empty list of cases, which would pass, and expectations about nothing or without a reason."""
    faults = [] if found else ["no case is left; there would be no test at all"]
    for pattern, reason in expected.items():
        if not any(fnmatchcase(trial.id, pattern) for trial in found):
            faults.append(f"expected failure {pattern!r} fits none of the {len(found)} cases; remove it")
        if not isinstance(reason, str) or not reason.strip():
            faults.append(f"expected failure {pattern!r} needs a reason in words, found {reason!r}")
    if faults:
        name = suite.name if isinstance(suite, Suite) else str(suite)
        raise BenchError(faults, title=f"cases of {name}")


def _stale(method: str, check: Check) -> str:
    return (
        f"{method} passes the check {check.name}, which it is expected to fail "
        f"({check.expected_failure}); remove the expectation"
    )
