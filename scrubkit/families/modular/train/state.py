"""The state of training: all that must be kept to go on, and nothing that can be computed again.

Training draws random numbers only before its first step, from the seed: the initial weights and the choice
of training inputs. So a state is the parameters, AdamW's two moments and the step, and going on from a
stored state repeats the very same steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from scrubkit.families.modular.task import ModularTask
from scrubkit.families.modular.train.step import Rows, flatten
from scrubkit.models.record import ModelConfig
from scrubkit.models.weights import random_weights


@dataclass(frozen=True)
class Losses:
    """One look at a run: mean losses in nats per input and the share of right answers.

    Attributes:
        step: steps taken so far.
        train: loss on the training inputs.
        test: loss on the held-out inputs.
        accuracy: share of the held-out inputs answered right.
    """

    step: int
    train: float
    test: float
    accuracy: float


@dataclass(frozen=True)
class Run:
    """What is known of one run apart from its tensors.

    Attributes:
        seed: seed of its initial weights and of its choice of training inputs.
        grokked_at: step of the first evaluation with held-out loss under the recipe's trigger.
        history: every evaluation so far.
        rounds: how often it went on after an end without a certificate.
    """

    seed: int
    grokked_at: int | None = None
    history: tuple[Losses, ...] = ()
    rounds: int = 0

    def seen(self, losses: Losses, trigger: float | None) -> Run:
        """Return the run after one more evaluation."""
        grokked = trigger is not None and losses.test < trigger
        at = losses.step if self.grokked_at is None and grokked else self.grokked_at
        return replace(self, grokked_at=at, history=(*self.history, losses))


@dataclass
class State:
    """All runs that are still training, side by side; the tensors are changed in place by every step."""

    step: int
    runs: list[Run]
    flat: Float[Tensor, "run parameter"]
    momentum: Float[Tensor, "run parameter"]
    second: Float[Tensor, "run parameter"]
    finished: list[tuple[Run, Float[Tensor, " parameter"]]] = field(default_factory=list)

    def finish(self, runs: Sequence[int]) -> list[int]:
        """Take runs out, keep their parameters, and return the positions of those that go on."""
        self.finished += [(self.runs[i], self.flat[i].detach().cpu().clone()) for i in runs]
        rest = [i for i in range(len(self.runs)) if i not in set(runs)]
        self.runs = [self.runs[i] for i in rest]
        for name in ("flat", "momentum", "second"):
            setattr(self, name, getattr(self, name).detach()[rest].clone())
        return rest


def initial_state(config: ModelConfig, seeds: Sequence[int], device: torch.device) -> State:
    """Return the state before the first step; a seed gives the same weights on every device."""
    drawn = [flatten(random_weights(config, torch.Generator().manual_seed(s)), config) for s in seeds]
    flat = torch.stack(drawn).to(device)
    return State(0, [Run(seed) for seed in seeds], flat, torch.zeros_like(flat), torch.zeros_like(flat))


def split_rows(
    task: ModularTask, fraction: float, seeds: Sequence[int], device: torch.device
) -> tuple[Rows, Rows]:
    """Return the training and the held-out inputs of every seed."""
    masks = np.stack([task.split(fraction, seed) for seed in seeds])
    columns = (task.columns["a"], task.columns["b"], task.labels)

    def chosen(masks: np.ndarray) -> Rows:
        stacked = (np.stack([column[mask] for mask in masks]) for column in columns)
        return Rows(*(torch.from_numpy(column).to(device) for column in stacked))

    return chosen(masks), chosen(~masks)
