"""Making a suite model by model: told of as it goes on, kept as it is made, gone on with after a kill.

Trained models are trained first, several at a time where that is asked for, and kept in the cache folder as
ever. What was found of each model is then kept in a file of its own, together with the tally that the next
model goes on from, so that a suite made in two goes is the suite made in one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from scrubkit.bench.case import Frozen, Label, ModelSpec
from scrubkit.bench.manifest import Progress
from scrubkit.bench.models import build
from scrubkit.bench.side_by_side import side_by_side
from scrubkit.errors import ModelError, ScrubkitError
from scrubkit.families.modular.suites.candidates import Candidate, Tally
from scrubkit.families.modular.suites.model_list import Entry
from scrubkit.hypothesis import from_json, to_json
from scrubkit.models.atomic import write_atomically


class Kept(Frozen):
    """One candidate, as it is kept."""

    family: str
    operator: str
    hypothesis: str
    label: Label


class Part(Frozen):
    """What was found of one model, and the tally after it."""

    candidates: tuple[Kept, ...]
    used: dict[str, int]
    equivalent: dict[str, int]
    ambiguous: int
    misfit: dict[str, int]


def find_all(
    entries: Sequence[Entry],
    find: Callable[[int, Entry, Tally], Iterable[Candidate]],
    tally: Tally,
    *,
    folder: Path | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Iterator[Candidate]:
    """Yield the candidates of all models, in order.

    Args:
        entries: the models.
        find: finds the candidates of one, given its number, and brings the tally up to date.
        tally: what operators were used for; brought up to date.
        folder: where parts are kept until the suite is whole; None keeps none.
        jobs: models that are trained at a time.
        progress: told of each model that is trained or labelled.
    """
    specs = list(trainings(entries)) if jobs > 1 else []
    total = len(specs) + len(entries)
    tell = progress or (lambda done, total: None)
    tell(0, total)
    for done, _ in enumerate(side_by_side(_trained, specs, jobs), start=1):
        tell(done, total)
    for number, entry in enumerate(entries):
        path = None if folder is None else folder / f"{number:04}.json"
        found = None if path is None else _read(path, entry, tally)
        if found is None:
            found = list(find(number, entry, tally))
            if path is not None:
                _write(path, found, tally)
        yield from found
        tell(len(specs) + number + 1, total)


def trainings(entries: Iterable[Entry]) -> Iterator[ModelSpec]:
    """Yield what has to be trained: each model once, and one of each run that several are taken from."""
    seen: set[str] = set()
    for entry in entries:
        for spec in (entry.spec, entry.other):
            if spec is None or spec.kind not in ("train", "checkpoint"):
                continue
            options = {name: value for name, value in spec.options.items() if name != "index"}
            run = ModelSpec(kind=spec.kind, options=options).key
            if run not in seen:
                seen.add(run)
                yield spec


def _trained(spec: ModelSpec) -> None:
    """Train one model, which puts it into the cache folder."""
    try:
        build(spec)
    except ScrubkitError:
        return


def _read(path: Path, entry: Entry, tally: Tally) -> list[Candidate] | None:
    """Return what was found of a model before, and set the tally to what it was then; None if it was not."""
    try:
        part = Part.model_validate_json(path.read_bytes())
        found = [
            Candidate(entry, kept.family, kept.operator, from_json(kept.hypothesis), kept.label)
            for kept in part.candidates
        ]
    except (OSError, ValidationError, ScrubkitError):
        return None
    tally.used, tally.equivalent = Counter(part.used), Counter(part.equivalent)
    tally.ambiguous, tally.misfit = part.ambiguous, Counter(part.misfit)
    return found


def _write(path: Path, found: Sequence[Candidate], tally: Tally) -> None:
    """Keep what was found of a model; a cache that cannot be written costs time and is no error."""
    part = Part(
        candidates=tuple(
            Kept(family=c.family, operator=c.operator, hypothesis=to_json(c.hypothesis), label=c.label)
            for c in found
        ),
        used=tally.used,
        equivalent=tally.equivalent,
        ambiguous=tally.ambiguous,
        misfit=tally.misfit,
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, part.model_dump_json().encode())
    except (OSError, ModelError):
        return
