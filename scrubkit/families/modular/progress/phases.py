"""The three phases of grokking, and whether each shows the signs that were published of it.

Memorisation ends where the excluded loss is lowest: until there the frequencies of the final circuit are
not used. Circuit formation ends where the held-out loss has last been that of a guess. Clean-up is the rest.
Nanda et al. 2023, arXiv:2301.05217, section 5.2, name the phases and their signs in words; what counts as
high, flat or sharp is fixed here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scrubkit.models.phases import Phase, Sign

HALF = 0.5
"""A loss that falls or rises changes by a factor of two at least; one that stays high keeps a half."""
TENTH = 0.1
"""A loss that drops ends at a tenth of where it was."""
FIT = 0.1
"""Training loss, in nats, up to which the training inputs are still known."""
FLAT = 0.1
"""Change of a Gini coefficient up to which it is flat."""
SHARP = 0.2
"""Change of a Gini coefficient from which it is sharp."""
LIGHTER = 0.95
"""The squared weights fall where they end at this share or less."""
MUCH_LIGHTER = 0.7
"""They drop sharply where they end at this share or less."""
PLATEAU = (0.75, 1.5)
"""A loss on a plateau ends between these shares of where it was."""

Figures = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class _Expected:
    """A sign: the figure, and the share of its first value, or the change, between which it should end."""

    says: str
    figure: str
    low: float = -math.inf
    high: float = math.inf
    change: bool = False
    most: float = math.inf

    def seen(self, first: float, last: float) -> Sign:
        moved = last - first if self.change else last / first if first else math.inf
        holds = self.low <= moved <= self.high and last <= self.most
        return Sign(says=self.says, figure=self.figure, first=first, last=last, holds=holds)


EXPECTED: Mapping[str, tuple[_Expected, ...]] = {
    "memorisation": (
        _Expected("training loss falls", "train_loss", high=TENTH),
        _Expected("excluded loss falls", "excluded_loss", high=HALF),
        _Expected("test loss stays high", "test_loss", low=HALF),
        _Expected("restricted loss stays high", "restricted_loss", low=HALF),
        _Expected("Gini coefficient of W_E stays flat", "gini_embedding", -FLAT, FLAT, change=True),
        _Expected("Gini coefficient of W_L stays flat", "gini_map", -FLAT, FLAT, change=True),
    ),
    "circuit formation": (
        _Expected("excluded loss rises", "excluded_loss", low=1 / HALF),
        _Expected("restricted loss falls", "restricted_loss", high=HALF),
        _Expected("training loss stays low", "train_loss", most=FIT),
        _Expected("test loss stays high", "test_loss", low=HALF),
        _Expected("squared weights fall", "squared_weights", high=LIGHTER),
    ),
    "clean-up": (
        _Expected("test loss drops", "test_loss", high=TENTH),
        _Expected("restricted loss falls on", "restricted_loss", high=HALF),
        _Expected("excluded loss is on a plateau", "excluded_loss", *PLATEAU),
        _Expected("squared weights drop", "squared_weights", high=MUCH_LIGHTER),
        _Expected("Gini coefficient of W_E rises sharply", "gini_embedding", low=SHARP, change=True),
        _Expected("Gini coefficient of W_L rises sharply", "gini_map", low=SHARP, change=True),
    ),
}
"""The signs of each phase, from section 5.2."""


def find_phases(steps: Sequence[int], figures: Figures) -> tuple[Phase, ...]:
    """Return the phases of a run, and which of their signs it shows.

    Args:
        steps: steps at which there are figures, ascending.
        figures: train_loss, test_loss, restricted_loss, excluded_loss, gini_embedding, gini_map and
            squared_weights at each step.

    Returns:
        Memorisation, circuit formation and clean-up; a phase that the run did not come to begins and ends
        with its last step and has no signs.
    """
    test, excluded = figures["test_loss"], figures["excluded_loss"]
    # The untrained model guesses; after the step `formed` the held-out inputs are known better than that.
    formed = max(i for i, loss in enumerate(test) if loss >= test[0])
    memorised = min(range(formed + 1), key=lambda i: excluded[i])
    ends = (0, memorised, formed, len(steps) - 1)
    return tuple(
        Phase(
            name=name,
            first=steps[first],
            last=steps[last],
            signs=tuple(sign.seen(figures[sign.figure][first], figures[sign.figure][last]) for sign in signs)
            if first < last
            else (),
        )
        for (name, signs), first, last in zip(EXPECTED.items(), ends[:-1], ends[1:], strict=True)
    )
