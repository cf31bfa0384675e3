"""A linear probe: can the feature be read off the site?

That a feature can be decoded does not show that the model uses it: a probe accepts decoys, and is here to
be caught. Alain and Bengio 2016, arXiv:1610.01644; Hewitt and Liang 2019, arXiv:1909.03368, for
the control with shuffled targets that is taken off.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge

from scrubkit import Answer, Bound, BoundNode, Budget, Hypothesis, Model, Task, bind

SIZE = 3000
"""Inputs at most; half of them fit the probe."""
PENALTY = 1e-3


@dataclass(frozen=True)
class LinearProbe:
    """Mean over nodes and components of the probe's held-out accuracy, or R^2 for real-valued components.

    Accuracy is that of linear discriminant analysis less that of the same probe fitted to shuffled targets.

    Attributes:
        device: where models are run.
        threshold: mean from which all features count as there; the literature sets none, this is ours.
    """

    device: str = "cpu"
    name = "linear-probe"
    threshold = 0.9

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Probe every mapped site for its feature."""
        bound = bind(model, hypothesis, task=task, device=self.device)
        rows = bound.sample(min(SIZE, bound.n_inputs), generator)
        shuffle = torch.randperm(len(rows) // 2, generator=generator).numpy()
        figures = [_selectivity(read, targets, shuffle) for _, read, targets in readings(bound, rows)]
        return Answer(float(np.mean(figures)) if figures else 0.0, evaluations=len(rows))


def readings(
    bound: Bound, rows: Int[torch.Tensor, " item"]
) -> Iterator[tuple[BoundNode, Float[np.ndarray, "item width"], np.ndarray]]:
    """Yield what a probe is asked: for each component of each mapped node the values read, and the targets.

    Args:
        bound: the hypothesis.
        rows: the inputs.
    """
    for node in bound.mapped:
        read = node.read(rows).reshape(len(rows), -1).double().cpu().numpy()
        for targets in node.values or ():
            yield node, read, targets[rows.numpy()]


def _selectivity(values: np.ndarray, targets: np.ndarray, shuffle: np.ndarray) -> float:
    """Return how much better a probe reads its targets than shuffled ones, on held-out inputs."""
    if targets.dtype.kind == "f" or len(np.unique(targets)) == 1:
        return held_out_accuracy(values, targets)
    half = len(shuffle)
    shuffled = np.concatenate([targets[:half][shuffle], targets[half:]])
    if not _told(targets[:half]):
        return 0.0
    return held_out_accuracy(values, targets) - held_out_accuracy(values, shuffled)


def held_out_accuracy(values: np.ndarray, targets: np.ndarray) -> float:
    """Return the accuracy of a linear probe on the second half of some items, fitted to the first.

    Args:
        values: what is read, (item, width).
        targets: what is to be told, one for each item; of real numbers R^2 is returned, at least 0.

    Returns:
        The accuracy; 1 where there is one target alone, 0 where no two items of the first half share one.
    """
    half = len(targets) // 2
    scale = float(values.std()) or 1.0
    fit, test, right = values[:half] / scale, values[half:] / scale, targets[half:]
    if targets.dtype.kind == "f":
        return max(float(Ridge(PENALTY).fit(fit, targets[:half]).score(test, right)), 0.0)
    if len(np.unique(targets)) == 1:
        return 1.0
    if not _told(targets[:half]):
        return 0.0
    classes = len(np.unique(targets[:half]))
    probe = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=PENALTY, priors=np.full(classes, 1 / classes))
    with warnings.catch_warnings():
        # A class with one sample has no covariance of its own to give, which does no harm.
        warnings.filterwarnings("ignore", "Only one sample available", UserWarning)
        return float(probe.fit(fit, targets[:half]).score(test, right))


def _told(seen: np.ndarray) -> bool:
    """Say whether there are classes to tell apart, with more than one item in some."""
    return len(np.unique(seen)) not in (1, len(seen))
