"""Some cases of a suite, for methods that are too slow for all: by strata, the same ones every time."""

from __future__ import annotations

import numpy as np

from scrubkit.bench.case import Case
from scrubkit.bench.manifest import Suite
from scrubkit.harness.strata import stratum_of


def sampled(suite: Suite, size: int, *, seed: int = 0) -> Suite:
    """Return a suite of some of the cases of another, in the same order.

    Cases are sorted by label, stratum and variant of model, in random order within each, and taken at even
    distances; so that each of these has its share to within one case.

    Args:
        suite: the whole.
        size: how many cases; the whole is returned where it has no more.
        seed: decides the choice.
    """
    if size >= len(suite.cases):
        return suite
    rng = np.random.default_rng([seed, 71])
    order = rng.permutation(len(suite.cases)).tolist()
    order.sort(key=lambda i: _kind(suite.cases[i]))
    distance = len(order) / size
    first = rng.random() * distance
    taken = sorted(order[int(first + k * distance)] for k in range(size))
    return suite.model_copy(
        update={"name": f"{suite.name}-sample", "cases": tuple(suite.cases[i] for i in taken)}
    )


def _kind(case: Case) -> tuple[str, str, str]:
    return case.label.label, stratum_of(case), case.variant
