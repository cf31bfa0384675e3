"""How far something is, with the time left: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

EVERY = 30.0
"""Seconds between two lines."""
LINES = 5
"""Lines that an estimate looks back."""


@contextlib.contextmanager
def shown_progress(console: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """Provide a function of (done, total) that shows how far something is.

    Args:
        console: where it is shown.
        what: what is going on, such as "asking".
    """
    if not console.is_terminal:
        yield _Lines(console, what)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class _Lines:
    """Writes a line whenever the last is some time ago, so that a log shows that something goes on.

    What is left is told from the last lines alone: the first steps may have made what the others need.
    """

    def __init__(self, console: Console, what: str) -> None:
        self.console, self.what = console, what
        self.last = time.monotonic()
        self.seen: deque[tuple[float, int]] = deque([(self.last, 0)], maxlen=LINES)

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self.last < EVERY:
            return
        self.last = now
        then, before = self.seen[0]
        left = (
            f", about {(now - then) * (total - done) / (done - before):.0f} s left" if done > before else ""
        )
        self.seen.append((now, done))
        self.console.print(f"{self.what}: {done} of {total}{left}", highlight=False)
