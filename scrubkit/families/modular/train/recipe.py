"""Recipes: every number that decides how a model is trained.

All recipes are full-batch AdamW with a constant learning rate after a short warm-up, and then, once the
held-out loss has fallen, a cosine decay to zero that ends the run without late loss spikes. What starts
the decay is the *held-out* loss, so the held-out inputs choose when a run ends, though never its gradients.
"""

from __future__ import annotations

import math
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from scrubkit.errors import TrainingError, nearest
from scrubkit.families.modular.task import ModularTask
from scrubkit.models.record import ModelConfig, Record

SMALL_BELOW = 100
"""Tasks with a smaller modulus get half the mainline's sizes and half of the inputs for training."""


LARGE_WEIGHT_DECAY = 1.5
"""The fast preset's weight decay from that modulus on: the mainline groks sooner with it. A small model can
lose more key frequencies to it than the task spares, and then never groks."""


ROUND = 500
"""Steps at full learning rate that a run goes on for which ended without a certificate."""

MOST_ROUNDS = 8
"""How often a run may go on."""


class Recipe(Record):
    """How to train: AdamW's settings and when to stop.

    Attributes:
        name: what the recipe is called in provenance.
        learning_rate: after the warm-up and before the decay.
        beta1: decay of AdamW's first moment.
        beta2: decay of AdamW's second moment; near one it goes stale as gradients vanish.
        eps: AdamW's epsilon.
        weight_decay: decoupled, on every parameter, in units of the learning rate; kept during the decay.
        warmup_steps: steps over which the learning rate rises from zero.
        max_steps: last step of a run whose held-out loss never falls under the trigger.
        trigger_loss: held-out loss in nats under which a run counts as grokked; None never decays.
        settle_steps: steps at full learning rate between the trigger and the decay: circuits get cleaner.
        decay_steps: length of the cosine decay.
        evaluate_every: steps between two looks at the held-out loss.
    """

    name: str = Field(max_length=100)
    learning_rate: float = Field(gt=0, allow_inf_nan=False)
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.9, ge=0, lt=1)
    eps: float = Field(default=1e-8, gt=0, allow_inf_nan=False)
    weight_decay: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    warmup_steps: int = Field(default=10, ge=0)
    max_steps: int = Field(ge=1)
    trigger_loss: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    settle_steps: int = Field(default=0, ge=0)
    decay_steps: int = Field(default=0, ge=0)
    evaluate_every: int = Field(default=25, ge=1)

    @model_validator(mode="after")
    def _decay_needs_a_trigger(self) -> Self:
        if self.trigger_loss is None and (self.settle_steps or self.decay_steps):
            raise ValueError("settle_steps and decay_steps need a trigger_loss")
        return self

    def last_step(self, grokked_at: int | None, rounds: int = 0) -> int:
        """Return the step at which a run ends, as far as it is known once it grokked at that step.

        Args:
            grokked_at: step at which the held-out loss fell under the trigger, None where it has not.
            rounds: how often the run was found wanting at its end and went on: each time for `ROUND` steps
                at full learning rate, and another decay where it has grokked.
        """
        if grokked_at is None:
            return self.max_steps + rounds * ROUND
        return grokked_at + self.settle_steps + self.decay_steps + rounds * (ROUND + self.decay_steps)

    def learning_rate_at(self, step: int, grokked_at: int | None, rounds: int = 0) -> float:
        """Return the learning rate of a step; the first step is 1."""
        rate = self.learning_rate * min(1.0, step / max(1, self.warmup_steps))
        if grokked_at is None or self.decay_steps == 0:
            return rate
        begun = self.last_step(grokked_at, rounds) - self.decay_steps
        done = (step - begun) / self.decay_steps
        return rate * 0.5 * (1 + math.cos(math.pi * min(1.0, max(0.0, done))))


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="fast",
            learning_rate=1e-2,
            max_steps=4000,
            trigger_loss=1e-4,
            decay_steps=800,
        ),
        Recipe(name="paper", learning_rate=1e-3, beta2=0.98, max_steps=40_000, evaluate_every=100),
    )
}
"""The presets: a fast recipe, and the one of Nanda et al. 2023, arXiv:2301.05217, section 3."""


def find_recipe(recipe: str | Recipe, task: ModularTask | None = None, **changes: Any) -> Recipe:
    """Return a recipe by name, with some numbers changed.

    Args:
        recipe: name of a preset, or a recipe.
        task: what will be learned; the fast preset has more weight decay for a large modulus.
        changes: fields to replace.

    Raises:
        TrainingError: no recipe has the name, or a number is out of its range.
    """
    if isinstance(recipe, str):
        if recipe not in RECIPES:
            known = ", ".join(RECIPES)
            raise TrainingError(
                f"unknown recipe {recipe!r}{nearest(recipe, RECIPES)}; known recipes: {known}"
            )
        if recipe == "fast" and task is not None and task.p >= SMALL_BELOW:
            changes = {"weight_decay": LARGE_WEIGHT_DECAY} | changes
        recipe = RECIPES[recipe]
    try:
        return Recipe.model_validate(recipe.model_dump() | changes)
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}, found {e['input']!r:.80}"
            for e in error.errors(include_url=False)
        ]
        raise TrainingError(faults, title=f"recipe {recipe.name!r}") from None


def default_config(task: ModularTask) -> ModelConfig:
    """Return the mainline's shape, or half of it for a small modulus."""
    if task.p < SMALL_BELOW:
        return ModelConfig.for_task(task, d_model=64, n_heads=4, d_head=16, d_mlp=256)
    return ModelConfig.for_task(task)


def default_fraction(task: ModularTask) -> float:
    """Return the share of the inputs to train on: a small task has too few inputs to learn from 30 %."""
    return 0.5 if task.p < SMALL_BELOW else 0.3
