"""Suites: versioned lists of cases, made from a seed.

``fast`` runs in a minute, ``standard`` is the published bench, and ``function-graphs`` holds graphs of a few
nodes whose scrubs are known by enumeration. In the first two, every family has as many true cases as false
ones, and the operators take turns. A suite is made at first use and kept; the labels of one that holds
trained models rest on the models as trained on this machine, and so does its hash. The name of a family that
has mutators stands for the suite of its own models, which is made anew each time.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scrubkit import registry
from scrubkit.bench import graphs, manifest, roster
from scrubkit.bench.building import Progress, drop, find_all
from scrubkit.bench.candidates import Candidate, Tally, find
from scrubkit.bench.case import Case, ModelSpec
from scrubkit.bench.family_suite import family_suite
from scrubkit.bench.label import Judge
from scrubkit.bench.manifest import Suite
from scrubkit.bench.roster import Entry
from scrubkit.errors import BenchError, ModelError, nearest
from scrubkit.hypothesis import from_graph, to_json

VERSION = "1"
FUNCTION_GRAPHS = "function-graphs"
SHIPPED = Path(__file__).parent / "data"
"""Folder of the suites that come with the package; `python -m scrubkit.bench.ship` makes them anew."""


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
    "fast": Definition(roster.fast, share=2),
    "standard": Definition(roster.standard, share=1),
}
"""Name to how the suite is made."""


def load_suite(
    name: str, *, cache_dir: str | Path | None = None, jobs: int = 1, progress: Progress | None = None
) -> Suite:
    """Return the published suite of a name, from the cache or else made now.

    Args:
        name: fast, standard, function-graphs, or a family with models, hypotheses and mutators.
        cache_dir: where suites are kept; by default ``$SCRUBKIT_CACHE``, or else the user's cache folder.
        jobs: models that are trained at a time where the suite has to be made.
        progress: told how far the making is.

    Raises:
        BenchError: there is no such suite.
    """
    return _cached(name, 0, cache_dir, jobs, progress)


def held_out(
    name: str,
    seed: int,
    *,
    cache_dir: str | Path | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Suite:
    """Return a fresh suite from the families of a published one, to catch what was tuned to that.

    Args:
        name: the published one.
        seed: decides models and choices.
        cache_dir: as for `load_suite`.
        jobs: as for `load_suite`.
        progress: as for `load_suite`.

    Raises:
        BenchError: there is no such suite, or the seed is that of the published one.
    """
    if name == FUNCTION_GRAPHS:
        raise BenchError(f"{name} is a fixed list and has no held-out cases; hold out of fast or standard")
    if not isinstance(seed, int) or seed <= 0:
        raise BenchError(f"a held-out suite needs a whole seed above 0, found {seed!r}; 0 is published")
    return _cached(name, seed, cache_dir, jobs, progress)


def suite_names() -> tuple[str, ...]:
    """Return the names of the suites."""
    return (*DEFINITIONS, FUNCTION_GRAPHS)


def make(
    name: str,
    seed: int = 0,
    *,
    folder: Path | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Suite:
    """Make a suite: find the candidates of every model, choose among them, and number them.

    Args:
        name: of the suite.
        seed: decides models and choices.
        folder: where what is found of each model is kept, to go on from there after a kill.
        jobs: models that are trained at a time.
        progress: told how far the making is.
    """
    if name == FUNCTION_GRAPHS:
        return _function_graphs()
    definition, tally = DEFINITIONS[name], Tally()

    def found(number: int, entry: Entry, tally: Tally) -> Iterator[Candidate]:
        rng = np.random.default_rng([seed, 3, number])
        return _capped(find(entry, rng, definition.share, tally), definition.vacuous)

    entries = list(definition.entries(seed))
    every = find_all(entries, found, tally, folder=folder, jobs=jobs, progress=progress)
    chosen = _balanced(list(every), np.random.default_rng([seed, 4]))
    return Suite(
        name=name,
        version=VERSION,
        seed=seed,
        cases=tuple(_numbered(chosen)),
        equivalent=dict(sorted(tally.equivalent.items())),
        ambiguous=tally.ambiguous,
    )


def _cached(
    name: str, seed: int, cache_dir: str | Path | None, jobs: int, progress: Progress | None
) -> Suite:
    if name not in suite_names() and name in registry.families():
        return family_suite(registry.family(name), version=VERSION, seed=seed)
    if name not in suite_names():
        known = ", ".join(suite_names()) + ", and the families that have mutators"
        raise BenchError(f"no suite {name!r}{nearest(name, suite_names())}; there are: {known}")
    shipped = SHIPPED / f"{name}-{VERSION}.json.gz"
    if seed == 0 and shipped.is_file():
        return manifest.read(shipped)
    path = manifest.cached_at(name, VERSION, seed, cache_dir)
    try:
        return manifest.read(path)
    except BenchError:
        parts = path.with_name(path.name.removesuffix(".json.gz") + ".parts")
        suite = make(name, seed, folder=parts, jobs=jobs, progress=progress)
    try:
        manifest.write(suite, path)
    except (OSError, ModelError):
        # A cache that cannot be written costs time, and is no error.
        return suite
    drop(parts)
    return suite


def _function_graphs() -> Suite:
    """Label the claims about graphs of a few functions; those that are ambiguous are left out."""
    cases = []
    for name, about, claim in graphs.claims():
        hypothesis = from_graph(claim)
        label = Judge(graphs.find(about).graph).label(hypothesis)
        spec = ModelSpec(kind="functions", options={"name": about})
        cases.append(
            Case(
                id=f"{about}-{name}",
                model=spec,
                variant="functions",
                family=about,
                operator="none" if label.label == "true" else name,
                hypothesis=json.loads(to_json(hypothesis)),
                label=label,
            )
        )
    kept = tuple(case for case in cases if case.label.label != "ambiguous")
    return Suite(name=FUNCTION_GRAPHS, version=VERSION, cases=kept, ambiguous=len(cases) - len(kept))


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
