"""Walk one score as data: ``python -m tests.benchmarks.walk [HYPOTHESIS]``.

Counts, for one hypothesis on a model whose tables are there, the files of scrubkit entered, the calls
that go from one file to another, how often a site is resolved and a feature evaluated, and how often the
plan's file is entered from another while it binds.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import scrubkit
from scrubkit.core.feature import Feature
from scrubkit.subjects.sites import Sites

PACKAGE = str(Path(scrubkit.__file__).parent)


def main() -> None:
    """Print the counts."""
    source = sys.argv[1] if len(sys.argv) > 1 else "hypotheses/modular_addition/sum.py"
    model = scrubkit.load("modadd-p59")
    scorer = scrubkit.Scorer(model, device="cpu")
    scorer.score(source)
    moves: Counter[tuple[str, str]] = Counter()
    calls: Counter[Any] = Counter()
    watched = {Sites.part.__code__: "site", Feature.values.__code__: "feature"}

    def watch(frame: FrameType, event: str, argument: object) -> None:
        if event != "call" or not frame.f_code.co_filename.startswith(PACKAGE):
            return
        calls[watched.get(frame.f_code)] += 1
        came = frame.f_back
        while came is not None and not came.f_code.co_filename.startswith(PACKAGE):
            came = came.f_back
        if came is not None and came.f_code.co_filename != frame.f_code.co_filename:
            moves[came.f_code.co_filename, frame.f_code.co_filename] += 1

    hypothesis = scrubkit.load_hypothesis(source, truth=model.truth)
    sys.setprofile(watch)
    scorer.score(hypothesis, draws=2)
    sys.setprofile(None)
    files = {name for pair in moves for name in pair}
    into_plan = sum(n for (_, to), n in moves.items() if to.endswith("/plan.py"))
    print(f"{hypothesis.name}: {len(hypothesis.nodes)} nodes, two passes")
    print(f"  files {len(files)}, moves between files {sum(moves.values())}")
    print(f"  sites resolved {calls['site']}, features evaluated {calls['feature']}")
    print(f"  plan.py entered from other files {into_plan} times")


if __name__ == "__main__":
    main()
