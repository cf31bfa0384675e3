"""Aligners judged: held-out interchanges on the model, and the same on random weights.

An alignment that makes the answers of a network follow a causal model says something of the network only if
the same search fails on one that was never trained: Sutter et al. 2025, arXiv:2507.08802; Geiger,
Wu et al. 2024, arXiv:2303.02536, for interchange accuracy. Here every aligner is asked about both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from scrubkit import Answer, Bound, Budget, Hypothesis, Model, Task, bind
from scrubkit.methods.alignment import FEWEST, Place, draw_pairs
from scrubkit.methods.variables import variables_of

PAIRS = 512
"""Pairs on which an alignment is judged."""
THRESHOLD = 0.9
"""Accuracy from which a variable counts as aligned; the papers set none, this is ours."""


@dataclass(frozen=True)
class Aligned:
    """An aligner as a judge of hypotheses: the least held-out accuracy over the variables of a hypothesis.

    Supported from `THRESHOLD`, unless random weights reach it as well: then nothing is learnt of this model,
    and the claim is untestable by this aligner.

    Attributes:
        aligner: what finds the maps.
        device: where models are run.
    """

    aligner: Any
    device: str = "cpu"
    claims_minimality = False

    @property
    def name(self) -> str:
        """The aligner's name."""
        return self.aligner.name

    @property
    def threshold(self) -> float:
        """Accuracy from which a claim is supported."""
        return float(getattr(self.aligner, "threshold", THRESHOLD))

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Align every variable and judge it on held-out pairs; where all pass, ask random weights too."""
        bound = bind(model, hypothesis, task=task, device=self.device)
        if bound.architecture is None:
            _ = bound.bridge  # says in words that a graph of functions has no activations
        asked = {"task": task, "generator": generator, "budget": budget}
        own, runs = self._accuracies(bound, model, hypothesis, asked)
        if not own:
            return Answer(0.0, verdict="untestable", evaluations=runs, notes=("no variable can be aligned",))
        score, control = min(own.values()), None
        notes = ["interchange accuracy: " + ", ".join(f"{name} {value:.3f}" for name, value in own.items())]
        untrained = bound.untrained() if score >= self.threshold else None
        if untrained is not None and untrained.model is not None:
            found, more = self._accuracies(untrained, untrained.model, hypothesis, asked)
            control, runs = min(found.values(), default=0.0), runs + more
            notes.append(f"on random weights: {control:.3f}")
        verdict = "supported" if score >= self.threshold else "refuted"
        if control is not None and control >= self.threshold:
            verdict = "untestable"
        return Answer(score, verdict=verdict, evaluations=runs, notes=tuple(notes), control=control)

    def _accuracies(
        self, bound: Bound, model: Model, hypothesis: Hypothesis, asked: dict[str, Any]
    ) -> tuple[dict[str, float], int]:
        """Return the held-out accuracy of each variable that pairs can test, and the runs that it took."""
        found: dict[str, float] = {}
        runs = 0
        for nodes in variables_of(bound):
            if any(node.classes.tobytes() != nodes[0].classes.tobytes() for node in nodes):
                continue  # all variables of a hook together: each is aligned by itself
            pairs = draw_pairs(bound, nodes, PAIRS, asked["generator"], held_out=True)
            if len(pairs) < FEWEST:
                continue
            names = tuple(node.name for node in nodes)
            alignment = self.aligner.align(model, hypothesis, names, **asked)
            place = Place(bound, nodes)
            new = alignment.exchange(place.read(pairs.base), place.read(pairs.source))
            answers = bound.answers(place.output(pairs.base, new), pairs.goal)
            found[" ".join(names)] = float(answers.double().mean())
            runs += alignment.evaluations or 0
        return found, runs + bound.evaluations
