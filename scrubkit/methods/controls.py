"""Controls: scrubs whose outcome is known in advance, or that say how much a pass means.

*Identity*: every stand-in is the input itself, so the output must be the model's own. *Nothing*: every
feature is dropped. *Shuffled*: classes keep their sizes and get random members. *Untrained*: the same claim
about random weights. A claim that survives the last three as well as its own scrub says little.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import torch

from scrubkit.core.task import Task
from scrubkit.errors import ScrubError
from scrubkit.models.model import Model
from scrubkit.models.record import ModelConfig, Provenance
from scrubkit.models.weights import random_weights
from scrubkit.scrubbing.evaluate import scrub_rows
from scrubkit.scrubbing.figures import Levels
from scrubkit.scrubbing.local import (
    Sample,
    SampleSubject,
    shuffled,
    squared_change,
    with_exchanges,
    with_others,
)
from scrubkit.scrubbing.plan import Plan, Visit
from scrubkit.scrubbing.sampling import Exchange
from scrubkit.scrubbing.target import levels_of
from scrubkit.subjects.network import NetworkSubject

SIZE = 64
"""Inputs on which controls are run; their outcomes are far apart."""
ROUNDING = 1e-4
"""Error of the identity that float32 explains."""
UNTRAINED_SEED = 0


@dataclass(frozen=True)
class Controls:
    """Fidelity of each control.

    Attributes:
        fidelity: 1 - E|z_scrubbed - z|^2 / E|z_permuted - z|^2, by name of the control.
        evaluations: model runs on one input that they took.
    """

    fidelity: dict[str, float]
    evaluations: int

    @property
    def notes(self) -> tuple[str, ...]:
        """The controls in words."""
        return ("controls: " + ", ".join(f"{name} {value:.3f}" for name, value in self.fidelity.items()),)


@torch.no_grad()
def run_controls(
    model: Model, subject: SampleSubject, plan: Plan, levels: Levels, generator: torch.Generator
) -> Controls:
    """Scrub the controls of a hypothesis.

    Raises:
        ScrubError: the identity does not give the model's own output, so no other figure can be trusted.
    """
    sample = Sample.of(subject.n_inputs, SIZE, generator)

    def fidelity(change: Callable[[Visit], Exchange | None], on: SampleSubject, level: float) -> float:
        root = with_exchanges(plan.root, change)
        own = on.clean(plan.root.part, sample.rows)
        error = squared_change(scrub_rows(on, replace(plan, root=root), sample), own, centre=True)
        return 1 - float(error.mean()) / level

    level = levels.permuted_change
    untrained, its_level = untrained_subject(model.config.model_dump_json(), model.task)
    found = {
        "nothing": fidelity(lambda v: v.exchange and plan.anyone, subject, level),
        "shuffled": fidelity(lambda v: v.exchange and shuffled(v.exchange, generator), subject, level),
        "untrained": fidelity(lambda v: v.exchange, untrained, its_level),
    }
    exact = replace(plan, root=with_others(with_exchanges(plan.root, lambda v: None), "exact"))
    own = subject.clean(plan.root.part, sample.rows)
    identity = float(squared_change(scrub_rows(subject, exact, sample), own, centre=True).mean()) / level
    if identity > ROUNDING:
        raise ScrubError(
            f"with every stand-in the input itself the output is off by {identity:.2g} of its variance"
        )
    return Controls(found, evaluations=4 * SIZE * plan.n_visits)


@lru_cache(maxsize=2)
def untrained_subject(shape: str, task: Task) -> tuple[SampleSubject, float]:
    """Return a model with random weights, and the level of its fidelity.

    Args:
        shape: the model's config as JSON.
        task: its task.
    """
    config = ModelConfig.model_validate_json(shape)
    weights = random_weights(config, torch.Generator().manual_seed(UNTRAINED_SEED))
    model = Model("untrained", task, config, weights, Provenance(kind="trained"))
    subject = SampleSubject(NetworkSubject(model, "cpu"))
    return subject, levels_of(subject, subject).permuted_change
