"""Clusters: the neurons whose activation is at one key frequency and that speak about that frequency.

A neuron belongs to cluster k when at least 85 % of its variance over (a, b) is at frequency k and its row
of W_L is mostly in plane k and not null. The last two keep out decoys: neurons that compute a true
feature and write it where no logit listens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from scrubkit.families.modular.certify.layout import Layout
from scrubkit.families.modular.certify.measures.frequencies import fires, map_power
from scrubkit.families.modular.certify.spectra import centred_power, single_frequency_power

PURE = 0.85
"""Least share of a neuron's variance at its frequency (Nanda et al. 2023, arXiv:2301.05217, section 4.3)."""

HEARD = 0.01
"""Least effect on the logits, relative to the strongest neuron's, of a neuron that counts as writing."""

ON_PLANE = 0.8
"""Least share of a neuron's row of W_L that is at the neuron's own frequency."""


@dataclass(frozen=True)
class Clusters:
    """What each neuron computes and whether the logits hear it.

    Attributes:
        frequency: the frequency that explains most of each neuron's variance.
        purity: the share of its variance that this frequency explains.
        writes: whether the neuron fires on more than single pairs and moves the logits at all.
        members: neurons of each key frequency.
    """

    frequency: Int[Tensor, " neuron"]
    purity: Float[Tensor, " neuron"]
    writes: Bool[Tensor, " neuron"]
    members: dict[int, tuple[int, ...]]

    @property
    def share(self) -> float:
        """Share of the writing neurons that belong to a cluster."""
        total = int(self.writes.sum())
        return sum(map(len, self.members.values())) / total if total else 0.0


def find_clusters(layout: Layout, key: Sequence[int]) -> Clusters:
    """Assign neurons to key frequencies.

    Args:
        layout: the model's activations.
        key: the key frequencies.

    Returns:
        The clusters; every key frequency has an entry, which may be empty.
    """
    variance = centred_power(layout.post)
    power = single_frequency_power(layout.post)
    purity, best = (power / variance.clamp_min(torch.finfo(torch.float64).tiny)[:, None]).max(1)
    rows = map_power(layout)
    effect = (variance * rows.sum(1)).sqrt()
    writes = fires(layout) & (effect > 0) & (effect >= HEARD * effect.max())
    own = rows.gather(1, best[:, None]).squeeze(1)
    belongs = writes & (purity >= PURE) & (own >= ON_PLANE * rows.sum(1))
    frequency = best + 1
    members = {k: tuple(torch.nonzero(belongs & (frequency == k)).flatten().tolist()) for k in key}
    return Clusters(frequency, purity, writes, members)
