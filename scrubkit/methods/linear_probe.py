"""A linear probe: can the feature be read off the site?

That a feature can be decoded does not show that the model uses it: a probe accepts decoys, and is here to
be caught. Alain and Bengio 2016, arXiv:1610.01644; Hewitt and Liang 2019, arXiv:1909.03368, section 2, for
the control with shuffled targets that is taken off.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge

from scrubkit.core.task import Task
from scrubkit.hypothesis import Hypothesis
from scrubkit.methods.protocol import Answer, Budget
from scrubkit.models.model import Model
from scrubkit.scrubbing.local import SampleSubject
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.scoring import Scorer

SIZE = 3000
"""Inputs at most; half of them fit the probe."""
PENALTY = 1e-3


class LinearProbe:
    """Mean over nodes and components of the probe's held-out accuracy, or R^2 for real-valued components.

    Accuracy is that of linear discriminant analysis less that of the same probe fitted to shuffled targets.

    Attributes:
        threshold: mean from which all features count as there; the literature sets none, this is ours.
    """

    name = "linear-probe"
    threshold = 0.9

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Probe every mapped site for its feature."""
        subject = SampleSubject(Scorer.for_model(model, device="cpu").subject)
        plan = bind(hypothesis, subject)
        size = min(SIZE, task.n_inputs)
        rows = torch.randperm(task.n_inputs, generator=generator)[:size]
        shuffle = torch.randperm(size // 2, generator=generator).numpy()
        figures, seen = [], set()
        for visit in plan.root.walk():
            components = plan.features.get(visit.node)
            if visit is plan.root or visit.unimportant or components is None or visit.node in seen:
                continue
            seen.add(visit.node)
            values = subject.clean(visit.part, rows).flatten(1).double().numpy()
            for component in components:
                figures.append(_selectivity(values, component[rows.numpy()], shuffle))
        mean = float(np.mean(figures)) if figures else 0.0
        return Answer(mean, evaluations=size)


def _selectivity(values: np.ndarray, targets: np.ndarray, shuffle: np.ndarray) -> float:
    """Return how much better a probe reads its targets than shuffled ones, on held-out inputs."""
    half = len(shuffle)
    scale = float(values.std()) or 1.0
    fit, test, right = values[:half] / scale, values[half:] / scale, targets[half:]
    if targets.dtype.kind == "f":
        probe = Ridge(PENALTY).fit(fit, targets[:half])
        return max(float(probe.score(test, right)), 0.0)
    if len(np.unique(targets)) == 1:
        return 1.0
    accuracies = []
    for seen in (targets[:half], targets[:half][shuffle]):
        classes = len(np.unique(seen))
        if classes >= half:
            return 0.0
        probe = LinearDiscriminantAnalysis(
            solver="lsqr", shrinkage=PENALTY, priors=np.full(classes, 1 / classes)
        )
        with warnings.catch_warnings():
            # A class with one sample has no covariance of its own to give, which does no harm.
            warnings.filterwarnings("ignore", "Only one sample available", UserWarning)
            accuracies.append(float(probe.fit(fit, seen).score(test, right)))
    return accuracies[0] - accuracies[1]
