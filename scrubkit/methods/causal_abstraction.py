"""Constructive causal abstraction: interchanges of any set of variables at once, each with its own source.

Geiger, Ibeling, Zur et al. 2023, "Causal Abstraction: A Theoretical Foundation for Mechanistic
Interpretability", arXiv:2301.04709: a causal model abstracts a network where *every* intervention
on its variables commutes with the same one on the network, not only those on one variable at a time. Here
random sets of nodes are set, each to its value on an input of its own, and the answer has to be the predicted
one. What the model does with parts that no node names goes unseen as long as it is the base's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from scrubkit import Answer, Bound, Budget, Hypothesis, Model, Task, bind
from scrubkit.methods.variables import predicted_jointly

SETS, PAIRS = 24, 64
"""Random sets of nodes, and draws for each."""


@dataclass(frozen=True)
class JointInterchange:
    """Share of joint interchanges with the predicted answer.

    Attributes:
        device: where models are run.
        threshold: share from which the causal model is accepted; exact abstraction asks for 1.
    """

    device: str = "cpu"
    name = "causal-abstraction"
    threshold = 0.95
    claims_minimality = False

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Return the share over random sets of nodes."""
        bound = bind(model, hypothesis, task=task, device=self.device)
        held = [node for node in bound.mapped if node.classes.max() > 0]
        right, told = 0.0, 0
        for _ in range(SETS if held else 0):
            chosen = torch.rand(len(held), generator=generator) < 0.5
            if not chosen.any():
                chosen[int(torch.randint(len(held), (1,), generator=generator))] = True
            names = [node.name for node, at in zip(held, chosen.tolist(), strict=True) if at]
            hits = self._hits(bound, names, generator)
            right, told = right + float(hits.double().sum()), told + len(hits)
        if not told:
            return Answer(0.0, verdict="untestable", evaluations=0, notes=("no interchange tells anything",))
        return Answer(right / told, evaluations=bound.evaluations, notes=(f"{told} interchanges",))

    def _hits(self, bound: Bound, names: list[str], generator: torch.Generator) -> torch.Tensor:
        """Say for each draw with a prediction whether the answer is the predicted one."""
        base = bound.others(torch.arange(PAIRS), generator)
        sources = {name: bound.others(base, generator) for name in names}
        goal = predicted_jointly(bound, sources, base)
        told = goal >= 0
        if not told.any():
            return told[:0]
        output = bound.output(base[told], {name: rows[told] for name, rows in sources.items()})
        return bound.answers(output, goal[told])
