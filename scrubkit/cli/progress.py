"""How far something is, with the time left: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

FIRST = 5.0
"""Seconds until the first line."""
EVERY = 30.0
"""Seconds between two lines."""
LONG = 60.0
"""Seconds from which on a hint is given, where there is one."""
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
        yield Lines(console, what)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def timed_bar(console: Console) -> Progress:
    """Return bars that say how many are done and how long the rest takes; none where it is no terminal."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


class Lines:
    """Writes a line whenever the last is some time ago, so that a log shows that something goes on.

    What is left is told from the last lines alone: the first steps may have made what the others need. Nor
    does the time until something is done for the first time count, in which workers start.

    Args:
        console: where lines are written.
        what: what is going on, such as "asking".
        hint: what to do about it where it takes more than `LONG`.
    """

    def __init__(self, console: Console, what: str, hint: str = "") -> None:
        self.console, self.what, self.hint = console, what, hint
        self.next = time.monotonic() + FIRST
        self.seen: deque[tuple[float, int]] = deque(maxlen=LINES)

    def __call__(self, done: int, total: int) -> None:
        """Tell how many are done."""
        now = time.monotonic()
        if done and not self.seen:
            self.seen.append((now, done))
        if now < self.next:
            return
        self.next = now + EVERY
        text = f"{self.what}: {done} of {total}"
        then, before = self.seen[0] if self.seen else (now, done)
        if done > before:
            left = (now - then) * (total - done) / (done - before)
            text += f", about {left:.0f} s left"
            text += f"; {self.hint}" if self.hint and left > LONG else ""
            self.seen.append((now, done))
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)
