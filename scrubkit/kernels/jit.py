"""How loops are compiled, and how work is shared among threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numba
import torch

LOOSE = {"reassoc", "contract", "nsz", "arcp"}
"""Sums are taken in an order that suits vectors; it never depends on the item."""
STRICT = {"contract"}
_SMALLEST = 512
"""Items that are worth a thread."""


def jit(fastmath: set[str], *, inline: bool = False) -> Callable[[Any], Any]:
    """Compile a loop at its first call; the result is kept on disk where there is a place for it."""

    def wrap(function: Any) -> Any:
        options: dict[str, Any] = {"nogil": True, "fastmath": fastmath, "forceinline": inline}
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:  # neither the package's folder nor the user's can be written
            return numba.njit(**options)(function)

    return wrap


@cache
def _pool(n_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n_threads, thread_name_prefix="scrubkit-kernel")


def spread(run: Callable[[int, int], None], n_items: int) -> None:
    """Run a loop over items in as many threads as torch uses; items must not depend on each other."""
    n_threads = min(torch.get_num_threads(), n_items // _SMALLEST)
    if n_threads <= 1:
        run(0, n_items)
        return
    bounds = [n_items * i // n_threads for i in range(n_threads + 1)]
    for done in [_pool(n_threads).submit(run, *pair) for pair in zip(bounds, bounds[1:], strict=False)]:
        done.result()
