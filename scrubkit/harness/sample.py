"""Some cases of a suite, for methods that are too slow for all: by strata, the same ones every time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scrubkit.bench.case import Case
from scrubkit.bench.manifest import Suite
from scrubkit.harness.strata import stratum_of


def sampled(suite: Suite, size: int, *, seed: int = 0) -> Suite:
    """Return a suite of some of the cases of another, in the same order; the whole where it has no more."""
    if size >= len(suite.cases):
        return suite
    some = tuple(suite.cases[i] for i in taken(suite.cases, size, seed=seed))
    return suite.model_copy(update={"name": f"{suite.name}-sample", "cases": some})


def taken(cases: Sequence[Case], size: int, *, seed: int = 0) -> list[int]:
    """Return which of some cases make a sample, ascending.

    Cases are sorted by label, stratum and variant of model, in random order within each, and taken at even
    distances; so that each of these has its share to within one case.

    Args:
        cases: the whole.
        size: how many cases; all where there are no more.
        seed: decides the choice.
    """
    if size >= len(cases):
        return list(range(len(cases)))
    rng = np.random.default_rng([seed, 71])
    order = rng.permutation(len(cases)).tolist()
    order.sort(key=lambda i: _kind(cases[i]))
    distance = len(order) / size
    first = rng.random() * distance
    return sorted(order[int(first + k * distance)] for k in range(size))


def _kind(case: Case) -> tuple[str, str, str]:
    return case.label.label, stratum_of(case), case.variant
