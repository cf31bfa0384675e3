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
    if path.suffix not in FORMATS:
        allowed = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
        raise pytest.UsageError(f"--scrubkit-report={chosen}: the file must end in {allowed}")
    config.pluginmanager.register(Recorder(path, worker=hasattr(config, "workerinput")), "scrubkit-recorder")
