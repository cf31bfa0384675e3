"""Subnetwork probing: a mask over components is learned that keeps the output and as little else as it can.

Cao, Sanh and Rush 2021, "Low-Complexity Probing via Finding Subnetworks", arXiv:2104.03514, which
masks weights. As a method of circuit discovery it masks components, and what is masked takes its value from a
corrupt input: Conmy et al. 2023, arXiv:2304.14997. Of two parts that do the
same one is dropped, and which is a matter of chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from scrubkit import Budget, Importances, Model, Task, bind
from scrubkit.methods.masks import Gates, kept, learn

PAIRS = 128
STEPS, RATE = 80, 0.2
PRICE = 0.02
"""Nats that a component has to be worth."""


@dataclass(frozen=True)
class SubnetworkProbing:
    """Importance = the probability that the learned mask keeps a component.

    Attributes:
        device: where models are run.
        price: what a component that is kept costs, nats.
    """

    device: str = "cpu"
    price: float = PRICE
    name = "subnetwork-probing"

    def find(self, model: Model, *, task: Task, generator: torch.Generator, budget: Budget) -> Importances:
        """Return the importance of every embedding, head and neuron."""
        bound = bind(model, task=task, device=self.device)
        parts = bound.components(neurons=True)
        hooks = list(dict.fromkeys(part.hook for part in parts))
        clean, corrupt = (bound.others(torch.arange(PAIRS), generator) for _ in range(2))
        whole = {hook: bound.part(hook) for hook in hooks}
        given = {hook: bound.read(part, corrupt) for hook, part in whole.items()}

        def outputs(gates: Gates) -> Tensor:
            settings: dict[object, Tensor] = {}
            for hook, part in whole.items():
                value = bound.run(clean, settings, [part])[0]
                gate = gates[hook]
                # The embedding is masked by position, heads and neurons by their own axis.
                gate = gate[:, None] if hook == "hook_embed" or hook.endswith("hook_z") else gate
                settings[part] = gate * value + (1 - gate) * given[hook]
            return bound.run(clean, settings)[0]

        sizes = {hook: given[hook].shape[1 if hook == "hook_embed" else 2] for hook in hooks}
        odds = learn(
            sizes,
            outputs,
            bound.clean(clean),
            price=self.price,
            steps=STEPS,
            rate=RATE,
            generator=generator,
        )
        found = {hook: kept(value).tolist() for hook, value in odds.items()}
        sites = {str(part): found[part.hook][(part.inner or part.positions)[0]] for part in parts}
        return Importances(sites, evaluations=bound.evaluations)
