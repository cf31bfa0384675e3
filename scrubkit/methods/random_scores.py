"""Random scores: the floor that every method has to clear."""

from __future__ import annotations

import torch

from scrubkit import Answer, Budget, Hypothesis, Importances, Model, Task, bind


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
        sites = [str(part) for part in bind(model, task=task).components(neurons=True)]
        values = torch.rand(len(sites), generator=generator)
        return Importances(dict(zip(sites, values.tolist(), strict=True)), evaluations=0)
