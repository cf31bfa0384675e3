"""Ablation of the complement: keep what a hypothesis names, replace the rest, see what is left of the task.

The features of the hypothesis are not looked at, so these methods cannot tell a right feature from a wrong
one at the same sites. The figure is the normalised faithfulness of the circuit C,

    f(C) = (m(C) - m(empty)) / (m(M) - m(empty)),

with m the mean logit difference and the empty circuit everything replaced: Mueller et al. 2025, "MIB: A
Mechanistic Interpretability Benchmark", section 3.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from jaxtyping import Int
from torch import Tensor

from scrubkit.core.site import Part
from scrubkit.core.task import Task
from scrubkit.hypothesis import Hypothesis
from scrubkit.methods.circuit import ablated, logit_difference, named_parts
from scrubkit.methods.protocol import Answer, Budget
from scrubkit.models.model import Model
from scrubkit.scrubbing.complement import beside
from scrubkit.scrubbing.local import Sample, SampleSubject
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.scoring import Scorer

SIZE = 2048
"""Inputs that are run at most."""


class ComplementAblation(ABC):
    """What the ablations share; they differ in what replaces the complement.

    Attributes:
        threshold: faithfulness from which a circuit is accepted; the literature sets none, this is ours.
    """

    name: str
    threshold = 0.95

    @abstractmethod
    def replacement(
        self, subject: SampleSubject, part: Part, rows: Int[Tensor, " item"], others: Int[Tensor, " item"]
    ) -> Tensor:
        """Return what a part is replaced by.

        Args:
            subject: the model.
            part: the part.
            rows: the inputs that are run.
            others: an independent input for each of them.
        """

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Return the normalised faithfulness of the hypothesis's circuit."""
        subject = SampleSubject(Scorer.for_model(model, device="cpu").subject)
        kept = named_parts(bind(hypothesis, subject))
        hooks = list(dict.fromkeys(part.hook for part in kept))
        rows = Sample.of(task.n_inputs, min(SIZE, task.n_inputs), generator).rows
        others = torch.randint(task.n_inputs, rows.shape, generator=generator)

        def level(parts: list[Part]) -> float:
            logits = ablated(subject, rows, parts, lambda part: self.replacement(subject, part, rows, others))
            return float(logit_difference(logits, model.labels[rows]).mean())

        full, empty = level([]), level(beside([], hooks, subject.architecture))
        circuit = level(beside(kept, hooks, subject.architecture))
        share = (circuit - empty) / (full - empty) if full != empty else 0.0
        return Answer(score=share, evaluations=3 * len(rows))


class ZeroAblation(ComplementAblation):
    """The complement is set to zero: Olsson et al. 2022, arXiv:2209.11895, "Full ablation"."""

    name = "zero-ablation"

    def replacement(
        self, subject: SampleSubject, part: Part, rows: Int[Tensor, " item"], others: Int[Tensor, " item"]
    ) -> Tensor:
        """Return zeros."""
        return torch.zeros_like(subject.clean(part, rows))


class MeanAblation(ComplementAblation):
    """The complement is set to its mean over all inputs: Wang et al. 2023, arXiv:2211.00593, section 2.2."""

    name = "mean-ablation"

    def replacement(
        self, subject: SampleSubject, part: Part, rows: Int[Tensor, " item"], others: Int[Tensor, " item"]
    ) -> Tensor:
        """Return the mean over D."""
        mean = subject.clean(part, torch.arange(subject.n_inputs)).mean(dim=0)
        return mean.expand(len(rows), *mean.shape)


class ResampleAblation(ComplementAblation):
    """The complement comes from one other input: Chan et al. 2022, "resampling ablation"."""

    name = "resample-ablation"

    def replacement(
        self, subject: SampleSubject, part: Part, rows: Int[Tensor, " item"], others: Int[Tensor, " item"]
    ) -> Tensor:
        """Return the value on the other input."""
        return subject.clean(part, others)
