"""Path patching: keep the paths that a hypothesis names, run everything else on other inputs.

The graph is unrolled into paths, those that it names take their value on the reference, and each of the
others comes from an input of its own. Features are not looked at: Goldowsky-Dill, MacLeod, Sato and Arora
2023, "Localizing Model Behavior with Path Patching", arXiv:2304.05969.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from scrubkit import Answer, Budget, Hypothesis, Model, Task, bind

SIZE = 1024
"""Inputs that are run at most."""


@dataclass(frozen=True)
class PathPatching:
    """Share of the effect that the named paths explain: 1 - E|z_patched - z|^2 / E|z_other - z|^2.

    Attributes:
        device: where models are run.
        threshold: explained share from which the paths are accepted; the paper sets none, this is ours.
    """

    device: str = "cpu"
    name = "path-patching"
    claims_minimality = False
    threshold = 0.95

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Return the explained share of the effect on the centred logits."""
        bound = bind(model, hypothesis, task=task, device=self.device).with_policies(sampler="exact")
        rows = bound.sample(min(SIZE, bound.n_inputs), generator)
        patched = bound.scrubbed(rows, generator)[0]
        other = bound.clean(bound.others(rows, generator))
        left, whole = (bound.figures(z, rows)["squared_change"].mean() for z in (patched, other))
        share = 1 - float(left / whole) if whole > 0 else 0.0
        return Answer(score=share, evaluations=bound.evaluations)
