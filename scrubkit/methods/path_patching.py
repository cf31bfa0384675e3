"""Path patching: keep the paths that a hypothesis names, run everything else on other inputs.

The graph is unrolled into paths, those that it names take their value on the reference, and each of the
others comes from an input of its own. Features are not looked at: Goldowsky-Dill, MacLeod, Sato and Arora
2023, "Localizing Model Behavior with Path Patching", arXiv:2304.05969, sections 2 and 3.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from scrubkit.core.task import Task
from scrubkit.hypothesis import Hypothesis
from scrubkit.methods.protocol import Answer, Budget
from scrubkit.models.model import Model
from scrubkit.scrubbing.evaluate import scrub_rows
from scrubkit.scrubbing.local import Sample, SampleSubject, squared_change, with_exchanges
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.scoring import Scorer

SIZE = 1024
"""Inputs that are run at most."""


class PathPatching:
    """Share of the effect that the named paths explain: 1 - E|z_patched - z|^2 / E|z_other - z|^2.

    Attributes:
        threshold: explained share from which the paths are accepted; the paper sets none, this is ours.
    """

    name = "path-patching"
    threshold = 0.95

    @torch.no_grad()
    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Return the explained share of the effect on the centred logits."""
        subject = SampleSubject(Scorer.for_model(model, device="cpu").subject)
        plan = bind(hypothesis, subject)
        kept = replace(plan, root=with_exchanges(plan.root, lambda visit: None), root_exchange=None)
        sample = Sample.of(task.n_inputs, min(SIZE, task.n_inputs), generator)
        own = subject.clean(plan.root.part, sample.rows)
        others = plan.anyone.draw(sample.rows, sample.numbers(1))
        left = squared_change(scrub_rows(subject, kept, sample), own, centre=True).mean()
        whole = squared_change(subject.clean(plan.root.part, others), own, centre=True).mean()
        share = 1 - float(left / whole) if whole > 0 else 0.0
        return Answer(score=share, evaluations=len(sample.rows) * plan.n_visits)
