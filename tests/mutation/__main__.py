"""Mutation testing of the engine and the labels, by hand; takes a core for half an hour and more.

    pip install cosmic-ray
    python -m tests.mutation --sample 200 --seed 1 --out mutants.jsonl

A run that was stopped goes on where it was. Survivors are listed at the end.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from scipy.stats import binomtest

from tests.mutation.mutants import Mutant, sample
from tests.mutation.run import copy_of, load_libraries, noticed

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Run the sample, or what of it is left, and print what survives."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("mutants.jsonl"))
    parser.add_argument("--only", default="", help="mutants whose name contains this")
    parser.add_argument("--again", action="store_true", help="run survivors of the file again")
    parser.add_argument("--list", action="store_true", help="list the sample and run nothing")
    options = parser.parse_args()
    mutants = [m for m in sample(ROOT, options.sample, options.seed) if options.only in m.name]
    if options.list:
        print("\n".join(f"{m.name}: {m.change(ROOT)}" for m in mutants))
        return 0
    known = _read(options.out)
    wanted = [m for m in mutants if m.name not in known or (options.again and not known[m.name]["noticed"])]
    load_libraries()
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_of(ROOT, Path(folder) / "repository")
        for mutant in wanted:
            began = time.perf_counter()
            by = noticed(copy, mutant, mutant.source(copy))
            seconds = round(time.perf_counter() - began, 1)
            known[mutant.name] = {"name": mutant.name, "noticed": by, "seconds": seconds}
            with options.out.open("a") as out:
                out.write(json.dumps(known[mutant.name]) + "\n")
            print(f"{'noticed' if by else 'SURVIVES'} {mutant.name} ({seconds:.0f} s)", flush=True)
    _summarise([known[m.name] for m in mutants if m.name in known], {m.name: m for m in mutants})
    return 0


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """Return the outcomes known already; the last line about a mutant counts."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {found["name"]: found for found in map(json.loads, lines)}


def _summarise(found: list[dict[str, Any]], mutants: dict[str, Mutant]) -> None:
    survivors = [each for each in found if not each["noticed"]]
    print(f"{len(survivors)} of {len(found)} mutants survive:")
    for each in survivors:
        print(f"  {each['name']}: {mutants[each['name']].change(ROOT)}")
    interval = binomtest(len(survivors), len(found)).proportion_ci(0.95)
    share = len(survivors) / len(found)
    print(f"{share:.1%}, 95 % interval {interval.low:.1%} to {interval.high:.1%}")


if __name__ == "__main__":
    raise SystemExit(main())
