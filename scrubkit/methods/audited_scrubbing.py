"""Audited scrubbing: every claim of a hypothesis is scrubbed by itself, and the whole has to hold too.

Plain causal scrubbing asks one question, how much loss is recovered, and the answer is "all" for claims that
are too unspecific, that name parts which do nothing, that are wrong where the loss is saturated, and for
errors that cancel. This method asks, on a sample of the inputs and with intervals:

- of the whole (Chan et al. 2022): is the scrubbed output near the model's own, in its logits
  (fidelity) and in its probabilities (faithfulness), input by input rather than on average;
- of every reader: does its value survive the scrub of everything below it, and is what it does not name
  irrelevant;
- of every edge: does the feature say all that the reader receives, and does the reader feel the edge at all,
  more than a random part of the same size (minimality: Shi et al. 2024; Holm's correction);
- of itself: do the controls come out as they must.

Numbered components need no question of their own: each is a site, and its complement is resampled.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from scrubkit import Answer, Budget, Hypothesis, Model, Task, bind
from scrubkit.methods.audit import Audit, Limits
from scrubkit.methods.checks import Check, judge, smallest_slack
from scrubkit.methods.controls import run_controls

LOOKS = (512, 4096)
"""Sizes of the sample; the larger one is taken where the smaller leaves a claim open."""


@dataclass(frozen=True)
class AuditedScrubbing:
    """Supported where every check holds, refuted where one fails, untestable where nothing is resampled.

    The score is the smallest slack over all checks: how far the worst figure is from its limit, in units of
    the limit; 1 is perfect, and below 0 some claim is false.

    Attributes:
        limits: where claims turn false.
        looks: sizes of the sample, ascending.
        device: where models are run.
    """

    limits: Limits = field(default_factory=Limits)
    looks: tuple[int, ...] = LOOKS
    device: str = "cpu"
    name = "audited-scrubbing"

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Audit one hypothesis; see the module."""
        bound = bind(model, hypothesis, task=task, device=self.device)
        if not bound.testable:
            return Answer(0.0, verdict="untestable", evaluations=0, notes=("nothing can be resampled",))
        controls = run_controls(bound, generator)
        checks: list[Check] = []
        for size in self.looks:
            checks = Audit(bound, bound.sample(size, generator), self.limits, generator).checks()
            states = {check.state for check in checks}
            if "fails" in states or "open" not in states:
                break
        slack, interval = smallest_slack(checks)
        verdict, reasons = judge(checks)
        evaluations = bound.evaluations + controls.evaluations
        return Answer(slack, interval, verdict, evaluations, (*reasons, *controls.notes))
