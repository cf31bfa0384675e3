"""The training loop: steps, looks at the held-out loss, checkpoints, and the end of each run.

Evaluations that may start a decay fall on multiples of the recipe's ``evaluate_every``, whatever else is
asked for, so that checkpoints and trajectories change nothing about the weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from scrubkit.errors import TrainingError
from scrubkit.families.modular.task import ModularTask
from scrubkit.families.modular.train.checkpoint import Job, save_checkpoint
from scrubkit.families.modular.train.recipe import MOST_ROUNDS
from scrubkit.families.modular.train.state import Losses, Run, State, split_rows
from scrubkit.families.modular.train.stepper import Stepper, evaluate


@dataclass(frozen=True)
class Progress:
    """What a progress bar shows after an evaluation.

    Attributes:
        step: steps taken.
        last_step: step at which the last run ends, as far as it is known now.
        losses: newest losses of the runs that are still training, by seed.
        finished: number of runs that have ended.
        grokked: number of runs whose held-out loss has been under the recipe's trigger.
    """

    step: int
    last_step: int
    losses: dict[int, Losses]
    finished: int
    grokked: int


Snapshot = Callable[[Run, Losses, Float[Tensor, " parameter"]], None]
"""Receives a run, its losses at this step and its parameters."""


Accept = Callable[[Run, Float[Tensor, " parameter"]], bool]
"""Says of a run and its parameters whether it may end."""


@dataclass(frozen=True)
class Watch:
    """What happens beside the steps themselves; none of it changes the weights.

    Attributes:
        checkpoint: file of the checkpoint, None for none.
        checkpoint_every: steps between checkpoints, rounded up to the next evaluation.
        snapshot_steps: steps at which `snapshot` is called for every run that is training.
        snapshot: receives the snapshots.
        progress: called after every evaluation.
    """

    checkpoint: Path | None = None
    checkpoint_every: int = 100
    snapshot_steps: Collection[int] = ()
    snapshot: Snapshot | None = None
    progress: Callable[[Progress], None] | None = None


class Loop:
    """Takes a state to the end of all its runs."""

    def __init__(
        self, state: State, task: ModularTask, job: Job, watch: Watch, accept: Accept | None = None
    ) -> None:
        """Bind the state, which is changed in place.

        Args:
            state: where to begin.
            task: what is learned.
            job: how.
            watch: what happens beside.
            accept: says whether a run that has come to its end may end; one that may not goes on for another
                round, up to `MOST_ROUNDS`. None lets all end.

        Raises:
            TrainingError: a checkpoint is asked for and its folder cannot be written.
        """
        self.state, self._job, self._watch, self._accept = state, job, watch, accept
        # A run that was stopped between its last checkpoint and its model's save has nothing left to train.
        if state.runs:
            self._train, self._test = split_rows(
                task, job.train_fraction, [run.seed for run in state.runs], state.flat.device
            )
        self._checkpointed_at = state.step
        if watch.checkpoint is not None and state.step == 0:
            save_checkpoint(state, job, watch.checkpoint)

    def run(self) -> list[tuple[Run, Float[Tensor, " parameter"]]]:
        """Train until every run has ended.

        Returns:
            Each run with its parameters, in the order of the job's seeds.

        Raises:
            TrainingError: a loss is not finite, or a checkpoint cannot be written.
        """
        state, recipe, stepper = self.state, self._job.recipe, None
        if state.step == 0:
            self._see(trigger=None)
        while state.runs:
            stepper = stepper or Stepper(state, self._train, self._job.config, recipe)
            stepper.step(
                [recipe.learning_rate_at(state.step + 1, run.grokked_at, run.rounds) for run in state.runs]
            )
            due = state.step % recipe.evaluate_every == 0
            if due or self._ended() or state.step in self._watch.snapshot_steps:
                # A snapshot between two evaluations must not start a decay that would else come later.
                self._see(recipe.trigger_loss if due else None)
                stepper = None if self._finish() else stepper
                self._checkpoint()
        order = {seed: i for i, seed in enumerate(self._job.seeds)}
        return sorted(state.finished, key=lambda ended: order[ended[0].seed])

    def _ended(self) -> list[int]:
        recipe = self._job.recipe
        return [
            i
            for i, run in enumerate(self.state.runs)
            if self.state.step >= recipe.last_step(run.grokked_at, run.rounds)
        ]

    def _finish(self) -> bool:
        """Take out the runs that have ended and say whether there were any."""
        self._send_on()
        ended = self._ended()
        if ended:
            rest = torch.tensor(self.state.finish(ended), dtype=torch.long, device=self.state.flat.device)
            self._train, self._test = self._train.of(rest), self._test.of(rest)
        return bool(ended)

    def _send_on(self) -> None:
        """Give another round to every run that has come to its end and is not accepted."""
        if self._accept is None:
            return
        for i in self._ended():
            run, flat = self.state.runs[i], self.state.flat[i].detach()
            if run.rounds < MOST_ROUNDS and not self._accept(run, flat):
                self.state.runs[i] = replace(run, rounds=run.rounds + 1)

    def _see(self, trigger: float | None) -> None:
        """Evaluate every run, note and report the losses; raises TrainingError where one is not finite."""
        losses = self._look()
        self._check(losses)
        runs = zip(self.state.runs, losses, strict=True)
        self.state.runs = [run.seen(seen, trigger) for run, seen in runs]
        self._snapshot(losses)
        self._report(losses)

    def _look(self) -> list[Losses]:
        flat, config = self.state.flat, self._job.config
        train, _ = evaluate(flat, config, self._train)
        test, accuracy = evaluate(flat, config, self._test)
        rows = zip(train.tolist(), test.tolist(), accuracy.tolist(), strict=True)
        return [Losses(self.state.step, *row) for row in rows]

    def _check(self, losses: list[Losses]) -> None:
        faults = [
            f"seed {run.seed}, step {seen.step}: the loss is {seen.train} on the training inputs and "
            f"{seen.test} on the held-out ones"
            for run, seen in zip(self.state.runs, losses, strict=True)
            if not (math.isfinite(seen.train) and math.isfinite(seen.test))
        ]
        if not faults:
            return
        path = self._watch.checkpoint
        if path is not None:
            faults.append(f"the last good checkpoint, of step {self._checkpointed_at}, is kept: {path}")
        rate = self._job.recipe.learning_rate
        faults.append(
            f"training again takes the same steps: choose a learning rate below {rate:g}, or another seed"
        )
        raise TrainingError(faults, title="training diverged")

    def _snapshot(self, losses: list[Losses]) -> None:
        if self._watch.snapshot is not None and self.state.step in self._watch.snapshot_steps:
            for run, seen, flat in zip(self.state.runs, losses, self.state.flat, strict=True):
                self._watch.snapshot(run, seen, flat.detach())

    def _report(self, losses: list[Losses]) -> None:
        if self._watch.progress is not None:
            state, recipe = self.state, self._job.recipe
            everyone = [*state.runs, *(run for run, _ in state.finished)]
            self._watch.progress(
                Progress(
                    step=state.step,
                    last_step=max(recipe.last_step(run.grokked_at, run.rounds) for run in state.runs),
                    losses={run.seed: seen for run, seen in zip(state.runs, losses, strict=True)},
                    finished=len(state.finished),
                    grokked=sum(run.grokked_at is not None for run in everyone),
                )
            )

    def _checkpoint(self) -> None:
        state, path = self.state, self._watch.checkpoint
        due = state.step - self._checkpointed_at >= self._watch.checkpoint_every
        if path is not None and (due or not state.runs):
            save_checkpoint(state, self._job, path)
            self._checkpointed_at = state.step
