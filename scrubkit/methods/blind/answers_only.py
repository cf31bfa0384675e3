"""A control that sees inputs and right answers only: do the features that the root reads tell the answer?"""

from __future__ import annotations

import numpy as np
import torch

from scrubkit.core.feature import class_ids
from scrubkit.core.task import Task
from scrubkit.hypothesis import Hypothesis
from scrubkit.methods.blind.text_features import inputs_of
from scrubkit.methods.protocol import Answer, Budget
from scrubkit.models.model import Model
from scrubkit.scrubbing.graph_figures import GraphFigures
from scrubkit.subjects.function_graph import FunctionGraph


class AnswersOnly:
    """The share of inputs answered rightly by the commonest answer of their class.

    Classes are those of all features together that the root reads. Many a false hypothesis fails here, as its
    features do not determine the answer at all; one that holds of another model with the same answers passes.

    Attributes:
        threshold: all inputs but for rounding.
    """

    name = "answers-only"
    threshold = 1 - 1e-9

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Say how far the features determine the answers; without answers nothing can be said.

        Raises:
            ScrubError: nothing gives features their values.
        """
        inputs = inputs_of(model, task, self.name)
        answers = _answers(inputs)
        if answers is None:
            return Answer(0.0, verdict="untestable", evaluations=0, notes=("the task has no answers",))
        nodes = [hypothesis.nodes[name] for name, _ in hypothesis.nodes[hypothesis.root].parents]
        values = [
            column
            for node in nodes
            if node.feature is not None and not node.unimportant
            for column in node.feature.values(inputs.columns, inputs.constants, inputs.tokens)
        ]
        if not values:
            return Answer(0.0, evaluations=0)
        classes = class_ids(values)
        counts = np.zeros((classes.max() + 1, answers.max() + 1))
        np.add.at(counts, (classes, answers), 1)
        return Answer(float(counts.max(axis=1).sum() / inputs.n_inputs), evaluations=0)


def _answers(inputs: Task | FunctionGraph) -> np.ndarray | None:
    """Return the right answer of every input as a number of its own, None where there is none."""
    if isinstance(inputs, FunctionGraph):
        values = GraphFigures(inputs).values
        return None if values is None else class_ids([values.numpy()])
    return None if inputs.labels is None else class_ids(list(np.atleast_2d(inputs.labels.T)))
