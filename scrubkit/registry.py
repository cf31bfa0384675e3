"""The families that there are: built in, or installed by others under the entry point ``scrubkit.families``.

A family is named by an import string and loaded at first use, so that nothing here depends on any.
"""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from scrubkit.errors import ScrubkitError, nearest

if TYPE_CHECKING:
    from scrubkit.models.family import Family

GROUP = "scrubkit.families"
"""Entry point group of the families that others install."""

BUILT_IN: Mapping[str, str] = {
    "modular": "scrubkit.families.modular.family:FAMILY",
    "programs": "scrubkit.families.programs.family:FAMILY",
}
"""Name of each family in the package, and where it is."""


def families() -> dict[str, str]:
    """Return where each family is, by name; raises ScrubkitError where two share a name."""
    return dict(_families(tuple(sys.path)))


@lru_cache(maxsize=4)
def _families(path: tuple[str, ...]) -> dict[str, str]:
    """Return the families that are installed on a path: to look takes tens of milliseconds."""
    found = dict(BUILT_IN)
    faults = []
    for point in importlib.metadata.entry_points(group=GROUP):
        if found.setdefault(point.name, point.value) != point.value:
            faults.append(
                f"two families are called {point.name!r}: {found[point.name]} and {point.value}; "
                "uninstall one of the packages"
            )
    if faults:
        raise ScrubkitError(faults, title=f"entry points {GROUP}")
    return found


def family(name: str) -> Family:
    """Return a family.

    Raises:
        ScrubkitError: there is no family of that name, or it cannot be loaded.
    """
    known = families()
    if not isinstance(name, str) or name not in known:
        raise ScrubkitError(
            f"no family {name!r:.80}{nearest(str(name)[:80], known)}; installed are {', '.join(known)}"
        )
    return _load(name, known[name])


def family_of_task(task: str) -> Family:
    """Return the family of a task with a name; raises ScrubkitError where there is no such task."""
    known = {name: family(one) for one in families() for name in family(one).described_tasks}
    if task not in known:
        raise ScrubkitError(
            f"no task {task!r:.80}{nearest(task[:80], known)}; scrubkit tasks lists those there are"
        )
    return known[task]


@cache
def _load(name: str, where: str) -> Family:
    try:
        found = importlib.metadata.EntryPoint(name, where, GROUP).load()
    except (ImportError, AttributeError, ValueError) as error:
        raise ScrubkitError(f"cannot be loaded from {where}: {error}", title=f"family {name!r}") from error
    if getattr(found, "name", None) != name:
        raise ScrubkitError(
            f"{where} is not a family of that name; name an instance of scrubkit.models.family.Family",
            title=f"family {name!r}",
        )
    return found
