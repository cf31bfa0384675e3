"""AtP*: attribution patching with two repairs of its false negatives.

Kramar, Lieberum, Shah and Nanda 2024, "AtP*: An efficient and scalable method for localizing LLM behaviour to
components", arXiv:2403.00745.

- *QK fix*: where attention is saturated, the gradient of a query or key says nothing. The softmax is
  computed anew with the patched query or key, and the change of the pattern times its gradient is the
  effect.
- *GradDrop*: an effect that a later component cancels has a gradient of nearly zero. The gradient is taken
  again for each component, an attention or an MLP, with what passes through it dropped, and the mean of the
  absolute effects counts. The paper drops whole layers of deep models and leaves the undropped gradient
  out; here it is one of those that are averaged, since in a model of one block everything passes through
  it.

A head's importance is the largest of its output's, its query's and its key's. What lies before a saturated
attention keeps its small gradient, and effects of two parts together are not seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from scrubkit import Bound, Budget, Importances, Model, Part, Task, bind
from scrubkit.methods.residual import Metric, Residual, Rows, Sweep

PAIRS = 256
"""Pairs of a clean and a corrupt input."""


@dataclass(frozen=True)
class AtPStar:
    """Importance = mean over pairs of the absolute effect of patching, to first order but for the softmax.

    Attributes:
        device: where models are run.
    """

    device: str = "cpu"
    name = "atp-star"

    def find(self, model: Model, *, task: Task, generator: torch.Generator, budget: Budget) -> Importances:
        """Return the importance of every embedding, head and neuron."""
        bound = bind(model, task=task, device=self.device)
        clean, corrupt = (bound.others(torch.arange(PAIRS), generator) for _ in range(2))
        metric: Metric = lambda logits: bound.lead(logits, clean)  # noqa: E731
        stream = Residual(bound, clean)
        drops = [f"{kind} {layer}" for layer in stream.blocks for kind in ("attention", "mlp")]
        if not (bound.architecture and bound.architecture.d_mlp):
            drops = [drop for drop in drops if drop.startswith("attention")]
        sites: dict[str, float] = {}
        whole = stream.sweep(metric)
        for found in (whole, *(stream.sweep(metric, skip=drop) for drop in drops)):
            for site, effect in _effects(bound, found, clean, corrupt).items():
                sites[site] = sites.get(site, 0.0) + effect / (len(drops) + 1)
        for layer in stream.blocks:
            for h, effect in enumerate(query_key_effects(bound, whole, layer, clean, corrupt)):
                (name,) = [str(part) for part in bound.components() if _is_head(part, layer, h)]
                sites[name] = max(sites[name], effect)
        return Importances(sites, evaluations=bound.evaluations)


def _effects(bound: Bound, found: Sweep, clean: Rows, corrupt: Rows) -> dict[str, float]:
    """Return |(corrupt - clean) . gradient| of every component, mean over pairs."""
    effects: dict[str, float] = {}
    changes: dict[str, Tensor] = {}
    for part in bound.components(neurons=True):
        if part.hook not in changes:
            whole = bound.part(part.hook)
            gradient = found.embed if part.hook == "hook_embed" else found.outputs[part.hook]
            assert gradient is not None
            changes[part.hook] = (bound.read(whole, corrupt) - bound.read(whole, clean)) * gradient
        own = changes[part.hook][:, list(part.positions)]
        own = own if part.inner is None else own[:, :, list(part.inner)]
        effects[str(part)] = float(own.flatten(1).sum(dim=1).abs().mean())
    return effects


def query_key_effects(bound: Bound, found: Sweep, layer: int, clean: Rows, corrupt: Rows) -> list[float]:
    """Return for each head of a block the effect of its patched queries or keys, whichever is larger.

    Args:
        bound: the model.
        found: the gradients on the clean inputs.
        layer: the block.
        clean: the inputs that are run.
        corrupt: for each of them the input that corrupt values come from.
    """
    sites = {name: bound.part(f"blocks.{layer}.attn.hook_{name}") for name in ("q", "k", "v")}
    own, other = ({name: bound.read(part, rows) for name, part in sites.items()} for rows in (clean, corrupt))
    # The gradient of the pattern: z is the pattern times the values.
    of_z = found.outputs[f"blocks.{layer}.attn.hook_z"]
    gradient = torch.einsum("iqhe,ikhe->ihqk", of_z, own["v"])
    n_heads = own["q"].shape[2]
    largest = torch.zeros(n_heads, dtype=torch.float64)
    for q, k in ((other["q"], own["k"]), (own["q"], other["k"])):
        change = _pattern(bound, q, k) - _pattern(bound, own["q"], own["k"])
        effect = (change * gradient).sum(dim=(2, 3)).abs().mean(dim=0)
        largest = torch.maximum(largest, effect.double().cpu())
    return largest.tolist()


def _pattern(bound: Bound, q: Tensor, k: Tensor) -> Tensor:
    """Return the attention pattern of some queries and keys, (pair, head, query, key)."""
    scores = torch.einsum("iqhe,ikhe->ihqk", q, k) / math.sqrt(q.shape[-1])
    assert bound.architecture is not None
    if bound.architecture.causal:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(later, -math.inf)
    return scores.softmax(dim=-1)


def _is_head(part: Part, layer: int, head: int) -> bool:
    return part.hook == f"blocks.{layer}.attn.hook_z" and part.heads == (head,)
