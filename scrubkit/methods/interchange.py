"""Interchange interventions: set a variable to its value on a source input, see whether the answer follows.

Geiger, Lu, Icard and Potts 2021, "Causal Abstractions of Neural Networks", arXiv:2106.02997, section 3: a
causal model abstracts a network where every interchange has the effect that the model predicts.
"""

from __future__ import annotations

import numpy as np
import torch

from scrubkit.core.task import Task
from scrubkit.hypothesis import Hypothesis
from scrubkit.methods.protocol import Answer, Budget
from scrubkit.methods.variables import Variable, variables_of
from scrubkit.models.model import Model
from scrubkit.scrubbing.local import SampleSubject
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.scoring import Scorer
from scrubkit.subjects.subject import Edit

PAIRS = 512
"""Pairs of base and source for each variable."""


class InterchangeAccuracy:
    """Interchange-intervention accuracy: how often the answer is the predicted one, mean over variables.

    Attributes:
        threshold: accuracy from which the causal model is accepted; exact abstraction asks for 1.
    """

    name = "interchange-accuracy"
    threshold = 0.95

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Return the mean accuracy over the variables that some pair can test."""
        subject = SampleSubject(Scorer.for_model(model, device="cpu").subject)
        accuracies, pairs = [], 0
        for variable in variables_of(bind(hypothesis, subject), subject):
            base, source = torch.randint(task.n_inputs, (2, PAIRS), generator=generator)
            predicted = variable.counterfactual(base.numpy(), source.numpy())
            told = predicted >= 0
            if not told.any():
                continue
            kept = torch.from_numpy(told)
            answers = self._answers(subject, variable, base[kept], source[kept])
            accuracies.append(float(np.mean(answers == model.labels.numpy()[predicted[told]])))
            pairs += int(told.sum())
        if not accuracies:
            return Answer(0.0, verdict="untestable", evaluations=0, notes=("no pair tells anything",))
        return Answer(float(np.mean(accuracies)), evaluations=pairs)

    @torch.no_grad()
    def _answers(
        self, subject: SampleSubject, variable: Variable, base: torch.Tensor, source: torch.Tensor
    ) -> np.ndarray:
        edits = [Edit(part, subject.clean(part, source)) for part in variable.parts]
        logits = subject.run(base, edits, (), subject.output)[:, -1]
        return logits.argmax(dim=1).numpy()
