"""Circularity: whether the leading principal components of the embedding are waves of one frequency each."""

from __future__ import annotations

import torch

from scrubkit.families.modular.certify.layout import Layout
from scrubkit.families.modular.certify.spectra import frequency_power

COMPONENTS = 4


def circularity(layout: Layout) -> float:
    """Return the mean over the first four components of W_E of the largest share at one frequency.

    Components are taken over operand tokens, centred. Components of equal size are mixed at will, so a
    model whose frequencies are equally loud shows less than 1 though every frequency is a circle.
    Zhong et al. 2023, arXiv:2306.17844.

    Returns:
        A share from 0 to 1.
    """
    embedding = layout.weights.W_E[layout.token_a]
    centred = embedding - embedding.mean(0)
    scores, _, _ = torch.linalg.svd(centred, full_matrices=False)
    power = frequency_power(scores[:, :COMPONENTS].T)
    return float((power.max(1).values / power.sum(1).clamp_min(1e-12)).mean())
