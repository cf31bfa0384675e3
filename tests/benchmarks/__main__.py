"""Quick benchmarks: ``python -m tests.benchmarks``; curves of size: ``python -m tests.benchmarks curve``.

The first prints one table, of which ``--only pass start`` measures some rows. The second starts a process
for each point, so that its peak of memory is its own, prints the numbers and draws `docs/img/size.svg`.
What takes longer is a command of its own: ``bench_training``, ``bench_train_kills``, ``bench_backends`` and
``bench_labels`` in this folder.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module

from tests.benchmarks.table import Row, shown

JOBS = {
    "pass": ("bench_scrub", "one_pass"),
    "hypotheses": ("bench_score", "hypotheses"),
    "many": ("bench_score", "many"),
    "start": ("bench_score", "start"),
    "depth": ("bench_depth", "depths"),
    "fast": ("bench_suites", "validate_fast"),
    "make": ("bench_suites", "make"),
    "train": ("bench_training", "steps"),
}
"""Name to the file and the function that measures its rows."""


def main() -> int:
    """Measure what is asked for and print it."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="?", choices=["table", "curve"], default="table")
    parser.add_argument("--only", nargs="+", metavar="NAME", help=f"of the table: {', '.join(JOBS)}")
    asked = parser.parse_args()
    if asked.what == "curve":
        from tests.benchmarks.curve import curves

        return curves()
    chosen = asked.only or list(JOBS)
    if unknown := [name for name in chosen if name not in JOBS]:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(JOBS)}")
    warnings.filterwarnings("ignore")
    import torch

    torch.set_num_threads(1)
    print(
        f"processor seconds, one thread; torch {torch.__version__}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    began, rows = time.monotonic(), list(_measured(chosen))
    print(f"{shown(rows)}\nin {time.monotonic() - began:.0f} s by the clock, load {os.getloadavg()[0]:.1f}")
    return 0 if all(row.seconds is not None for row in rows) else 1


def _measured(chosen: list[str]) -> Iterator[Row]:
    """Yield the rows; one that fails says so, and the others are measured all the same."""
    for name in chosen:
        file, function = JOBS[name]
        print(f"  {name} ...", file=sys.stderr, flush=True)
        try:
            measure: Callable[[], list[Row]] = getattr(import_module(f"tests.benchmarks.{file}"), function)
            yield from measure()
        except Exception as error:  # noqa: BLE001 - the other rows are worth having
            traceback.print_exc()
            yield Row(name, None, note=f"{type(error).__name__}: {error}"[:80])


if __name__ == "__main__":
    sys.exit(main())
