"""Head importance score (HISP): how much the loss would change, to first order, if a part were masked.

Michel, Levy and Neubig 2019, "Are Sixteen Heads Really Better than One?", arXiv:1905.10650: I =
E |A^T dL/dA| with A what a head puts out, divided by the l2 norm of the importances of its block. As Conmy et
al. 2023 do (arXiv:2304.14997), neurons and embeddings are scored alike. The loss is the
cross-entropy of the right answer, or of the model's own where there are no labels. On a model whose loss is
saturated the gradient is nearly zero everywhere, and the division turns what is left of it, rounding
included, into importances.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from scrubkit import Budget, Importances, Model, Task, bind
from scrubkit.methods.residual import Residual

SIZE = 512


@dataclass(frozen=True)
class HeadImportance:
    """Importance = mean over inputs of |value . gradient of the loss|, normalised by block.

    Attributes:
        device: where models are run.
    """

    device: str = "cpu"
    name = "hisp"

    def find(self, model: Model, *, task: Task, generator: torch.Generator, budget: Budget) -> Importances:
        """Return the importance of every embedding, head and neuron."""
        bound = bind(model, task=task, device=self.device)
        rows = bound.sample(min(SIZE, bound.n_inputs), generator)
        stream = Residual(bound, rows)
        right = bound.right[rows].to(bound.device)

        def loss(logits: Tensor) -> Tensor:
            flat = functional.cross_entropy(logits.double().flatten(0, 1), right.flatten(), reduction="none")
            return flat.reshape(right.shape).mean(dim=1)

        found = stream.sweep(loss)
        sites: dict[str, float] = {}
        norms: dict[str, float] = {}
        hooks: dict[str, str] = {}
        for part in bound.components(neurons=True):
            gradient = found.embed if part.hook == "hook_embed" else found.outputs[part.hook]
            assert gradient is not None
            own = gradient[:, list(part.positions)]
            own = own if part.inner is None else own[:, :, list(part.inner)]
            value = float((bound.read(part, rows) * own).flatten(1).sum(dim=1).abs().mean())
            sites[str(part)], hooks[str(part)] = value, part.hook
            norms[part.hook] = norms.get(part.hook, 0.0) + value**2
        scaled = {site: value / (norms[hooks[site]] ** 0.5 or 1.0) for site, value in sites.items()}
        return Importances(scaled, evaluations=bound.evaluations)
