"""The pytest plugin: the option ``--scrubkit-report``, and summary lines that begin with what failed.

Nothing of scrubkit is imported unless the option is given.
"""

from __future__ import annotations

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
    """Begin to keep answers where a report was asked for."""
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
    error = call.excinfo.value if call.excinfo is not None else None
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None and any(kind.__module__ == FAILURES for kind in type(error).__mro__):
        crash.message = str(error)
    return report


def _fault(path: Path, formats: tuple[str, ...]) -> str:
    """Say why a report could not be written there; the empty string if it can."""
    from scrubkit.report.place import place_fault

    if path.suffix not in formats:
        return f"the file must end in {', '.join(formats[:-1])} or {formats[-1]}"
    return place_fault(path)
