"""Work in processes of its own, several at a time, which end with the process that they work for."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(function: Callable[[Item], Result], items: Sequence[Item], jobs: int) -> Iterator[Result]:
    """Yield what a function makes of each item, in whatever order they are done.

    Args:
        function: of a module, so that another process finds it.
        items: what it is called with.
        jobs: processes; with one the work is done here, in order.
    """
    if jobs <= 1 or len(items) <= 1:
        yield from map(function, items)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(items)), context, _settle, (os.getpid(),)) as pool:
        for future in as_completed([pool.submit(function, item) for item in items]):
            yield future.result()


def _settle(parent: int) -> None:
    """Have a process use one thread, and end with the process that it works for."""
    import torch

    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)
