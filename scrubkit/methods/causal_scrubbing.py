"""Causal scrubbing as published: a hypothesis is judged by the mean loss that scrubbing recovers.

Chan et al. 2022, "Causal Scrubbing: a method for rigorously testing interpretability hypotheses",
sections 2 and 3. Being one mean, the figure cannot see that some inputs get better and others worse.
"""

from __future__ import annotations

import torch

from scrubkit.core.task import Task
from scrubkit.hypothesis import Hypothesis
from scrubkit.methods.protocol import Answer, AnswerVerdict, Budget
from scrubkit.methods.seeds import draw_seed
from scrubkit.models.model import Model
from scrubkit.scrubbing.scoring import Scorer

ENOUGH = 0.95
"""Share of the loss that a supported hypothesis recovers; the published studies set no rule, this is ours."""


class CausalScrubbing:
    """Loss recovered = (scrubbed - baseline) / (model - baseline).

    The verdict is where the 95 % interval of the loss recovered lies: above `ENOUGH`, below it, or across.
    """

    name = "causal-scrubbing"
    estimand = "loss_recovered"

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Scrub all inputs ``budget.draws`` times and return the loss recovered with its interval."""
        found = Scorer.for_model(model, device="cpu").score(
            hypothesis, draws=max(budget.draws, 2), seed=draw_seed(generator)
        )
        # Without labels there is no loss; what is asked then is the model's own output distribution.
        recovered = found.loss_recovered or found.faithfulness
        assert recovered is not None
        verdict: AnswerVerdict = "inconclusive"
        if recovered.low >= ENOUGH:
            verdict = "supported"
        elif recovered.high < ENOUGH:
            verdict = "refuted"
        return Answer(
            score=recovered.value,
            interval=(recovered.low, recovered.high),
            verdict=verdict,
            evaluations=found.settings.draws * task.n_inputs,
            notes=(f"loss recovered {recovered}, supported from {ENOUGH:g}",),
        )
