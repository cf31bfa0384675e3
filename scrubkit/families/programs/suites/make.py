"""Making a suite of programs base by base: side by side, kept as it is made, gone on with after a kill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from scrubkit.bench.case import Case, Frozen
from scrubkit.bench.manifest import VERSION, Progress, Suite
from scrubkit.bench.side_by_side import side_by_side
from scrubkit.errors import ModelError
from scrubkit.families.programs.suites.base import STYLES
from scrubkit.families.programs.suites.cases import base_cases
from scrubkit.models.atomic import write_atomically

HELD_OUT = 1_000_000
"""Numbers of the bases of two seeds lie so far apart."""


@dataclass(frozen=True)
class Definition:
    """How a suite is made.

    Attributes:
        bases: number of bases, each of eight programs.
        cases: cases of one base.
        styles: how bases are compiled, in turn.
        small: whether all models have one shape.
    """

    bases: int
    cases: int
    styles: tuple[str, ...] = STYLES
    small: bool = False


# Superposed codes need fewer dimensions than there are values, and so no model has them in the one shape.
FAST_STYLES = tuple(style for style in STYLES if style != "superposed")
DEFINITIONS: Mapping[str, Definition] = {
    "programs-fast": Definition(bases=8, cases=38, styles=FAST_STYLES, small=True),
    "programs": Definition(bases=25, cases=204),
}
"""Name to how the suite is made."""


class Part(Frozen):
    """The cases of one base, as they are kept."""

    cases: tuple[Case, ...]


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
        seed: decides the programs; every seed has others.
        folder: where the cases of each base are kept, to go on from there after a kill.
        jobs: bases that are made at a time.
        progress: told how far the making is.
    """
    definition = DEFINITIONS[name]
    numbers = list(range(definition.bases))
    parts = {n: part for n in numbers if (part := _read(folder, n)) is not None}
    tell = progress or (lambda done, total: None)
    tell(len(parts), len(numbers))
    left = [n for n in numbers if n not in parts]
    for n, part in side_by_side(partial(_make, definition, seed, folder), left, jobs):
        parts[n] = part
        tell(len(parts), len(numbers))
    cases = tuple(case for n in numbers for case in parts[n].cases)
    return Suite(name=name, version=VERSION, seed=seed, cases=cases)


def style_of(definition: Definition, number: int) -> str:
    """Return how a base is compiled."""
    return definition.styles[number % len(definition.styles)]


def _make(definition: Definition, seed: int, folder: Path | None, number: int) -> tuple[int, Part]:
    style = style_of(definition, number)
    cases, _ = base_cases(seed * HELD_OUT + number, style, definition.cases, small=definition.small)
    part = Part(cases=tuple(cases))
    if folder is not None:
        _write(folder, number, part)
    return number, part


def _read(folder: Path | None, number: int) -> Part | None:
    if folder is None:
        return None
    try:
        return Part.model_validate_json(_path(folder, number).read_bytes())
    except (OSError, ValidationError):
        return None


def _write(folder: Path, number: int, part: Part) -> None:
    """Keep the cases of a base; a cache that cannot be written costs time and is no error."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(_path(folder, number), part.model_dump_json().encode())
    except (OSError, ModelError):
        return


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:04}.json"
