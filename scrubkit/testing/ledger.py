"""Where answers given in tests are written down while a report of the run was asked for."""

from __future__ import annotations

from contextvars import ContextVar

ledger: ContextVar[list[str] | None] = ContextVar("scrubkit_ledger", default=None)
"""Entries of the test that runs, as JSON; None while nobody keeps them."""
