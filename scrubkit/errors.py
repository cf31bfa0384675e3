"""Errors for users: what was wrong, where, what was found, what is allowed, what to do.

Every error that scrubkit raises on bad input is a `ScrubkitError`. Checks collect every fault that
they find and raise once, so that a file is mended in one go.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class ScrubkitError(Exception):
    """Root of every error that scrubkit raises on purpose.

    Attributes:
        faults: one line of text for each thing that was wrong; never empty.
    """

    def __init__(self, faults: str | Sequence[str], *, title: str = "") -> None:
        """Keep the faults and format the message.

        Args:
            faults: one fault, or all of them.
            title: what was being done, or the file that was read; printed before the faults.
        """
        self.faults: tuple[str, ...] = (faults,) if isinstance(faults, str) else tuple(faults)
        self.title = title
        if len(self.faults) == 1:
            body = self.faults[0]
            message = f"{title}: {body}" if title else body
        else:
            head = f"{title}: {len(self.faults)} faults" if title else f"{len(self.faults)} faults"
            message = "\n".join([head, *(f"  - {fault}" for fault in self.faults)])
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
    """A program is no graph of finite-valued functions, or does not fit a transformer as asked."""


class TrainingError(ScrubkitError):
    """Training cannot start or cannot go on."""


class ScrubError(ScrubkitError):
    """A scrub cannot be run as asked."""


class BenchError(ScrubkitError):
    """A suite, method, baseline or results store cannot be used as asked."""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Return a hint naming the closest allowed name, or the empty string.

    >>> nearest("tolerence", ["tolerance", "feature"])
    ' (did you mean "tolerance"?)'
    """
    close = difflib.get_close_matches(name, list(allowed), n=1)
    return f' (did you mean "{close[0]}"?)' if close else ""
