"""The suite ``fast``: bases of arranged models, each text asked as often where it is true as where it is not.

Bases are made one by one, and kept as they are made where a folder is given. False claims of the stratum
``rare`` are a quarter at most, vacuous ones are a set of their own.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scrubkit.bench.case import Case, ModelSpec
from scrubkit.bench.label import Judge
from scrubkit.bench.manifest import Progress, Suite, read, write
from scrubkit.bench.side_by_side import side_by_side
from scrubkit.errors import BenchError, ModelError
from scrubkit.families.modular.suites import arranged
from scrubkit.families.modular.suites.asked import base_cases
from scrubkit.families.modular.suites.bases import arrangements
from scrubkit.families.modular.suites.texts import vacuous
from scrubkit.hypothesis import from_graph, to_json

NAME = "fast"
VERSION = "2"
"""Version 1 was made by `scrubkit.families.modular.suites.make`, and is superseded."""
BASES = (
    ("roles", 11, 14),
    ("algorithm", 11, 14),
    ("deciding", 11, 10),
    ("difference", 11, 14),
    ("pizza-roles", 11, 14),
    ("roles", 13, 14),
    ("deciding", 13, 10),
    ("algorithm", 13, 14),
    ("pizza-roles", 13, 14),
    ("difference", 13, 14),
    ("algorithm", 17, 14),
    ("roles", 17, 14),
)
"""Style, modulus, and how many true and how many false cases are wanted of each base."""
TEXTS = 26
"""Most texts of a base that are asked."""
RARE = 0.25
"""Largest share of the stratum ``rare`` among the false cases."""


@dataclass(frozen=True)
class Base:
    """A base that is to be made.

    Attributes:
        style: what differs between its arrangements.
        p: modulus.
        pairs: how many true and how many false cases are wanted.
        number: which seeds it.
        path: where its cases are kept; None keeps none.
    """

    style: str
    p: int
    pairs: int
    number: int
    path: Path | None


def make(
    seed: int = 0, *, folder: Path | None = None, jobs: int = 1, progress: Progress | None = None
) -> Suite:
    """Make the suite.

    Args:
        seed: decides models and choices.
        folder: where the cases of each base are kept, to go on from there after a kill.
        jobs: bases that are made at a time.
        progress: told how far the making is.
    """
    bases = [
        Base(style, p, pairs, seed * 1000 + i, folder and folder / f"{i:04}.json.gz")
        for i, (style, p, pairs) in enumerate(BASES)
    ]
    tell = progress or (lambda done, total: None)
    tell(0, len(bases))
    made: dict[int, Sequence[Case]] = {}
    for done, (number, cases) in enumerate(side_by_side(_made, bases, jobs), start=1):
        made[number] = cases
        tell(done, len(bases))
    cases = [case for number in sorted(made) for case in made[number]]
    kept = without_most_rare(cases, np.random.default_rng([seed, 5]))
    return Suite(name=NAME, version=VERSION, seed=seed, cases=tuple(kept))


def without_most_rare(cases: Sequence[Case], rng: np.random.Generator) -> list[Case]:
    """Drop texts whose false cases are all rare until these are few enough; a text goes with its true cases.

    Args:
        cases: of a suite, as many true as false of each text of a base.
        rng: decides which go.
    """
    false = [case for case in cases if case.label.label == "false"]
    rare = sum(case.stratum == "rare" for case in false)
    total = len(false)
    groups: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in cases:
        if case.label.label != "vacuous":
            groups[str(case.model.options["base"]), json.dumps(case.hypothesis)].append(case)
    listed = [
        group
        for group in groups.values()
        if {c.stratum for c in group if c.label.label == "false"} == {"rare"}
    ]
    gone: set[str] = set()
    for i in rng.permutation(len(listed)).tolist():
        if rare <= RARE * total:
            break
        gone |= {case.id for case in listed[i]}
        count = sum(case.label.label == "false" for case in listed[i])
        rare, total = rare - count, total - count
    return [case for case in cases if case.id not in gone]


def _made(base: Base) -> tuple[int, Sequence[Case]]:
    """Return the cases of a base, from its file or else made now, with its number."""
    if base.path is not None:
        try:
            return base.number, read(base.path).cases
        except BenchError:
            pass
    asked = base_cases(base.style, base.p, base.number, base.pairs, TEXTS)
    found = (*asked, *_vacuous(base, max(1, round(len(asked) / 20))))
    if base.path is not None:
        try:
            write(Suite(name=NAME, version=VERSION, seed=base.number, cases=found), base.path)
        except (OSError, ModelError):
            # A cache that cannot be written costs time, and is no error.
            pass
    return base.number, found


def _vacuous(base: Base, count: int) -> Iterator[Case]:
    """Yield vacuous cases of the first arrangement of a base."""
    spec = arrangements(base.style, base.p, base.number)[0]
    asked = ModelSpec(kind=arranged.KIND, options=spec.model_dump())
    judge = Judge.of(arranged.build(asked.options))
    graphs = list(vacuous())
    for i in range(count):
        grain, graph = graphs[(base.number + i) % len(graphs)]
        claim = from_graph(graph)
        label = judge.label(claim)
        if label.label == "vacuous":
            yield Case(
                id=f"{base.style}-p{base.p}-{base.number}-vacuous-{i + 1}",
                model=asked,
                variant=base.style,
                family=grain,
                operator="none",
                hypothesis=json.loads(to_json(claim)),
                label=label,
            )
