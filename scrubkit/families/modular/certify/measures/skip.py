"""The skip path: embedding and attention straight into the logits, past the neurons.

The textbook algorithm puts nothing there. Trained models do: without it their loss is a few times higher.
The path is measured in three ways: it is given another input's value, held at its mean over all inputs, and
set to zero, which is what published tables call removed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from scrubkit.families.modular.certify.layout import Layout
from scrubkit.families.modular.certify.measures.ablations import mean_loss

SEED = 0
"""Seed of the permutation by which the path is resampled."""


@dataclass(frozen=True)
class SkipPath:
    """Losses, in nats, with the skip path cut.

    Attributes:
        resampled: the path carries the value of another input.
        held: the path carries its mean over all inputs.
        removed: the path carries nothing.
    """

    resampled: float
    held: float
    removed: float


def cut_skip_path(layout: Layout) -> SkipPath:
    """Measure the loss with the skip path resampled, held at its mean and removed."""
    skip = skip_logits(layout)
    rest = layout.logits - skip
    shuffle = torch.randperm(layout.n**2, generator=torch.Generator().manual_seed(SEED))
    other = skip.flatten(0, 1)[shuffle].unflatten(0, (layout.n, layout.n))
    return SkipPath(
        resampled=mean_loss(layout, rest + other),
        held=mean_loss(layout, rest + skip.mean((0, 1))),
        removed=mean_loss(layout, rest),
    )


def skip_logits(layout: Layout) -> Float[Tensor, "n n class"]:
    """Return what the residual stream before the neurons adds to the logits."""
    return layout.resid_mid @ layout.weights.W_U[:, layout.classes]
