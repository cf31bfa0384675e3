"""Keeping the answers given in a run of tests, and writing their report when it ends.

Under pytest-xdist every worker keeps its own answers; they travel to the controller with the reports of its
tests. This module imports nothing heavy: what the report needs is imported when there is something to write.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scrubkit.testing.ledger import ledger

if TYPE_CHECKING:
    from scrubkit.harness.report import Report

ATTRIBUTE = "scrubkit_entries"
"""Where a test's report carries its answers."""
FORMATS = (".json", ".md", ".html")


class Recorder:
    """A pytest plugin, registered where ``--scrubkit-report`` is given.

    Args:
        path: file to write; its ending decides the form.
        worker: whether this process is a worker of pytest-xdist, which writes nothing itself.
    """

    def __init__(self, path: Path, *, worker: bool) -> None:
        self.path = path
        self.worker = worker
        self.entries: list[str] = []
        self.written: list[tuple[Path, Report]] = []
        self.began = time.perf_counter()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        """Keep what is answered while one test runs."""
        token = ledger.set([])
        try:
            return (yield)
        finally:
            ledger.reset(token)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Let the report of each phase carry what was answered in it."""
        report = yield
        kept = ledger.get()
        if kept:
            setattr(report, ATTRIBUTE, list(kept))
            kept.clear()
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the answers of a test, run here or by a worker."""
        self.entries += getattr(report, ATTRIBUTE, [])

    def pytest_sessionfinish(self) -> None:
        """Write the report."""
        if self.worker or not self.entries:
            return
        from scrubkit.report.place import write_report
        from scrubkit.testing.entries import reports

        found = reports(self.entries, time.perf_counter() - self.began)
        for number, report in enumerate(found):
            path = self.path if len(found) == 1 else self._numbered(number, report)
            write_report(path, _spelled(report, path.suffix))
            self.written.append((path, report))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was written, or that there was nothing to write."""
        if not self.written:
            terminalreporter.section("scrubkit")
            terminalreporter.write_line(f"no case was put to a method, so {self.path} was not written")
        for path, report in self.written:
            for method in report.methods:
                terminalreporter.write_line(
                    f"{method.name}: {len(method.results)} cases of {report.suite.name}, "
                    f"false accept {method.false_accept}, false reject {method.false_reject}, "
                    f"AUROC {method.auroc}"
                )
            terminalreporter.write_line(f"written to {path}")

    def _numbered(self, number: int, report: Report) -> Path:
        """Return a path of its own for each suite, seed and budget that cases were put under."""
        return self.path.with_stem(f"{self.path.stem}-{report.suite.name}-{number}")


def _spelled(report: Report, suffix: str) -> str:
    if suffix == ".md":
        from scrubkit.report.markdown import markdown

        return markdown(report)
    if suffix == ".html":
        from scrubkit.report.page import page

        return page(report)
    return report.model_dump_json(indent=1) + "\n"
