"""Causal scrubbing as published: a hypothesis is judged by the mean loss that scrubbing recovers.

Chan et al. 2022, "Causal Scrubbing: a method for rigorously testing interpretability hypotheses",
sections 2 and 3. Being one mean, the figure cannot see that some inputs get better and others worse.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

import scrubkit
from scrubkit import Answer, Budget, FunctionGraph, Hypothesis, Model, Task
from scrubkit.methods.seeds import draw_seed

ENOUGH = 0.95
"""Share of the loss that a supported hypothesis recovers; the published studies set no rule, this is ours."""


@dataclass(frozen=True)
class CausalScrubbing:
    """Loss recovered = (scrubbed - baseline) / (model - baseline).

    The verdict is where the 95 % interval of the loss recovered lies: above `ENOUGH`, below it, or across.

    Attributes:
        device: where models are run.
    """

    device: str = "cpu"
    name = "causal-scrubbing"
    claims_minimality = False
    estimand = "loss_recovered"

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Scrub all inputs ``budget.draws`` times and return the loss recovered with its interval."""
        found = scrubkit.score(
            model,
            hypothesis,
            task=task,
            draws=max(budget.draws, 2),
            seed=draw_seed(generator),
            device=self.device,
        )
        # Without labels there is no loss; what is asked then is the model's own output.
        recovered = found.loss_recovered or found.faithfulness or found.fidelity
        if recovered is None:
            return Answer(0.0, verdict="inconclusive")
        verdict = "supported" if recovered.low >= ENOUGH else "inconclusive"
        if recovered.high < ENOUGH:
            verdict = "refuted"
        return Answer(
            score=recovered.value,
            interval=(recovered.low, recovered.high),
            verdict=verdict,
            evaluations=found.settings.draws * (model if isinstance(model, FunctionGraph) else task).n_inputs,
            notes=(f"loss recovered {recovered}, supported from {ENOUGH:g}",),
        )
