"""Random scores: the floor that every method has to clear."""

from __future__ import annotations

import torch

from scrubkit.core.task import Task
from scrubkit.hypothesis import Hypothesis
from scrubkit.methods.protocol import Answer, Budget, Importances
from scrubkit.models.model import Model


class RandomScores:
    """Uniform scores and importances that look at nothing; half of all hypotheses are supported."""

    name = "random-scores"

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Return a uniform number from [0, 1); supported from 1/2."""
        value = float(torch.rand((), generator=generator))
        return Answer(score=value, verdict="supported" if value >= 0.5 else "refuted", evaluations=0)

    def find(self, model: Model, *, task: Task, generator: torch.Generator, budget: Budget) -> Importances:
        """Return a uniform importance for every embedding, head and neuron."""
        config = model.config
        sites = [f"hook_embed[pos={i}]" for i in range(model.task.n_ctx)]
        for layer in range(config.n_layers):
            sites += [f"blocks.{layer}.attn.hook_z[pos=-1, head={h}]" for h in range(config.n_heads)]
            sites += [f"blocks.{layer}.mlp.hook_post[pos=-1, neurons={i}]" for i in range(config.d_mlp)]
        values = torch.rand(len(sites), generator=generator)
        return Importances(dict(zip(sites, values.tolist(), strict=True)), evaluations=0)
