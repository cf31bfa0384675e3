"""Where answers given in tests are written down: for a report, and for the totals at the end."""

from __future__ import annotations

from collections import deque
from contextvars import ContextVar

ledger: ContextVar[list[str] | None] = ContextVar("scrubkit_ledger", default=None)
"""Entries of the test that runs, as JSON; None while nobody keeps them."""

fell: deque[tuple[str, str, str]] = deque(maxlen=10_000)
"""Method, suite, and how each answer fell, of the test that runs; the plugin takes them when it has ended."""
