"""Labels, version 2: whether a hypothesis is true of the weights, and if not, in which way.

*Sufficient*: no joint draw of the scrub moves the output, on average and at worst. *Needed*: every edge has a
context in which it moves the output. *Vacuous*: sufficient whatever the weights are. Labels come from joint
interventions read at the output: all draws where they are few, all draws in closed form where the logits
are a sum, and otherwise `scrubbed.DRAWS` of them and more on the hardest inputs. How a hypothesis is
unrolled, who may stand in for whom and how a subject runs with sites set are shared with the methods that
are judged (`scrubkit.scrubbing.plan`, `sampling.Resampling`, `scrubkit.subjects`); draws, engine and
figures are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from scrubkit.bench.case import Evidence, Label, Stratum, Witness
from scrubkit.bench.label import criteria
from scrubkit.bench.label.draws import joint_of, value
from scrubkit.bench.label.needed import Need, needs
from scrubkit.bench.label.scrubbed import QUICK, Scrubbed, Scrubber
from scrubkit.bench.label.strata import Why
from scrubkit.core.task import Task
from scrubkit.hypothesis import Hypothesis
from scrubkit.scrubbing.plan import Plan, bind
from scrubkit.scrubbing.target import random_twin, target_of
from scrubkit.subjects.network import NetworkSubject
from scrubkit.subjects.subject import Subject

TWINS = 2
"""Models with random weights of which a vacuous claim has to hold."""
ROUNDED = 1e-4
"""What float32 may move at the output of a random model."""


class Judge:
    """Labels many hypotheses about one subject; what they share is measured once."""

    def __init__(self, subject: Subject) -> None:
        """Take the subject."""
        self.subject = subject
        self.scrubber = Scrubber(subject)

    @classmethod
    def of(cls, found: Any, *, task: Task | None = None) -> Judge:
        """Return the judge of a subject, on the CPU whatever else there is, our models in float64.

        Args:
            found: a model, a TransformerBridge or a graph of functions.
            task: the inputs, needed for a bridge.
        """
        return cls(target_of(found, task=task, dtype=torch.float64).subject)

    def label(self, hypothesis: Hypothesis) -> Label:
        """Return the label of one hypothesis.

        Raises:
            HypothesisError: it does not fit the subject.
        """
        plan = bind(hypothesis, self.subject)
        found = self.scrubber.scrub(plan)
        figures = _sufficiency(hypothesis.root, found)
        stratum: Stratum | None = None
        failures: list[str] = []
        edges: list[Need] = []
        if any(map(criteria.failed, figures)):
            stratum, failures = Why(self.scrubber, hypothesis, plan, found).stratum()
            figures += [criteria.local(*moved) for moved in self.scrubber.local(plan).items()]
        else:
            edges = list(needs(self.subject, self.scrubber.outputs, plan, criteria.NEEDED_HOLDS))
            figures += [criteria.needed(edge.path, edge.most) for edge in edges]
            idle = [edge for edge in edges if criteria.failed(criteria.needed(edge.path, edge.most))]
            if idle:
                stratum = "not-needed"
                failures = [
                    f"{edge.path}: no context needs it; at most {edge.most:.2g} moves" for edge in idle
                ]
        off = any(edge.on_data <= criteria.NEEDED_HOLDS < edge.most for edge in edges)
        return criteria.decide(
            figures,
            vacuous=not any(map(criteria.failed, figures)) and self._vacuous(plan),
            stratum=stratum,
            failures=failures,
            witness=found.witness,
            flags=("off-distribution-only",) if off else (),
        )

    def _vacuous(self, plan: Plan) -> bool:
        """Say whether a claim holds of any weights: by liveness, and confirmed on random weights."""
        if not self.scrubber.liveness.identity(plan.root):
            return False
        if not isinstance(self.subject, NetworkSubject):
            return True
        return all(self._holds_untrained(plan, seed) for seed in range(TWINS))

    def _holds_untrained(self, plan: Plan, seed: int) -> bool:
        """Say whether no draw moves the output of random weights, and every edge does."""
        model = self.subject.model  # pyright: ignore[reportAttributeAccessIssue]
        scrubber = Scrubber(random_twin(model.config, model.task, "cpu", seed).subject)
        drawn = scrubber.sampled(plan, plan.root, QUICK)
        every = needs(scrubber.subject, scrubber.outputs, plan, ROUNDED)
        return drawn.mean < ROUNDED and all(edge.most >= ROUNDED for edge in every)


@dataclass(frozen=True)
class Replayed:
    """What one joint draw makes of the output.

    Attributes:
        clean: the output on the reference row, (answer, class), logits centred.
        scrubbed: the output of the draw.
        change: squared distance between them, as a share of that between the outputs of two inputs.
        lost: largest share of its lead that the answer loses; from 1 on it changes.
    """

    clean: torch.Tensor
    scrubbed: torch.Tensor
    change: float
    lost: float


def replay(found: Any, hypothesis: Hypothesis, witness: Witness, *, task: Task | None = None) -> Replayed:
    """Make the draw that a label shows once more, and say what it does to the output.

    Args:
        found: what the label is about: a model, a TransformerBridge or a graph of functions.
        hypothesis: the claim.
        witness: the draw.
        task: the inputs, needed for a bridge.

    Returns:
        What the draw moves and which answer it gives.

    Raises:
        HypothesisError: the hypothesis does not fit the model.
    """
    scrubber = Judge.of(found, task=task).scrubber
    plan = bind(hypothesis, scrubber.subject)
    rows = torch.tensor([witness.row])
    drawn = scrubber.outputs.centred(value(scrubber.subject, plan.root, joint_of(plan.root, witness)))
    return Replayed(
        scrubber.outputs.clean[witness.row],
        drawn[0],
        float(scrubber.outputs.change(drawn, rows)),
        float(scrubber.outputs.lost(drawn, rows)),
    )


def label(found: Any, hypothesis: Hypothesis, *, task: Task | None = None) -> Label:
    """Say whether a hypothesis is true of a model's weights; see `Judge` to label several.

    Args:
        found: what it is about: a model, a TransformerBridge or a graph of functions.
        hypothesis: the claim.
        task: the inputs, needed for a bridge.

    Returns:
        The label, with every figure that decided it, and the worst draw.

    Raises:
        HypothesisError: it does not fit the model.
    """
    return Judge.of(found, task=task).label(hypothesis)


def _sufficiency(root: str, found: Scrubbed) -> list[Evidence]:
    return [
        criteria.sufficient(root, found.mean),
        criteria.worst(root, found.worst, found.failure, found.exhaustive),
        criteria.failure(root, found.failure),
    ]
