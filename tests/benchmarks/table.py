"""Rows of the table of benchmarks, and how what they hold is measured.

Seconds are those of the processor, since others may use the machine, and the least of several repeats, which
has the least to do with them. What is compared takes turns, so that whatever slows one slows the other.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Row:
    """One thing that was measured.

    Attributes:
        what: in words.
        seconds: processor seconds; None where it could not be measured.
        against: what it is compared with.
        ratio: how many times longer that took.
        at_least: ratio that is aimed at.
        at_most: seconds that are aimed at.
        note: anything else.
    """

    what: str
    seconds: float | None
    against: str = ""
    ratio: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    @property
    def target(self) -> str:
        """What is aimed at, in words."""
        if self.at_least is not None:
            return f">= {self.at_least:g} times"
        return "" if self.at_most is None else f"<= {self.at_most:g} s"

    @property
    def met(self) -> str:
        """Whether it is reached."""
        if self.at_least is not None and self.ratio is not None:
            return "yes" if self.ratio >= self.at_least else "no"
        if self.at_most is not None and self.seconds is not None:
            return "yes" if self.seconds <= self.at_most else "no"
        return ""


def fastest(
    jobs: Mapping[str, Callable[[], object]], budget: float, most: int = 100
) -> tuple[dict[str, float], dict[str, float]]:
    """Let some jobs take turns; return the least processor seconds of each, and the median over the least.

    Args:
        jobs: what to run, by name.
        budget: processor seconds to spend, roughly; each job runs twice at least.
        most: turns at most.
    """
    times: dict[str, list[float]] = {name: [] for name in jobs}
    until = time.process_time() + budget
    turns = 0
    while turns < 2 or (turns < most and time.process_time() < until):
        for name, job in jobs.items():
            began = time.process_time()
            job()
            times[name].append(time.process_time() - began)
        turns += 1
    least = {name: min(took) for name, took in times.items()}
    return least, {name: sorted(took)[len(took) // 2] / least[name] for name, took in times.items()}


def seconds_of_child(arguments: Sequence[str], repeats: int = 1) -> float:
    """Return the least processor seconds of a Python process, its start included."""
    found = []
    for _ in range(repeats):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        asked = [sys.executable, "-W", "ignore", *arguments]
        done = subprocess.run(asked, check=False, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return min(found)


def shown(rows: Sequence[Row]) -> str:
    """Return the table as text."""
    head = ("what", "seconds", "against", "ratio", "target", "met", "")
    lines = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(w) if i in (1, 3) else cell.ljust(w)
            for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _cells(row: Row) -> tuple[str, ...]:
    seconds = "not run" if row.seconds is None else f"{row.seconds:.4g}"
    ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
    return (row.what, seconds, row.against, ratio, row.target, row.met, row.note)
