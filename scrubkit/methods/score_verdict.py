"""The verdict of ``scrubkit.score`` as a method: what a user of the command is told.

It rests on two figures of the whole scrub, fidelity of the logits and faithfulness of the output
distribution, each against its margin (`scrubkit.scrubbing.verdict`). No node or edge is looked at by itself,
so a wrong claim about something small goes unseen, and so does a part that is named and idle.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

import scrubkit
from scrubkit import Answer, Budget, FunctionGraph, Hypothesis, Model, Task
from scrubkit.methods.seeds import draw_seed
from scrubkit.scrubbing.score import Interval, Margins


@dataclass(frozen=True)
class ScoreVerdict:
    """The score is the smallest slack, (figure - (1 - margin)) / margin: 1 is perfect, below 0 one fails.

    Attributes:
        margins: how far from 1 fidelity and faithfulness may be.
        device: where models are run.
    """

    margins: Margins = field(default_factory=Margins)
    device: str = "cpu"
    name = "score-verdict"
    claims_minimality = False

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Scrub all inputs ``budget.draws`` times and return the verdict of ``scrubkit.score``."""
        found = scrubkit.score(
            model,
            hypothesis,
            task=task,
            draws=max(budget.draws, 2),
            seed=draw_seed(generator),
            device=self.device,
            margin=self.margins,
        )
        slacks = [_slack(found.fidelity, self.margins.fidelity)]
        if found.faithfulness is not None:
            slacks.append(_slack(found.faithfulness, self.margins.faithfulness))
        worst = min(slacks, key=lambda slack: slack.value)
        rows = (model if isinstance(model, FunctionGraph) else task).n_inputs
        return Answer(
            score=worst.value,
            interval=(worst.low, worst.high),
            verdict=found.verdict,
            evaluations=found.settings.draws * rows,
            notes=found.reasons,
        )


def _slack(figure: Interval, margin: float) -> Interval:
    return figure.mapped(1 / margin, (margin - 1) / margin)
