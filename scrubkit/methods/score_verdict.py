"""The verdict of ``scrubkit.score`` as a method: what a user of the command is told.

It rests on two figures of the whole scrub, fidelity of the logits and faithfulness of the output
distribution, each against its margin (`scrubkit.scrubbing.verdict`). No node or edge is looked at by itself,
so a wrong claim about something small goes unseen, and so does a part that is named and idle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

import scrubkit
from scrubkit import Answer, Budget, FunctionGraph, Hypothesis, Model, Task
from scrubkit.methods.seeds import draw_seed


@dataclass(frozen=True)
class ScoreVerdict:
    """The score is the smallest slack, (figure - (1 - margin)) / margin: 1 is perfect, below 0 one fails.

    Attributes:
        margin: how far from 1 fidelity and faithfulness may be.
        device: where models are run.
    """

    margin: float = 0.1
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
            margin=self.margin,
        )
        figures = [found.fidelity, *([] if found.faithfulness is None else [found.faithfulness])]
        worst = min((_slack(figure, self.margin) for figure in figures), key=lambda slack: slack[1])
        rows = (model if isinstance(model, FunctionGraph) else task).n_inputs
        return Answer(
            score=worst[1],
            interval=(worst[0], worst[2]),
            verdict=found.verdict,
            evaluations=found.settings.draws * rows,
            notes=found.reasons,
        )


def _slack(figure: Any, margin: float) -> tuple[float, float, float]:
    """Return lower end, value and upper end of the slack of a figure with its interval."""
    low, value, high = ((x - 1 + margin) / margin for x in (figure.low, figure.value, figure.high))
    return low, value, high
