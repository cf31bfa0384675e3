"""Compare many random hypotheses by hand: ``python -m tests.oracle --count 5000 --seed 1``."""

from __future__ import annotations

import argparse
import time
from collections import Counter

from tests.oracle.cases import Case, cases
from tests.oracle.compare import Outcome, compare, scorable, snippet
from tests.oracle.minimise import minimise


def main() -> int:
    """Run the comparison and print a summary, with every disagreement made small."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="comparisons to make")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=int, default=0, help="number of the first case, to go on with a run")
    parser.add_argument("--subjects", default="", help="only subjects whose name contains this")
    parser.add_argument("--joint", type=float, default=4_000, help="joint draws of a hypothesis at most")
    parser.add_argument("--show", type=int, default=10, help="disagreements to print")
    options = parser.parse_args()
    began, kinds, refusals, shown = time.perf_counter(), Counter(), Counter(), 0
    for case in cases(options.seed, options.start, options.subjects):
        if not scorable(case.subject, case.graph, options.joint):
            continue
        outcome = case.compare()
        kinds[outcome.kind] += 1
        kinds[f"{case.subject.name.split(':')[0]}: {outcome.kind}"] += 1
        if outcome.kind == "refused":
            refusals[outcome.text[:160]] += 1
        if outcome.kind in ("differ", "crash") and shown < options.show:
            shown += 1
            _show(case, outcome)
        done = sum(kinds[kind] for kind in ("agree", "differ", "crash"))
        if done % 100 == 0 or done >= options.count:
            print(
                f"{done} compared, {kinds['agree']} agree; go on with --start {case.number + 1}", flush=True
            )
        if done >= options.count:
            break
    for kind, count in sorted(kinds.items()):
        print(f"{count:6} {kind}")
    for text, count in refusals.most_common(8):
        print(f"{count:6} refused: {text}")
    print(f"{time.perf_counter() - began:.0f} s")
    return int(kinds["differ"] + kinds["crash"] > 0)


def _show(case: Case, outcome: Outcome) -> None:
    def still_wrong(graph) -> bool:
        return compare(case.subject, graph, resample_root=case.resample_root).kind == outcome.kind

    smallest = minimise(case.graph, still_wrong, "(x, y)" if case.subject.loss else "(a, b)")
    found = compare(case.subject, smallest, resample_root=case.resample_root)
    print(f"--- case {case.number}: {found.kind}: {found.text}")
    print(snippet(case.subject, smallest, resample_root=case.resample_root), flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
