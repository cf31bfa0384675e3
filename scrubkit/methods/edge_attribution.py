"""Edge attribution patching: the effect of every edge of the residual stream, to first order.

Syed, Rager and Conmy 2023, "Attribution Patching Outperforms Automated Circuit Discovery", arXiv:2310.10348:
the score of an edge is (corrupt - clean value of the writer) . (gradient of the metric at the reader's
input), from one backward pass on the clean input. Hanna, Pezzelle and Belinkov 2024, "Have Faith in
Faithfulness", arXiv:2403.17806, average the gradient along the way from the corrupt to the clean embedding
(EAP-IG), and compare metrics: the lead of the right logit, and the KL divergence from the clean output, whose
gradient at the clean input is zero, so that it needs the way. A head's queries, keys and values count as one
input here. Scores are means over pairs of the absolute effect, so that effects on different inputs do not
cancel; a head that another makes up for, or a saturated attention, still gets too little.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from scrubkit import Bound, Budget, Importances, Model, Part, Task, bind
from scrubkit.methods.residual import Metric, Residual, Rows

PAIRS = 256
"""Pairs of a clean and a corrupt input."""


@dataclass(frozen=True)
class EdgeAttribution:
    """Importance of an edge: mean over pairs of |(corrupt - clean) . gradient|; of a site, its largest.

    Attributes:
        device: where models are run.
    """

    device: str = "cpu"
    name = "eap"
    steps = 1

    def find(self, model: Model, *, task: Task, generator: torch.Generator, budget: Budget) -> Importances:
        """Return the importance of every edge between embeddings, heads, MLPs and the output."""
        bound = bind(model, task=task, device=self.device)
        clean, corrupt = (bound.others(torch.arange(PAIRS), generator) for _ in range(2))
        edges = edge_effects(bound, clean, corrupt, self.metric(bound, clean), self.steps)
        sites: dict[str, float] = {}
        for (source, _), value in edges.items():
            sites[source] = max(sites.get(source, 0.0), value)
        return Importances(sites, edges, evaluations=bound.evaluations)

    def metric(self, bound: Bound, clean: Rows) -> Metric:
        """Return what is differentiated: the lead of the right logit."""
        return lambda logits: bound.lead(logits, clean)


class EdgeAttributionIG(EdgeAttribution):
    """The same with the gradient averaged over points on the way from the corrupt to the clean embedding."""

    name = "eap-ig"
    steps = 5


class EdgeAttributionIGKL(EdgeAttributionIG):
    """The same, of the KL divergence from the clean output."""

    name = "eap-ig-kl"

    def metric(self, bound: Bound, clean: Rows) -> Metric:
        """Return the divergence of the output distribution from the clean one."""
        own = bound.clean(clean).double().log_softmax(dim=-1)
        probs = own.exp()

        def divergence(logits: Tensor) -> Tensor:
            return (probs * (own - logits.double().log_softmax(dim=-1))).sum(dim=-1).mean(dim=-1)

        return divergence


def edge_effects(
    bound: Bound, clean: Rows, corrupt: Rows, metric: Metric, steps: int = 1
) -> dict[tuple[str, str], float]:
    """Return the mean absolute effect of corrupting each edge, to first order.

    Args:
        bound: the model.
        clean: the inputs that are run.
        corrupt: for each of them the input that corrupt values come from.
        metric: of the logits.
        steps: points at which the gradient is taken, from the clean embedding towards the corrupt one.
    """
    stream = Residual(bound, clean)
    change = {
        part: stream.written(part, bound.read(part, corrupt)) - stream.written(part, bound.read(part, clean))
        for part in stream.writers
    }
    embed = bound.part("hook_embed")
    start, goal = bound.read(embed, clean), bound.read(embed, corrupt)
    summed: dict[Part, Tensor] = {}
    for step in range(steps):
        point = None if step == 0 else start + step / steps * (goal - start)
        for reader, gradient in Residual(bound, clean, point).sweep(metric).inputs.items():
            summed[reader] = summed.get(reader, 0) + gradient / steps
    named = {part: name for name, part in zip(site_names(bound), stream.writers, strict=True)}
    named[bound.whole_output] = "logits"
    return {
        (named[writer], named[reader]): float((change[writer] * gradient).sum(dim=(1, 2)).abs().mean())
        for reader, gradient in summed.items()
        for writer in stream.before(reader)
    }


def site_names(bound: Bound) -> list[str]:
    """Return the sites of the writers, in the order of computation, as `Bound.components` names them."""
    return [str(part) for part in bound.components()]
