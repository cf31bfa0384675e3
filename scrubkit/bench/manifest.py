"""A suite on disk: its cases with their labels, under a version and a hash."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys
import zlib
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from scrubkit.bench.case import Case, Frozen
from scrubkit.bench.spec_check import spec_faults
from scrubkit.core.reading import parse_json, read_bytes, validation_faults
from scrubkit.errors import BenchError
from scrubkit.models.atomic import write_atomically
from scrubkit.models.family import Family
from scrubkit.models.load import cache_folder

VERSION = "1"
"""Version of how suites are made."""
Progress = Callable[[int, int], None]
"""Called with the number of steps done, and of steps in all."""
MAX_BYTES = 32 * 2**20
"""Largest suite that is read, unpacked; the one in the package has 1.2 MB."""
MAX_VALUES = 1_000_000
"""Most values in it; the one in the package has 80,000."""
MAX_CASES = 20_000


class Suite(Frozen):
    """A versioned list of cases; results name its hash and are never compared across versions.

    Attributes:
        name: name of the suite.
        version: version of how suites are made.
        seed: seed of its making; 0 is the published one.
        cases: the questions, cases of one model one after another.
        equivalent: how many mutants turned out to be true and were left out, by operator.
        ambiguous: how many hypotheses were left out because a figure lies between the thresholds.
    """

    name: str
    version: str
    seed: int = 0
    cases: tuple[Case, ...]
    equivalent: dict[str, int] = {}
    ambiguous: int = 0

    @cached_property
    def hash(self) -> str:
        """SHA-256 of version, seed and cases, evidence included."""
        text = json.dumps(
            [self.name, self.version, self.seed, [case.model_dump(mode="json") for case in self.cases]],
            sort_keys=True,
        )
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def counts(self) -> dict[str, int]:
        """Number of cases by label."""
        return dict(Counter(case.label.label for case in self.cases))


def write(suite: Suite, path: Path) -> None:
    """Write a suite as gzipped JSON, the same bytes every time.

    Args:
        suite: what is written.
        path: the file; its folder is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, gzip.compress(suite.model_dump_json().encode(), mtime=0))


def read(path: Path) -> Suite:
    """Read a suite that `write` wrote.

    Raises:
        BenchError: it is not there, too large, not a whole suite, or asks for models that cannot be made;
            with every fault.
    """
    title = str(path)
    text = _unpacked(read_bytes(path, MAX_BYTES, error=BenchError), title)
    document = parse_json(text, MAX_VALUES, error=BenchError, title=f"{title} is not a suite")
    cases = document.get("cases") if isinstance(document, dict) else None
    if isinstance(cases, list) and len(cases) > MAX_CASES:
        raise BenchError(f"has {len(cases):,} cases, more than the {MAX_CASES:,} that are read", title=title)
    try:
        suite = Suite.model_validate_json(text)
    except ValidationError as error:
        faults = validation_faults(error, lambda steps: _place(document, steps))
        raise BenchError([*faults, _REMEDY], title=f"{title} is not a suite") from None
    if not suite.cases:
        raise BenchError("has no cases; a suite asks at least one question", title=title)
    faults = spec_faults(case.model for case in suite.cases)
    if faults:
        raise BenchError(faults, title=title)
    return suite


_REMEDY = "a suite in the cache folder is made again once deleted"


def _unpacked(data: bytes, title: str) -> bytes:
    try:
        with gzip.open(io.BytesIO(data)) as file:
            text = file.read(MAX_BYTES + 1)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise BenchError(f"is not a suite, or is damaged: {error}; {_REMEDY}", title=title) from None
    if len(text) > MAX_BYTES:
        raise BenchError(f"would unpack to more than the {MAX_BYTES:,} bytes that are read", title=title)
    return text


def _place(document: Any, steps: list[str]) -> str:
    """Return what to call a place in a suite: by the id of its case, not by its number."""
    if len(steps) > 1 and steps[0] == "cases" and steps[1].isdecimal():
        case = document["cases"][int(steps[1])]
        if isinstance(case, dict) and isinstance(case.get("id"), str):
            steps[:2] = [f"case {case['id'][:80]!r}"]
    return ".".join(steps)


def cached_at(
    name: str, version: str, seed: int, cache_dir: str | Path | None, family: Family | None = None
) -> Path:
    """Return where a suite is kept; its name holds a digest of the code that decides it.

    Args:
        name: of the suite.
        version: of how it is made.
        seed: decides models and choices.
        cache_dir: where suites are kept; by default ``$SCRUBKIT_CACHE``, or else the user's cache
            folder.
        family: the family that it is about, whose code counts too.
    """
    digest = sources_digest(family)[:16]
    return cache_folder(cache_dir) / "suites" / f"{name}-{version}-{seed}-{digest}.json.gz"


def sources_digest(family: Family | None = None) -> str:
    """Return the SHA-256 of the code that makes the labels, and a family's models and hypotheses."""
    folders, digest = [Path(__file__).parent], hashlib.sha256()
    if family is not None:
        folders.append(Path(str(sys.modules[type(family).__module__].__file__)).parent)
    for folder in folders:
        for file in sorted(folder.rglob("*.py")):
            digest.update(file.relative_to(folder).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()
