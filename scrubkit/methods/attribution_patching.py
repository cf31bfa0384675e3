"""Attribution patching: the effect of patching every site, to first order, from one gradient.

Syed, Rager and Conmy 2023, "Attribution Patching Outperforms Automated Circuit Discovery",
arXiv:2310.10348, with the gradients of TransformerLens. The metric is a sum over pairs of independent rows,
so that one backward pass gives the gradient of each pair. Integrated gradients average it along the way
from the corrupt embedding to the clean one: Hanna, Pezzelle and Belinkov 2024, "Have Faith in
Faithfulness", arXiv:2403.17806.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from scrubkit import Budget, Importances, Model, Part, Task, bind

PAIRS = 256
"""Pairs of a clean and a corrupt input."""
EMBED = "hook_embed"


@dataclass(frozen=True)
class AttributionPatching:
    """Importance = mean over pairs of |(clean - corrupt) . gradient| for embeddings, heads and neurons.

    Attributes:
        device: where models are run.
    """

    device: str = "cpu"
    name = "attribution-patching"
    steps = 1

    def find(self, model: Model, *, task: Task, generator: torch.Generator, budget: Budget) -> Importances:
        """Return the importance of every embedding, head and neuron."""
        from transformer_lens.tools.analysis.attribution_patching import cache_activation_and_gradient

        bound = bind(model, task=task, device=self.device)
        parts = bound.components(neurons=True)
        hooks = list(dict.fromkeys(part.hook for part in parts))
        clean, corrupt = (bound.others(torch.arange(PAIRS), generator) for _ in range(2))

        def metric(logits: Tensor) -> Tensor:
            return bound.lead(logits[:, list(bound.whole_output.positions)], clean).sum()

        def cached(rows: Tensor, *, gradient: bool) -> tuple[dict[str, Tensor], dict[str, Tensor | None]]:
            cache = cache_activation_and_gradient(
                bound.bridge, bound.tokens[rows], metric, hooks, compute_gradient=gradient
            )
            return cache.activations, cache.gradients

        with torch.enable_grad():
            goal, _ = cached(clean, gradient=False)
            start, gradients = cached(corrupt, gradient=True)
            summed = {name: _present(gradients[name], start[name]) for name in start}
            for step in range(1, self.steps):
                point = start[EMBED] + step / self.steps * (goal[EMBED] - start[EMBED])
                with bound.bridge.hooks(fwd_hooks=[(EMBED, _set_to(point))]):
                    gradients = cached(corrupt, gradient=True)[1]
                summed = {name: summed[name] + _present(gradients[name], start[name]) for name in summed}
        effects = {name: (goal[name] - start[name]) * summed[name] / self.steps for name in summed}
        sites = {str(part): _importance(effects[part.hook], part) for part in parts}
        return Importances(sites, evaluations=PAIRS * (2 + self.steps))


class IntegratedGradients(AttributionPatching):
    """The same with the gradient averaged over points between the corrupt and the clean embedding."""

    name = "integrated-gradients"
    steps = 5


def _importance(effect: Tensor, part: Part) -> float:
    """Return the mean absolute effect of a part over pairs, from that of every number of its hook."""
    own = effect[:, list(part.positions)]
    if part.inner is not None:
        own = own[:, :, list(part.inner)]
    return float(own.flatten(1).sum(dim=1).abs().mean())


def _present(gradient: Tensor | None, like: Tensor) -> Tensor:
    return torch.zeros_like(like) if gradient is None else gradient


def _set_to(value: Tensor) -> Callable[..., Tensor]:
    def hook(tensor: Tensor, hook: object = None) -> Tensor:
        # Derived from the tensor, so that the gradient with respect to the hook is there.
        return tensor + (value - tensor).detach()

    return hook
