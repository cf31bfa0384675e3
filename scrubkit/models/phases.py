"""Phases of a training run, with the signs by which each is known."""

from __future__ import annotations

from scrubkit.models.config import Record


class Sign(Record):
    """One thing that is published to happen in a phase, and whether it did.

    Attributes:
        says: what should happen, in words.
        figure: name of the figure that shows it.
        first: the figure where the phase begins.
        last: the figure where the phase ends.
        holds: whether it happened.
    """

    says: str
    figure: str
    first: float
    last: float
    holds: bool


class Phase(Record):
    """A stretch of a training run.

    Attributes:
        name: what the phase is called.
        first: step at which it begins.
        last: step at which it ends, and the next one begins.
        signs: what is published to happen in it; empty where it has no length.
    """

    name: str
    first: int
    last: int
    signs: tuple[Sign, ...] = ()
