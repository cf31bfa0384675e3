"""Errors for users: what was wrong, where, what was found, what is allowed, what to do.

Every error that scrubkit raises on bad input is a `ScrubkitError`. Checks collect every fault that
they find and raise once, so that a file is mended in one go.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

MAX_FAULTS = 50
"""Most faults that an error lists; a file of a few megabytes may have millions."""
MAX_FAULT = 2_000
"""Most characters of one fault that are shown."""
MAX_TITLE = 300
"""Most characters of a title that are shown."""

UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufff9-\ufffb]"
    "|\r(?!\n)"
)
"""Characters that steer a terminal or the direction of text, and halves of surrogate pairs."""


class ScrubkitError(Exception):
    """Root of every error that scrubkit raises on purpose.

    Attributes:
        faults: one line of text for each thing that was wrong; never empty. Of more than `MAX_FAULTS` the
            rest are counted in a last line.
    """

    def __init__(self, faults: str | Sequence[str], *, title: str = "") -> None:
        """Keep the faults and format the message.

        Args:
            faults: one fault, or all of them.
            title: what was being done, or the file that was read; printed before the faults.
        """
        listed = [faults] if isinstance(faults, str) else faults
        self.faults: tuple[str, ...] = tuple(
            _shortened(printable(fault), MAX_FAULT) for fault in _cap(listed)
        )
        self.title = _shortened(printable(title).replace("\n", "\\n"), MAX_TITLE)
        if len(listed) == 1:
            message = f"{self.title}: {self.faults[0]}" if title else self.faults[0]
        else:
            head = f"{self.title}: {len(listed)} faults" if title else f"{len(listed)} faults"
            message = "\n".join([head, *(f"  - {fault}" for fault in _said_once(self.faults))])
        super().__init__(message)


class TaskError(ScrubkitError):
    """A task cannot be built as asked."""


class FeatureError(ScrubkitError):
    """A feature expression cannot be read or fails on some input."""


class SiteError(ScrubkitError):
    """A site cannot be read, or the model has no such site."""


class HypothesisError(ScrubkitError):
    """A hypothesis file or graph is not a valid hypothesis."""


class ModelError(ScrubkitError):
    """A model cannot be built, compiled, read or written."""


class ProgramError(ScrubkitError):
    """A program is not a graph of finite-valued functions, or does not fit a transformer as asked."""


class TrainingError(ScrubkitError):
    """Training cannot start or cannot go on."""


class ScrubError(ScrubkitError):
    """A scrub cannot be run as asked."""


class BenchError(ScrubkitError):
    """A suite, method, baseline or results store cannot be used as asked."""


def printable(text: str) -> str:
    r"""Return text in which characters that steer a terminal are written as escapes.

    >>> printable("sum\u202e")
    'sum\\u202e'
    """
    return UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _cap(faults: Sequence[str]) -> Iterable[str]:
    yield from faults[:MAX_FAULTS]
    if len(faults) > MAX_FAULTS:
        yield f"and {len(faults) - MAX_FAULTS:,} more"


_ALLOWED = 60
"""Characters from which on a list of what is allowed is said once."""


def _said_once(faults: Sequence[str]) -> list[str]:
    """Return faults without what others end in alike: after the last semicolon stands what is allowed."""
    seen: set[str] = set()
    found = []
    for fault in faults:
        wrong, _, allowed = fault.rpartition("; ")
        found.append(wrong if wrong and allowed in seen else fault)
        if len(allowed) >= _ALLOWED:
            seen.add(allowed)
    return found


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}... ({len(text):,} characters)"


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Return a hint naming the closest allowed name, or the empty string.

    >>> nearest("tolerence", ["tolerance", "feature"])
    ' (did you mean "tolerance"?)'
    """
    # The time of a comparison grows with the square of the length.
    close = difflib.get_close_matches(name[:100], list(allowed), n=1)
    return f' (did you mean "{close[0]}"?)' if close else ""
