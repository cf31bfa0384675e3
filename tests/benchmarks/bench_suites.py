"""Suites: ``python -m tests.benchmarks --only fast make``."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from scrubkit.bench.suites import load_suite
from scrubkit.families.programs.suites.stream import stream
from scrubkit.harness.run import validate
from tests.benchmarks.table import Row

SCRUBS = ["causal-scrubbing", "audited-scrubbing"]


def validate_fast() -> list[Row]:
    """Put both scrubs to the suite `fast`."""
    suite = load_suite("fast")
    began = time.process_time()
    report = validate(SCRUBS, suite, in_process=True)
    seconds = time.process_time() - began
    what = f"validate {' '.join(SCRUBS)}, suite fast ({report.asked} questions)"
    return [Row(what, seconds, at_most=15)]


def make(programs: int = 16) -> list[Row]:
    """Make a small suite of programs."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        made = stream(Path(folder) / "suite", seed=1, programs=programs, jobs=1)
        seconds = time.process_time() - began
    return [Row(f"make-suite programs: {programs} programs, {made.n_cases} cases", seconds)]
