"""Ablation of the complement: keep what a hypothesis names, replace the rest, see what is left of the task.

The features of the hypothesis are not looked at, so these methods cannot tell a right feature from a wrong
one at the same sites. The figure is the normalised faithfulness of the circuit C,

    f(C) = (m(C) - m(empty)) / (m(M) - m(empty)),

with m the mean lead of the right logit over the mean logit, and the empty circuit everything replaced at the
hooks that the hypothesis names: Mueller et al. 2025, "MIB: A Mechanistic Interpretability Benchmark",
arXiv:2504.13151.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from scrubkit import Answer, Bound, Budget, Hypothesis, Model, Part, Task, bind

SIZE = 2048
"""Inputs that are run at most."""
Rows = Int[Tensor, " item"]


@dataclass(frozen=True)
class ComplementAblation(ABC):
    """What the ablations share; they differ in what replaces the complement.

    Attributes:
        device: where models are run.
        threshold: faithfulness from which a circuit is accepted; the literature sets none, this is ours.
    """

    device: str = "cpu"
    name = ""
    claims_minimality = False
    threshold = 0.95

    @abstractmethod
    def replacement(self, bound: Bound, part: Part, rows: Rows, others: Rows) -> Tensor:
        """Return what a part is replaced by, for each item.

        Args:
            bound: the hypothesis on the model.
            part: the part.
            rows: the inputs that are run.
            others: an independent input for each of them.
        """

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Return the normalised faithfulness of the hypothesis's circuit."""
        bound = bind(model, hypothesis, task=task, device=self.device)
        rows = bound.sample(min(SIZE, bound.n_inputs), generator)
        others = bound.others(rows, generator)

        def level(parts: Sequence[Part]) -> float:
            output = bound.ablated(rows, lambda part: self.replacement(bound, part, rows, others), parts)
            return float(bound.lead(output, rows).mean())

        full, empty, circuit = level(()), level(bound.complement(())), level(bound.complement())
        share = (circuit - empty) / (full - empty) if full != empty else 0.0
        return Answer(score=share, evaluations=bound.evaluations)


class ZeroAblation(ComplementAblation):
    """The complement is set to zero: Olsson et al. 2022, arXiv:2209.11895, "Full ablation"."""

    name = "zero-ablation"

    def replacement(self, bound: Bound, part: Part, rows: Rows, others: Rows) -> Tensor:
        """Return zeros."""
        return torch.zeros_like(bound.read(part, rows))


class MeanAblation(ComplementAblation):
    """The complement is set to its mean over all inputs: Wang et al. 2023, arXiv:2211.00593."""

    name = "mean-ablation"

    def replacement(self, bound: Bound, part: Part, rows: Rows, others: Rows) -> Tensor:
        """Return the mean over D."""
        mean = bound.mean(part)
        return mean.expand(len(rows), *mean.shape)


class ResampleAblation(ComplementAblation):
    """The complement comes from one other input: Chan et al. 2022, "resampling ablation"."""

    name = "resample-ablation"

    def replacement(self, bound: Bound, part: Part, rows: Rows, others: Rows) -> Tensor:
        """Return the value on the other input."""
        return bound.read(part, others)
