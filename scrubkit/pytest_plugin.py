"""The pytest plugin: one option, ``--scrubkit-report``. Without it nothing is imported and no hook runs."""

from __future__ import annotations

from pathlib import Path

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


def _fault(path: Path, formats: tuple[str, ...]) -> str:
    """Say why a report could not be written there; the empty string if it can."""
    from scrubkit.report.place import place_fault

    if path.suffix not in formats:
        return f"the file must end in {', '.join(formats[:-1])} or {formats[-1]}"
    return place_fault(path)
