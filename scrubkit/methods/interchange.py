"""Interchange interventions: set a variable to its value on a source input, see whether the answer follows.

Geiger, Lu, Icard and Potts 2021, "Causal Abstractions of Neural Networks", arXiv:2106.02997: a
causal model abstracts a network where every interchange has the effect that the model predicts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from scrubkit import Answer, Budget, Hypothesis, Model, Task, bind
from scrubkit.methods.variables import predicted, variables_of

PAIRS = 512
"""Pairs of base and source for each variable."""


@dataclass(frozen=True)
class InterchangeAccuracy:
    """Interchange-intervention accuracy: how often the answer is the predicted one, mean over variables.

    Attributes:
        device: where models are run.
        threshold: accuracy from which the causal model is accepted; exact abstraction asks for 1.
    """

    device: str = "cpu"
    name = "interchange-accuracy"
    threshold = 0.95

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Return the mean accuracy over the variables that some pair can test."""
        bound = bind(model, hypothesis, task=task, device=self.device)
        accuracies = []
        for variable in variables_of(bound):
            base, source = (bound.others(torch.arange(PAIRS), generator) for _ in range(2))
            goal = predicted(bound, variable, base, source)
            told = goal >= 0
            if told.any():
                output = bound.output(base[told], {node.name: source[told] for node in variable})
                accuracies.append(float(bound.answers(output, goal[told]).double().mean()))
        if not accuracies:
            return Answer(0.0, verdict="untestable", evaluations=0, notes=("no pair tells anything",))
        return Answer(float(np.mean(accuracies)), evaluations=bound.evaluations)
