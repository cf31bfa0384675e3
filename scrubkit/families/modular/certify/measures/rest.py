"""The neurons outside the clusters: how much the answer depends on them."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from scrubkit.families.modular.certify.layout import Layout
from scrubkit.families.modular.certify.measures.ablations import mean_loss


def clusters_only_loss(layout: Layout, members: Mapping[int, tuple[int, ...]]) -> float:
    """Return the loss, in nats, with every neuron outside the clusters held at its mean over all inputs.

    Args:
        layout: the model's activations.
        members: neurons of each key frequency.
    """
    outside = torch.ones(layout.post.shape[-1], dtype=torch.bool)
    outside[[neuron for cluster in members.values() for neuron in cluster]] = False
    rows = layout.weights.W_out[outside] @ layout.weights.W_U[:, layout.classes]
    written = layout.post[..., outside] @ rows
    return mean_loss(layout, layout.logits - written + written.mean((0, 1)))
