"""Attribution patching: the effect of patching every site, to first order, from one gradient.

Syed, Rager and Conmy 2023, "Attribution Patching Outperforms Automated Circuit Discovery",
arXiv:2310.10348, with the gradients of TransformerLens. The metric is a sum over pairs of independent rows,
so that one backward pass gives the gradient of each pair. Integrated gradients average it along the way
from the corrupt embedding to the clean one: Hanna, Pezzelle and Belinkov 2024, "Have Faith in
Faithfulness", arXiv:2403.17806, section 3.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from scrubkit.core.task import Task
from scrubkit.methods.circuit import logit_difference
from scrubkit.methods.protocol import Budget, Importances
from scrubkit.models.model import Model

PAIRS = 256
"""Pairs of a clean and a corrupt input."""
EMBED, Z, POST = "hook_embed", "attn.hook_z", "mlp.hook_post"


class AttributionPatching:
    """Importance = mean over pairs of |(clean - corrupt) . gradient| for embeddings, heads and neurons."""

    name = "attribution-patching"
    steps = 1

    def find(self, model: Model, *, task: Task, generator: torch.Generator, budget: Budget) -> Importances:
        """Return the importance of every embedding, head and neuron."""
        from transformer_lens.tools.analysis.attribution_patching import cache_activation_and_gradient

        clean, corrupt = torch.randint(task.n_inputs, (2, PAIRS), generator=generator)
        tokens, labels, bridge = model.tokens, model.labels[clean], model.bridge
        hooks = _hooks(model)

        def metric(logits: Tensor) -> Tensor:
            return logit_difference(logits[:, -1], labels).sum()

        def cached(rows: Tensor, *, gradient: bool) -> tuple[dict[str, Tensor], dict[str, Tensor | None]]:
            cache = cache_activation_and_gradient(
                bridge, tokens[rows], metric, hooks, compute_gradient=gradient
            )
            return cache.activations, cache.gradients

        with torch.enable_grad():
            ends = cached(clean, gradient=False)[0], cached(corrupt, gradient=True)
            (goal, (start, gradients)) = ends
            summed = {name: _present(gradients[name], start[name]) for name in start}
            for step in range(1, self.steps):
                share = step / self.steps
                point = start[EMBED] + share * (goal[EMBED] - start[EMBED])
                with bridge.hooks(fwd_hooks=[(EMBED, _set_to(point))]):
                    gradients = cached(corrupt, gradient=True)[1]
                summed = {name: summed[name] + _present(gradients[name], start[name]) for name in summed}
        effects = {name: (goal[name] - start[name]) * summed[name] / self.steps for name in summed}
        return Importances(_by_site(effects, model.config.n_layers), evaluations=PAIRS * (2 + self.steps))


class IntegratedGradients(AttributionPatching):
    """The same with the gradient averaged over points between the corrupt and the clean embedding."""

    name = "integrated-gradients"
    steps = 5


def _present(gradient: Tensor | None, like: Tensor) -> Tensor:
    return torch.zeros_like(like) if gradient is None else gradient


def _set_to(value: Tensor) -> Callable[..., Tensor]:
    def hook(tensor: Tensor, hook: object = None) -> Tensor:
        # Derived from the tensor, so that the gradient with respect to the hook is there.
        return tensor + (value - tensor).detach()

    return hook


def _hooks(model: Model) -> list[str]:
    """Return the hooks of the embeddings, and of the heads and neurons of every block."""
    kinds = (Z, POST) if model.config.d_mlp else (Z,)
    return [EMBED, *(f"blocks.{i}.{kind}" for i in range(model.config.n_layers) for kind in kinds)]


def _by_site(effects: dict[str, Tensor], n_layers: int) -> dict[str, float]:
    """Return the mean absolute effect of each site over pairs.

    A head or neuron of the last block is felt at the last position alone; of an earlier block it is one site
    at all positions.
    """
    embed = effects[EMBED].sum(dim=-1).abs().mean(dim=0)
    sites = {f"{EMBED}[pos={i}]": float(x) for i, x in enumerate(embed)}
    for hook, effect in effects.items():
        if hook == EMBED:
            continue
        place = slice(-1, None) if hook.startswith(f"blocks.{n_layers - 1}.") else slice(None)
        at = "pos=-1, " if place.start else ""
        axis = "head" if hook.endswith(Z) else "neurons"
        of_each = effect[:, place].sum(dim=(1, 3) if axis == "head" else 1).abs().mean(dim=0)
        sites |= {f"{hook}[{at}{axis}={i}]": float(x) for i, x in enumerate(of_each)}
    return sites
