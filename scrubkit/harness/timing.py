"""A call that is given up when its time is over.

The call runs in a thread of its own. When time is up an exception is raised inside it, which ends
anything that runs Python; a call that sleeps or computes in C is left behind, and the run goes on without it.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

GRACE = 1.0
"""Seconds that a call has to end once it was told to."""

THREAD = "scrubkit-method"
"""Name of the threads that methods run in."""


class GivenUp(BaseException):
    """Raised inside a call whose time is over; not an Exception, so that methods do not swallow it."""


@dataclass(frozen=True)
class Ended:
    """How a call ended.

    Attributes:
        value: what it returned.
        error: what it raised, None if it returned.
        seconds: wall-clock time.
        in_time: False if it was given up.
    """

    value: Any
    error: BaseException | None
    seconds: float
    in_time: bool


def call_within(seconds: float, function: Callable[[], Any]) -> Ended:
    """Call a function and wait for it at most so many seconds."""
    box: dict[str, Any] = {}

    def target() -> None:
        try:
            box["value"] = function()
        except BaseException as error:  # sys.exit in a method must not end the run either
            box["error"] = error

    began = time.perf_counter()
    thread = threading.Thread(target=target, daemon=True, name=THREAD)
    thread.start()
    thread.join(seconds)
    took = time.perf_counter() - began
    if thread.is_alive():
        identity = ctypes.c_ulong(thread.ident or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, ctypes.py_object(GivenUp))
        thread.join(GRACE)
        return Ended(None, None, took, in_time=False)
    return Ended(box.get("value"), box.get("error"), took, in_time=True)
