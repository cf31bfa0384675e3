"""Causal scrubbing as published, and on other measures.

Chan et al. 2022, "Causal Scrubbing: a method for rigorously testing interpretability hypotheses": a
hypothesis is judged by the mean loss that scrubbing recovers. Being one mean, the figure cannot see that some
inputs get better and others worse. The variants ask the same scrubs another question:

- ``causal-scrubbing-kl``: how near the output distribution is to the model's own, by input (faithfulness);
- ``causal-scrubbing-logits``: how near the logits are (fidelity), which no saturated loss can hide.

Direct paths are said edge by edge in a hypothesis (``paths="direct"``), and the number of draws is a
parameter.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

import scrubkit
from scrubkit import Answer, Budget, FunctionGraph, Hypothesis, Interval, Model, Score, Task
from scrubkit.methods.seeds import draw_seed

ENOUGH = 0.95
"""Share that a supported hypothesis recovers; the published studies set no rule, this is ours."""


@dataclass(frozen=True)
class CausalScrubbing:
    """Loss recovered = (scrubbed - baseline) / (model - baseline).

    The verdict is where the 95 % interval of the figure lies: above `ENOUGH`, below it, or across.

    Attributes:
        device: where models are run.
        draws: passes over all inputs; None takes those of the budget.
    """

    device: str = "cpu"
    draws: int | None = None
    name = "causal-scrubbing"
    claims_minimality = False
    estimand: str | None = "loss_recovered"
    measure = "loss recovered"

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Scrub all inputs ``budget.draws`` times and return the figure with its interval."""
        found = scrubkit.score(
            model,
            hypothesis,
            task=task,
            draws=max(self.draws or budget.draws, 2),
            seed=draw_seed(generator),
            device=self.device,
        )
        figure = self.figure(found)
        verdict = "supported" if figure.low >= ENOUGH else "inconclusive"
        if figure.high < ENOUGH:
            verdict = "refuted"
        return Answer(
            score=figure.value,
            interval=(figure.low, figure.high),
            verdict=verdict,
            evaluations=found.settings.draws * (model if isinstance(model, FunctionGraph) else task).n_inputs,
            notes=(f"{self.measure} {figure}, supported from {ENOUGH:g}",),
        )

    def figure(self, found: Score) -> Interval:
        """Return the figure that decides; where there is no loss, the model's own output is asked."""
        return found.loss_recovered or found.faithfulness or found.fidelity


class CausalScrubbingKL(CausalScrubbing):
    """Faithfulness: 1 - KL(model || scrubbed) over its level with outputs permuted."""

    name = "causal-scrubbing-kl"
    estimand = "faithfulness"
    measure = "faithfulness"

    def figure(self, found: Score) -> Interval:
        """Return the faithfulness; the fidelity of a graph of functions, whose output is no distribution."""
        return found.faithfulness or found.fidelity


class CausalScrubbingLogits(CausalScrubbing):
    """Fidelity: 1 - mean squared change of the centred logits over its level with outputs permuted."""

    name = "causal-scrubbing-logits"
    estimand = "fidelity"
    measure = "fidelity"

    def figure(self, found: Score) -> Interval:
        """Return the fidelity."""
        return found.fidelity
