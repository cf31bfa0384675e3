"""Break each rule of the definition, and see which random hypotheses notice.

    python -m tests.mutation.notice [--rule WORDS]

A rule counts as noticed when a hypothesis of the suite's own sample is scored otherwise than the oracle does,
or the claim that `tests.oracle.test_rules` has for it.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from tests.mutation.breakages import BREAKAGES
from tests.oracle.adapter import build
from tests.oracle.cases import Case, subject_of
from tests.oracle.compare import beside, oracle_figures
from tests.oracle.test_oracle import RANDOM, chosen
from tests.oracle.test_rules import RULES, scored


@dataclass(frozen=True)
class Known:
    """A case with the oracle's figures."""

    case: Case
    mine: dict[str, float]

    def noticed(self) -> str:
        """Score it anew with scrubkit and return what differs, "" for nothing."""
        this = replace(self.case, subject=subject_of(self.case.subject.name))
        found = beside(
            self.mine, this.subject, this.graph, resample_root=this.resample_root, seed=this.number
        )
        return "" if found.kind == "agree" else f"{found.kind}: {found.text}"


QUICK = ("few-rows-p7", "weighted-p5", "functions", "two-blocks")
"""Subjects whose cases take little time; they go first."""


def known_cases() -> Iterator[Known]:
    """Yield the suite's random cases, subjects taking turns, those of quick ones first."""
    for some in (QUICK, [name for name in RANDOM if name not in QUICK]):
        lists = [chosen(name, RANDOM[name]) for name in some]
        for i in range(max(map(len, lists))):
            yield from (_known(each[i]) for each in lists if i < len(each))


class Kept:
    """Cases with their figures, found when they are first asked for."""

    def __init__(self) -> None:
        self._more = known_cases()
        self._found: list[Known] = []

    def __iter__(self) -> Iterator[Known]:
        yield from self._found
        for known in self._more:
            self._found.append(known)
            yield known


def _known(case: Case) -> Known:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mine = oracle_figures(case.subject, case.graph, resample_root=case.resample_root)
    return Known(case, mine)


def noticing(rule: str, cases: Iterable[Known], most: int) -> list[tuple[str, int, str]]:
    """Return subject, number and difference of the first cases that notice that a rule is broken."""
    found = []
    build.cache_clear()
    with BREAKAGES[rule]():
        if rule in RULES and scored(RULES[rule]) == "differ":
            return [("a claim of its own", 0, "differs")]
        for known in cases:
            text = known.noticed()
            if text:
                found.append((known.case.subject.name, known.case.number, text))
            if len(found) == most:
                break
    build.cache_clear()
    return found


def main() -> int:
    """Print a table of rules."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rule", default="", help="only rules whose words contain this")
    parser.add_argument("--after", default="", help="begin after the rule of these words")
    parser.add_argument("--most", type=int, default=1, help="noticing cases to look for")
    options = parser.parse_args()
    cases = Kept()
    unnoticed = 0
    rules = [rule for rule in BREAKAGES if options.rule in rule]
    first = next((i + 1 for i, rule in enumerate(rules) if options.after and options.after in rule), 0)
    for rule in rules[first:]:
        began = time.perf_counter()
        found = noticing(rule, cases, options.most)
        unnoticed += not found
        where = ", ".join(f"{name} {number}" for name, number, _ in found) or "NOT NOTICED"
        print(f"{rule}: {where} ({time.perf_counter() - began:.0f} s)")
        print(f"    {found[0][2][:120] if found else ''}", flush=True)
    print(f"{unnoticed} of {len(rules) - first} rules are not noticed")
    return int(unnoticed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
