"""Suites: versioned lists of cases, made from a seed.

``fast`` runs in a minute, ``standard`` is the published bench, and ``function-graphs`` holds graphs of a
few nodes whose scrubs are known by enumeration. In ``fast`` and ``standard``, every text is asked as often
where it is true as where it is false. ``fast-1`` and ``standard-1`` are version 1 of them, superseded and
kept for comparison: every family has as many true cases as false ones, and the operators take turns.
``nulls`` asks their true claims of models that hold nothing of the kind. A suite is made at first use and
kept; the labels of one that holds trained models rest on the models as trained on this machine, and so does
its hash.
The name of a family that has mutators stands for the suite of its own models, which is made anew each time.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

from scrubkit import registry
from scrubkit.bench import graphs, manifest
from scrubkit.bench.case import Case, ModelSpec
from scrubkit.bench.family_suite import family_suite
from scrubkit.bench.label import Judge
from scrubkit.bench.manifest import VERSION, Progress, Suite
from scrubkit.bench.nulls import NULLS, SOURCES, null_suite
from scrubkit.errors import BenchError, ModelError, nearest
from scrubkit.hypothesis import from_graph, to_json
from scrubkit.models.family import Family

FUNCTION_GRAPHS = "function-graphs"
CURRENT = {"fast": "2", "standard": "2", NULLS: "3"}
"""Version of each suite that has another than `VERSION`."""
SUPERSEDED = {"fast-1": "fast", "standard-1": "standard"}
"""Older versions that can still be read, each with the name of what replaced it."""
SHIPPED = Path(__file__).parent / "data"
"""Folder of the suites that come with the package."""


def load_suite(
    name: str, *, cache_dir: str | Path | None = None, jobs: int = 1, progress: Progress | None = None
) -> Suite:
    """Return the published suite of a name, from the cache or else made now.

    Args:
        name: fast, standard, function-graphs, fast-1 or standard-1 (superseded), or a family with models,
            hypotheses and mutators.
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
    return (*_published(), FUNCTION_GRAPHS, NULLS)


def make(
    name: str,
    seed: int = 0,
    *,
    folder: Path | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Suite:
    """Make a suite anew.

    Args:
        name: of the suite.
        seed: decides models and choices.
        folder: where what is found of each model is kept, to go on from there after a kill.
        jobs: models that are trained at a time.
        progress: told how far the making is.

    Returns:
        The suite, its cases labelled.
    """
    if name == FUNCTION_GRAPHS:
        return _function_graphs()
    return _published()[name].suites[name](seed, folder=folder, jobs=jobs, progress=progress)


def _listed(name: str) -> str:
    return f"{name} (superseded by {SUPERSEDED[name]})" if name in SUPERSEDED else name


def _published() -> dict[str, Family]:
    """Return the family of each suite that a family makes in a way of its own, by the name of the suite."""
    found: dict[str, Family] = {}
    for name in registry.families():
        family = registry.family(name)
        found = {**dict.fromkeys(family.suites, family), **found}
    return found


def _cached(
    name: str, seed: int, cache_dir: str | Path | None, jobs: int, progress: Progress | None
) -> Suite:
    published = _published()
    known = (*published, FUNCTION_GRAPHS, NULLS)
    if name == NULLS:
        return _nulls(seed, cache_dir, jobs, progress)
    if name not in known:
        if name in registry.families():
            return family_suite(registry.family(name), version=VERSION, seed=seed)
        listed = ", ".join(map(_listed, known)) + ", and the families that have mutators"
        raise BenchError(f"no suite {name!r}{nearest(name, known)}; there are: {listed}")
    version = CURRENT.get(name, VERSION)
    shipped = SHIPPED / f"{name if name in SUPERSEDED else f'{name}-{version}'}.json.gz"
    if seed == 0 and shipped.is_file():
        return manifest.read(shipped)
    path = manifest.cached_at(name, version, seed, cache_dir, published.get(name))
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
    shutil.rmtree(parts, ignore_errors=True)
    return suite


def _nulls(seed: int, cache_dir: str | Path | None, jobs: int, progress: Progress | None) -> Suite:
    """Return the suite of null models, from the cache or else made now of the suites of the same seed."""
    path = manifest.cached_at(NULLS, CURRENT[NULLS], seed, cache_dir)
    try:
        return manifest.read(path)
    except BenchError:
        sources = [_cached(name, seed, cache_dir, jobs, None) for name in SOURCES]
        suite = null_suite(sources, version=CURRENT[NULLS], seed=seed, progress=progress)
    with contextlib.suppress(OSError, ModelError):
        # A cache that cannot be written costs time, and is no error.
        manifest.write(suite, path)
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
