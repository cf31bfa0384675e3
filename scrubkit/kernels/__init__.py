"""Loops that numba compiles, where the extra `fast` is installed: inner work in one pass over memory.

Without numba, or with ``SCRUBKIT_KERNELS=off``, the same is done with torch; figures then differ by rounding.
"""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec


@cache
def available() -> bool:
    """Say whether the compiled loops are used."""
    return os.environ.get("SCRUBKIT_KERNELS", "on") != "off" and find_spec("numba") is not None
