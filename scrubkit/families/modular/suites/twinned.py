"""The suites ``fast`` and ``standard``: each text is asked as often where it is true as where it is not.

Bases are made one by one, and kept as they are made where a folder is given. False claims of the stratum
``rare`` are a quarter at most, vacuous ones are a set of their own.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scrubkit.bench.case import Case, ModelSpec
from scrubkit.bench.label import Judge
from scrubkit.bench.manifest import Progress, Suite, read, write
from scrubkit.bench.models import build
from scrubkit.bench.side_by_side import side_by_side
from scrubkit.errors import BenchError, ModelError
from scrubkit.families.modular.suites.asked import base_cases
from scrubkit.families.modular.suites.bases import specs
from scrubkit.families.modular.suites.texts import vacuous
from scrubkit.hypothesis import from_graph, to_json

NOISE = 0.005
"""Noise on the weights of some bases, as a share of each tensor's root mean square."""
VERSION = "2"
"""Version 1 was made by `scrubkit.families.modular.suites.make`, and is superseded."""


@dataclass(frozen=True)
class Definition:
    """How a suite is made.

    Attributes:
        bases: style, modulus, noise, and how many true and how many false cases are wanted of each base.
        texts: most texts of a base that are asked.
        first: number of the first base, which seeds it; those of two suites differ.
    """

    bases: Sequence[tuple[str, int, float, int]]
    texts: int
    first: int


FAST, STANDARD = "fast", "standard"
DEFINITIONS: Mapping[str, Definition] = {
    FAST: Definition(
        (
            ("roles", 11, 0.0, 14),
            ("algorithm", 11, 0.0, 14),
            ("deciding", 11, 0.0, 10),
            ("difference", 11, 0.0, 14),
            ("pizza-roles", 11, 0.0, 14),
            ("roles", 13, 0.0, 14),
            ("deciding", 13, 0.0, 10),
            ("algorithm", 13, 0.0, 14),
            ("pizza-roles", 13, 0.0, 14),
            ("difference", 13, 0.0, 14),
            ("algorithm", 17, 0.0, 14),
            ("roles", 17, 0.0, 14),
        ),
        texts=26,
        first=0,
    ),
    STANDARD: Definition(
        (
            # What takes longest is begun first.
            ("trained", 59, 0.0, 24),
            ("trained", 59, 0.0, 24),
            ("trained", 53, 0.0, 24),
            ("trained", 53, 0.0, 24),
            ("algorithm", 47, 0.0, 18),
            ("roles", 43, NOISE, 18),
            ("count", 43, 0.0, 18),
            ("difference", 41, 0.0, 18),
            ("pizza-roles", 37, NOISE, 18),
            ("roles", 31, 0.0, 18),
            ("algorithm", 31, NOISE, 18),
            ("count", 31, NOISE, 18),
            ("difference", 29, NOISE, 18),
            ("pizza-roles", 29, 0.0, 18),
            ("deciding", 23, 0.0, 18),
            ("algorithm", 23, 0.0, 18),
            ("roles", 23, 0.0, 18),
            ("difference", 23, 0.0, 18),
            ("count", 23, 0.0, 18),
            ("count", 19, 0.0, 18),
            ("deciding", 19, 0.0, 18),
            ("pizza-roles", 19, 0.0, 18),
            ("deciding", 17, 0.0, 18),
        ),
        texts=14,
        first=500,
    ),
}
"""Name to how the suite is made."""
TWINS = 32
"""Stream of the random generator."""
RARE = 0.25
"""Largest share of the stratum ``rare`` among the false cases."""


@dataclass(frozen=True)
class Base:
    """A base that is to be made.

    Attributes:
        suite: name of the suite.
        style: what differs between its models.
        p: modulus.
        noise: on the weights.
        pairs: how many true and how many false cases are wanted.
        number: which seeds it.
        path: where its cases are kept; None keeps none.
    """

    suite: str
    style: str
    p: int
    noise: float
    pairs: int
    number: int
    path: Path | None


def make(
    name: str,
    seed: int = 0,
    *,
    folder: Path | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Suite:
    """Make a suite.

    Args:
        name: of the suite.
        seed: decides models and choices.
        folder: where the cases of each base are kept, to go on from there after a kill.
        jobs: bases that are made at a time.
        progress: told how far the making is.
    """
    definition = DEFINITIONS[name]
    bases = [
        Base(name, *given, seed * 1000 + definition.first + i, folder and folder / f"{i:04}.json.gz")
        for i, given in enumerate(definition.bases)
    ]
    tell = progress or (lambda done, total: None)
    tell(0, len(bases))
    made: dict[int, Sequence[Case]] = {}
    for done, (number, cases) in enumerate(side_by_side(_made, bases, jobs), start=1):
        made[number] = cases
        tell(done, len(bases))
    cases = [case for number in sorted(made) for case in made[number]]
    kept = without_most_rare(cases, np.random.default_rng([seed, 5]))
    return Suite(name=name, version=VERSION, seed=seed, cases=tuple(kept))


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
    found = tuple(_cases(base))
    if base.path is not None:
        try:
            write(Suite(name=base.suite, version=VERSION, seed=base.number, cases=found), base.path)
        except (OSError, ModelError):
            # A cache that cannot be written costs time, and is no error.
            pass
    return base.number, found


def _cases(base: Base) -> Iterator[Case]:
    """Yield the cases of a base, vacuous ones last."""
    models = specs(base.style, base.p, base.number, base.noise)
    stem = f"{base.style}-p{base.p}-{base.number}"
    rng = np.random.default_rng([base.number, base.p, TWINS])
    asked = base_cases(stem, base.style, models, base.pairs, DEFINITIONS[base.suite].texts, rng)
    yield from asked
    yield from _vacuous(base, stem, models[0], max(1, round(len(asked) / 20)))


def _vacuous(base: Base, stem: str, spec: ModelSpec, count: int) -> Iterator[Case]:
    """Yield vacuous cases of the first model of a base."""
    judge = Judge.of(build(spec))
    graphs = list(vacuous())
    for i in range(count):
        grain, graph = graphs[(base.number + i) % len(graphs)]
        claim = from_graph(graph)
        label = judge.label(claim)
        if label.label == "vacuous":
            yield Case(
                id=f"{stem}-vacuous-{i + 1}",
                model=spec,
                variant=base.style,
                family=grain,
                operator="none",
                hypothesis=json.loads(to_json(claim)),
                label=label,
            )
