"""Gradient symmetricity: whether the logits respond alike to the two operands' embeddings.

A pizza reads E_a + E_b, so the gradients of any logit by E_a and by E_b are the same vector. A clock
multiplies features of a by features of b, and the two gradients differ. Zhong et al.
2023, arXiv:2306.17844.
"""

from __future__ import annotations

import torch
from torch.nn.functional import cosine_similarity

from scrubkit.families.modular.certify.layout import Layout
from scrubkit.models.forward import ACTIVATIONS
from scrubkit.models.weights import run

TRIPLES = 1000
SEED = 0


@torch.enable_grad()
def gradient_symmetricity(layout: Layout) -> float | None:
    """Return the mean cosine of dlogit_c / dE_a and dlogit_c / dE_b over random (a, b, c).

    Args:
        layout: the model's activations.

    Returns:
        A cosine from -1 to 1, over 1,000 triples with a fixed seed; None where every gradient is zero,
        and where the operands are indexed differently (subtraction), since then even a pizza reads E_b
        mirrored.
    """
    if not torch.equal(layout.token_a, layout.token_b):
        return None
    generator = torch.Generator().manual_seed(SEED)
    n, w = layout.n, layout.weights
    rows = torch.randint(n * n, (TRIPLES,), generator=generator)
    c = layout.classes[torch.randint(n, (TRIPLES,), generator=generator)]
    # Each drawn operand gets an embedding row of its own, so the model's forward pass serves as it is.
    drawn = w.W_E[layout.tokens[rows]].flatten(0, 1).requires_grad_(True)
    tokens = torch.arange(drawn.shape[0]).reshape(TRIPLES, -1)
    logits = run(w.with_(W_E=drawn), tokens, ACTIVATIONS[layout.act_fn])["logits"]
    (gradient,) = torch.autograd.grad(logits.gather(1, c[:, None]).sum(), drawn)
    by_position = gradient.reshape(TRIPLES, -1, gradient.shape[-1])
    by_a, by_b = by_position[:, 0], by_position[:, 1]
    sizes = by_a.norm(dim=1) * by_b.norm(dim=1)
    live = sizes > 1e-12 * sizes.max()
    return float(cosine_similarity(by_a[live], by_b[live]).mean()) if bool(live.any()) else None
