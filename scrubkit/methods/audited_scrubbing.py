"""Audited scrubbing: every claim of a hypothesis is scrubbed by itself, and the whole has to hold too.

Plain causal scrubbing asks one question, how much loss is recovered, and the answer is "all" for claims that
are too unspecific, that name parts which do nothing, that are wrong where the loss is saturated, and for
errors that cancel. This method asks, on a sample of the inputs and with intervals:

- of the whole (Chan et al. 2022, section 3): is the scrubbed output near the model's own, in its logits
  (fidelity) and in its probabilities (faithfulness), input by input rather than on average;
- of every reader: does its value survive the scrub of everything below it, and is what it does not name
  irrelevant;
- of every edge: does the feature say all that the reader receives, and does the reader feel the edge at all,
  more than a random part of the same size (minimality: Shi et al. 2024, section 3; Holm's correction);
- of itself: do the controls come out as they must.

Numbered components need no question of their own: each is a site, and its complement is resampled.
"""

from __future__ import annotations

import torch

from scrubkit.core.task import Task
from scrubkit.hypothesis import Hypothesis
from scrubkit.methods.audit import Audit, Limits
from scrubkit.methods.checks import Check, smallest_slack
from scrubkit.methods.controls import run_controls
from scrubkit.methods.protocol import Answer, AnswerVerdict, Budget
from scrubkit.models.model import Model
from scrubkit.scrubbing.local import Sample, SampleSubject
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.scoring import Scorer

LOOKS = (512, 4096)
"""Sizes of the sample; the larger one is taken where the smaller leaves a claim open."""


class AuditedScrubbing:
    """Supported where every check holds, refuted where one fails, untestable where nothing is resampled.

    The score is the smallest slack over all checks: how far the worst figure is from its limit, in units of
    the limit; 1 is perfect, and below 0 some claim is false.

    Args:
        limits: where claims turn false.
        looks: sizes of the sample, ascending.
    """

    name = "audited-scrubbing"

    def __init__(self, limits: Limits = Limits(), looks: tuple[int, ...] = LOOKS) -> None:  # noqa: B008
        self.limits = limits
        self.looks = looks

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Audit one hypothesis; see the module."""
        scorer = Scorer.for_model(model, device="cpu")
        subject = SampleSubject(scorer.subject)
        plan = bind(hypothesis, subject)
        if not plan.testable:
            return Answer(0.0, verdict="untestable", evaluations=0, notes=("nothing can be resampled",))
        controls = run_controls(model, subject, plan, scorer.levels, generator)
        evaluations, checks = controls.evaluations, []
        for size in self.looks:
            sample = Sample.of(task.n_inputs, size, generator)
            audit = Audit(subject, plan, scorer.levels, sample, self.limits, generator)
            checks = audit.checks()
            evaluations += audit.evaluations
            if all(check.state != "open" for check in checks):
                break
            if any(check.state == "fails" for check in checks):
                break
        slack, interval = smallest_slack(checks)
        verdict, reasons = judge(checks)
        return Answer(slack, interval, verdict, evaluations, (*reasons, *controls.notes))


def judge(checks: list[Check]) -> tuple[AnswerVerdict, tuple[str, ...]]:
    """Return the verdict that the checks give, and the checks that decided it."""
    failing = [str(check) for check in checks if check.state == "fails"]
    if failing:
        return "refuted", tuple(failing)
    open_ = [str(check) for check in checks if check.state == "open"]
    if open_:
        return "inconclusive", tuple(open_)
    worst = min(checks, key=lambda check: check.slack)
    return "supported", (f"all {len(checks)} checks hold; the closest: {worst}",)
