"""Activation patching: the effect of patching every component, one at a time and exactly.

Vig et al. 2020, "Investigating Gender Bias in Language Models Using Causal Mediation Analysis", NeurIPS;
the same with more in arXiv:2004.12265; Meng et al. 2022, arXiv:2202.05262; with corrupt inputs from the
task and the lead of the right logit as Zhang and Nanda 2023 advise, arXiv:2309.16042. *Noising* runs the
clean input with one component's value from the corrupt one, *denoising* the corrupt input with its clean
value: Heimersheim and Nanda 2024, arXiv:2404.15255. Of two heads that do the same neither is missed
(noising), and of two that are needed together neither is enough (denoising).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from scrubkit import Budget, Importances, Model, Task, bind

PAIRS = 128
"""Pairs of a clean and a corrupt input."""


@dataclass(frozen=True)
class ActivationPatching:
    """Importance = mean over pairs of the absolute change of the lead when a component is corrupted.

    Attributes:
        device: where models are run.
    """

    device: str = "cpu"
    name = "activation-patching"
    noising = True

    def find(self, model: Model, *, task: Task, generator: torch.Generator, budget: Budget) -> Importances:
        """Return the importance of every embedding, head and neuron."""
        bound = bind(model, task=task, device=self.device)
        clean, corrupt = (bound.others(torch.arange(PAIRS), generator) for _ in range(2))
        run, given = (clean, corrupt) if self.noising else (corrupt, clean)
        own = bound.lead(bound.clean(run), clean)
        sites: dict[str, float] = {}
        for part in bound.components(neurons=True):
            output = bound.run(run, {part: bound.read(part, given)})[0]
            sites[str(part)] = float((bound.lead(output, clean) - own).abs().mean())
        return Importances(sites, evaluations=bound.evaluations)


class DenoisingEach(ActivationPatching):
    """Importance = mean over pairs of the absolute change when a component of a corrupt run is made clean."""

    name = "activation-patching-denoising"
    noising = False
