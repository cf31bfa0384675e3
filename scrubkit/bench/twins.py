"""Twins: one text asked of several models, of as many of which it is true as it is false of.

Nothing can then be told from the text: whatever a control makes of it, it makes of both sides alike. Claims
that are false in a rare way are taken first, and models come out with about as many true cases as false ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

import numpy as np

PER_TEXT = 3
"""Most true, and most false, cases of one text."""


class Text(Protocol):
    """A claim that was asked of several models, which have numbers."""

    @property
    def true(self) -> tuple[int, ...]:
        """The models of which it is true."""
        ...

    @property
    def false(self) -> Mapping[int, str]:
        """The models of which it is false, each with the stratum."""
        ...


T = TypeVar("T", bound=Text)


def choose(texts: Sequence[Text], pairs: int, rng: np.random.Generator) -> dict[int, list[int]]:
    """Return the models of chosen false cases by number of the text, the rarest stratum first.

    Args:
        texts: claims, with the models that each is true and false of.
        pairs: how many false cases to choose at most.
        rng: decides among equals.
    """
    open_: dict[str, list[tuple[int, int]]] = {}
    for number, text in enumerate(texts):
        for model, stratum in text.false.items():
            open_.setdefault(stratum, []).append((number, model))
    chosen: dict[int, list[int]] = {}
    used: Counter[str] = Counter()
    while pairs and open_:
        stratum = min(open_, key=lambda name: (used[name], len(open_[name]), name))
        number, model = open_[stratum].pop(int(rng.integers(len(open_[stratum]))))
        if not open_[stratum]:
            del open_[stratum]
        if len(chosen.get(number, ())) < min(PER_TEXT, len(texts[number].true)):
            chosen.setdefault(number, []).append(model)
            used[stratum] += 1
            pairs -= 1
    return chosen


def even(texts: Sequence[T], chosen: Mapping[int, list[int]]) -> Iterator[tuple[T, list[int]]]:
    """Yield the models of each text: as many true as false ones, such that models come out even.

    Args:
        texts: claims, with the models that each is true and false of.
        chosen: models of false cases, by number of the text.
    """
    lean: Counter[int] = Counter()
    sides: list[tuple[list[int], tuple[int, ...], int]] = []
    for number, false in chosen.items():
        text = texts[number]
        true = sorted(text.true, key=lambda m: lean[m])[: len(false)]
        lean.update({m: 1 for m in true})
        lean.subtract({m: 1 for m in false})
        sides += [(true, text.true, 1), (false, _alike(text, false), -1)]
    while _exchange(sides, lean):
        pass
    for number, (true, false) in zip(chosen, zip(sides[::2], sides[1::2], strict=True), strict=True):
        yield texts[number], [*true[0], *false[0]]


def _alike(text: Text, false: Sequence[int]) -> tuple[int, ...]:
    """Return the models that may stand in for chosen false ones without a change of strata."""
    strata = {text.false[m] for m in false}
    return tuple(m for m, s in text.false.items() if s in strata) if len(strata) == 1 else tuple(false)


def _exchange(sides: Sequence[tuple[list[int], tuple[int, ...], int]], lean: Counter[int]) -> bool:
    """Exchange one model for another of the same side where that evens both out; say whether one was."""
    for taken, allowed, sign in sides:
        for i, old in enumerate(taken):
            for new in allowed:
                if new not in taken and sign * (lean[old] - lean[new]) >= 2:
                    taken[i] = new
                    lean[old] -= sign
                    lean[new] += sign
                    return True
    return False
