"""Suites: versioned lists of cases, made from a seed.

``fast`` runs in a minute, ``standard`` is the published bench, and ``function-graphs`` holds graphs of a few nodes
whose scrubs are known by enumeration. In the first two, every family has as many true cases as false ones, and
the operators take turns. A suite is made at first use and kept; the labels of one that holds trained models
rest on the models as trained on this machine, and so does its hash.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scrubkit.benchmark import manifest, roster
from scrubkit.benchmark.candidates import Candidate, Tally, find
from scrubkit.benchmark.case import Case
from scrubkit.benchmark.manifest import Suite
from scrubkit.benchmark.roster import Entry
from scrubkit.errors import BenchError, nearest
from scrubkit.hypothesis import to_json

VERSION = "1"
SHIPPED = Path(__file__).parent / "data"
"""Folder of the suites that come with the package; `python -m scrubkit.benchmark.ship` makes them anew."""


@dataclass(frozen=True)
class Definition:
    """How a suite is made.

    Attributes:
        entries: its models, by seed.
        rounds: how often each operator is tried on each story.
        share: at most how many cases of one label a family has of one model.
        vacuous: at most how many vacuous cases there are of one model.
    """

    entries: Callable[[int], Iterable[Entry]]
    rounds: int
    share: int
    vacuous: int = 1


DEFINITIONS: Mapping[str, Definition] = {
    "fast": Definition(roster.fast, rounds=1, share=2),
    "standard": Definition(roster.standard, rounds=2, share=3),
}
"""Name to how the suite is made."""


def load_suite(name: str, *, cache_dir: str | Path | None = None) -> Suite:
    """Return the published suite of a name, from the cache or else made now.

    Args:
        name: fast, standard or function-graphs.
        cache_dir: where suites are kept; by default ``$SCRUBKIT_CACHE``, or else the user's cache folder.

    Raises:
        BenchError: there is no such suite.
    """
    return _cached(name, 0, cache_dir)


def held_out(name: str, seed: int, *, cache_dir: str | Path | None = None) -> Suite:
    """Return a fresh suite from the families of a published one, to catch what was tuned to that.

    Raises:
        BenchError: there is no such suite, or the seed is that of the published one.
    """
    if not isinstance(seed, int) or seed <= 0:
        raise BenchError(f"a held-out suite needs a whole seed above 0, found {seed!r}; 0 is published")
    return _cached(name, seed, cache_dir)


def suite_names() -> tuple[str, ...]:
    """Return the names of the suites."""
    return tuple(DEFINITIONS)


def make(name: str, seed: int = 0) -> Suite:
    """Make a suite: find the candidates of every model, choose among them, and number them."""
    definition, tally = DEFINITIONS[name], Tally()
    chosen: list[Candidate] = []
    for number, entry in enumerate(definition.entries(seed)):
        rng = np.random.default_rng([seed, 3, number])
        chosen += _choose(list(find(entry, rng, definition.rounds, tally)), definition, rng)
    chosen = _balanced(chosen, np.random.default_rng([seed, 4]))
    return Suite(
        name=name,
        version=VERSION,
        seed=seed,
        cases=tuple(_numbered(chosen)),
        equivalent=dict(sorted(tally.equivalent.items())),
        ambiguous=tally.ambiguous,
    )


def _cached(name: str, seed: int, cache_dir: str | Path | None) -> Suite:
    if name not in suite_names():
        known = ", ".join(suite_names())
        raise BenchError(f"no suite {name!r}{nearest(name, suite_names())}; there are: {known}")
    shipped = SHIPPED / f"{name}-{VERSION}.json.gz"
    if seed == 0 and shipped.is_file():
        return manifest.read(shipped)
    path = manifest.cached_at(name, VERSION, seed, cache_dir)
    try:
        return manifest.read(path)
    except BenchError:
        suite = make(name, seed)
    try:
        manifest.write(suite, path)
    except OSError:
        pass
    return suite


def _choose(found: Sequence[Candidate], definition: Definition, rng: np.random.Generator) -> list[Candidate]:
    """Choose among the candidates of one model: some of each family and label, operators in turn."""
    groups: dict[tuple[str, str], list[Candidate]] = defaultdict(list)
    for candidate in found:
        label = candidate.label.label
        groups["" if label == "vacuous" else candidate.family, label].append(candidate)
    chosen = []
    for (_, label), group in groups.items():
        most = definition.vacuous if label == "vacuous" else definition.share
        chosen += _in_turn(group, most, rng)
    return chosen


def _in_turn(group: Sequence[Candidate], most: int, rng: np.random.Generator) -> list[Candidate]:
    """Take one candidate of each operator, in random order, then a second of each, up to so many."""
    by_operator: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in group:
        by_operator[candidate.operator].append(candidate)
    queues = [by_operator[name] for name in sorted(by_operator)]
    taken: list[Candidate] = []
    depth = 0
    while len(taken) < min(most, len(group)):
        level = [queue[depth] for queue in queues if len(queue) > depth]
        taken += [level[i] for i in rng.permutation(len(level))]
        depth += 1
    return taken[:most]


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
