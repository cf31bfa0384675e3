"""The pytest plugin: the option ``--scrubkit-report``, totals at the end, messages that come first.

Nothing of scrubkit is imported unless the option is given.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("scrubkit").addoption(
        "--scrubkit-report",
        metavar="PATH",
        default=None,
        help="after the run, write a report of all cases put to methods: .json, .md or .html",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Count how answers fall, and begin to keep them where a report was asked for."""
    config.pluginmanager.register(_Totals(), "scrubkit-totals")
    chosen = config.getoption("scrubkit_report")
    if chosen is None:
        return
    from scrubkit.testing.recorder import FORMATS, Recorder

    path = config.invocation_params.dir / Path(chosen)
    fault = _fault(path, FORMATS)
    if fault:
        raise pytest.UsageError(f"--scrubkit-report={chosen}: {fault}")
    config.pluginmanager.register(Recorder(path, worker=hasattr(config, "workerinput")), "scrubkit-recorder")


FAILURES = "scrubkit.testing.failures"
"""Module of the failures of cases and checks; it is not imported here."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
    """Let the line of a failed case or check begin with its message, and not with the name of a class."""
    report = yield
    _carry(report)
    error = call.excinfo.value if call.excinfo is not None else None
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None and any(kind.__module__ == FAILURES for kind in type(error).__mro__):
        crash.message = str(error)
    return report


LEDGER = "scrubkit.testing.ledger"
"""Module where the answers of a test fall; where nobody has imported it, there are none."""
ATTRIBUTE = "scrubkit_fell"
"""Where a test's report carries how its answers fell, also from a worker of pytest-xdist."""
ORDER = ("right", "false accepted", "true rejected", "undecided", "without a valid answer")


def _carry(report: Any) -> None:
    """Let a report carry how the answers of its test fell."""
    module = sys.modules.get(LEDGER)
    if module is not None and module.fell:
        setattr(report, ATTRIBUTE, [list(one) for one in module.fell])
        module.fell.clear()


class _Totals:
    """Counts how answers fell, and says so at the end."""

    def __init__(self) -> None:
        self.counted: Counter[tuple[str, str, str]] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the answers of a test, run here or by a worker."""
        self.counted.update(tuple(one) for one in getattr(report, ATTRIBUTE, []))

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write a line for each method and suite."""
        if not self.counted:
            return
        terminalreporter.section("scrubkit")
        for method, suite in dict.fromkeys((method, suite) for method, suite, _ in self.counted):
            fell = {how: self.counted[method, suite, how] for how in ORDER}
            counts = ", ".join(f"{n} {how}" for how, n in fell.items() if n)
            terminalreporter.write_line(f"{method}: {sum(fell.values())} cases of {suite}: {counts}")


def _fault(path: Path, formats: tuple[str, ...]) -> str:
    """Say why a report could not be written there; the empty string if it can."""
    from scrubkit.report.place import place_fault

    if path.suffix not in formats:
        return f"the file must end in {', '.join(formats[:-1])} or {formats[-1]}"
    return place_fault(path)
