"""The process's global random state: saved, set and watched, so that leaning on it shows.

A method draws from the generator that it is given. Whoever draws from the global state instead gives other
answers once that state is another.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch


def snapshot() -> tuple[Any, ...]:
    """Return the global state of Python's, numpy's and torch's generators."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda


def restore(state: tuple[Any, ...]) -> None:
    """Put a snapshot back."""
    python, numpy, cpu, cuda = state
    random.setstate(python)
    np.random.set_state(numpy)
    torch.set_rng_state(cpu)
    if cuda:
        torch.cuda.set_rng_state_all(cuda)


def same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Say whether two snapshots are equal; a GPU that was first used in between is not looked at."""
    if one[0] != other[0] or not np.array_equal(one[1][1], other[1][1]) or one[1][2] != other[1][2]:
        return False
    devices = zip(one[3], other[3], strict=False)
    return torch.equal(one[2], other[2]) and all(torch.equal(a, b) for a, b in devices)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global generators, and put their states back afterwards."""
    before = snapshot()
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed % 2**63)
    try:
        yield
    finally:
        restore(before)
