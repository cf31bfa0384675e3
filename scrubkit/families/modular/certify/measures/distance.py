"""Distance irrelevance: whether the right class's logit depends on a - b.

In a pizza the logit of the right class falls with the distance of a and b on the circle; in a clock it
does not depend on it. Zhong et al. 2023, arXiv:2306.17844.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from scrubkit.families.modular.certify.layout import Layout
from scrubkit.families.modular.certify.spectra import difference_index


def distance_irrelevance(layout: Layout) -> float | None:
    """Return q = mean over d = a - b of the std over a + b of the right logit, over its total std.

    Args:
        layout: the model's activations.

    Returns:
        A ratio from 0 (only the distance matters, pizza) to 1 (it does not matter, clock); None where the
        right logit is constant to rounding error, so that there is nothing to explain.
    """
    right = right_logits(layout)
    total = right.std(correction=0)
    if total <= 1e-9 * layout.group_logits.std():
        return None
    by_distance = right.flatten()[difference_index(layout.n).flatten().argsort(stable=True)]
    within = by_distance.reshape(layout.n, layout.n).std(dim=1, correction=0)
    return float(within.mean() / total)


def right_logits(layout: Layout) -> Float[Tensor, "n n"]:
    """Return the logit of the right class as it is: published figures centre nothing."""
    return torch.gather(layout.group_logits, -1, layout.labels[..., None]).squeeze(-1)
