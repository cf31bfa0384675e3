"""Making a suite of version 1: find the candidates of every model, choose among them, and number them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scrubkit.bench.case import Case
from scrubkit.bench.manifest import VERSION, Progress, Suite
from scrubkit.families.modular.suites import model_list
from scrubkit.families.modular.suites.building import find_all
from scrubkit.families.modular.suites.candidates import Candidate, Tally, find
from scrubkit.families.modular.suites.model_list import Entry
from scrubkit.hypothesis import to_json


@dataclass(frozen=True)
class Definition:
    """How a suite is made.

    Attributes:
        entries: its models, by seed.
        share: how many true and how many false cases a family has of one model.
        vacuous: at most how many vacuous cases there are of one model.
    """

    entries: Callable[[int], Iterable[Entry]]
    share: int
    vacuous: int = 1


DEFINITIONS: Mapping[str, Definition] = {
    "fast-1": Definition(model_list.fast, share=2),
    "standard-1": Definition(model_list.standard, share=1),
}
"""Name to how the suite is made; `twinned` makes version 2 of them."""


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
        folder: where what is found of each model is kept, to go on from there after a kill.
        jobs: models that are trained at a time.
        progress: told how far the making is.
    """
    definition, tally = DEFINITIONS[name], Tally()

    def found(number: int, entry: Entry, tally: Tally) -> Iterator[Candidate]:
        rng = np.random.default_rng([seed, 3, number])
        return _capped(find(entry, rng, definition.share, tally), definition.vacuous)

    entries = list(definition.entries(seed))
    every = find_all(entries, found, tally, folder=folder, jobs=jobs, progress=progress)
    chosen = _balanced(list(every), np.random.default_rng([seed, 4]))
    return Suite(
        name=name.removesuffix(f"-{VERSION}"),
        version=VERSION,
        seed=seed,
        cases=tuple(_numbered(chosen)),
        equivalent=dict(sorted(tally.equivalent.items())),
        ambiguous=tally.ambiguous,
    )


def _capped(found: Iterable[Candidate], vacuous: int) -> Iterator[Candidate]:
    """Yield candidates, of the vacuous ones so many at most."""
    for candidate in found:
        vacuous -= candidate.label.label == "vacuous"
        if candidate.label.label != "vacuous" or vacuous >= 0:
            yield candidate


def _balanced(chosen: Sequence[Candidate], rng: np.random.Generator) -> list[Candidate]:
    """Drop cases at random until every family has as many true ones as false ones."""
    sides: dict[str, dict[str, list[int]]] = defaultdict(lambda: {"true": [], "false": []})
    for i, candidate in enumerate(chosen):
        if candidate.label.label != "vacuous":
            sides[candidate.family][candidate.label.label].append(i)
    kept = {i for i, candidate in enumerate(chosen) if candidate.label.label == "vacuous"}
    for family in sorted(sides):
        size = min(map(len, sides[family].values()))
        for members in sides[family].values():
            kept |= set(rng.choice(members, size, replace=False).tolist())
    return [candidate for i, candidate in enumerate(chosen) if i in kept]


def _numbered(chosen: Sequence[Candidate]) -> Iterator[Case]:
    """Yield cases with ids such as ``pizza-p59-wrong_frequency-3``."""
    counts: dict[str, int] = defaultdict(int)
    for candidate in chosen:
        entry = candidate.entry
        stem = f"{entry.variant}-p{entry.p}-{candidate.operator}"
        counts[stem] += 1
        yield Case(
            id=f"{stem}-{counts[stem]}",
            model=entry.spec,
            variant=entry.variant,
            family=candidate.family,
            operator=candidate.operator,
            hypothesis=json.loads(to_json(candidate.hypothesis)),
            label=candidate.label,
        )
