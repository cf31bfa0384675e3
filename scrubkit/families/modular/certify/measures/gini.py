"""The Gini coefficient: how unequally power is spread over frequencies."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def gini(values: Float[Tensor, " item"]) -> float:
    """Return the Gini coefficient of non-negative values.

    G = sum_i (2 i - m - 1) x_(i) / (m sum_i x_(i)) with x sorted ascending: 0 where all are equal,
    1 - 1 / m where one has all.

    Args:
        values: sizes to compare, such as the norm at each frequency.

    Returns:
        The coefficient, 0 for values that are all zero.
    """
    ordered = values.sort().values
    total, m = float(ordered.sum()), len(ordered)
    if total == 0:
        return 0.0
    rank = torch.arange(1, m + 1, dtype=ordered.dtype)
    return float(((2 * rank - m - 1) * ordered).sum() / (m * total))
