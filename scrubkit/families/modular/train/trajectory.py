"""Trajectories: log-spaced models of one run, the raw material for watching a circuit form.

How long a run will be is not known when it begins. So more snapshots are taken than asked for, log-spaced up
to the recipe's longest run, and once the run has ended those closest to an even spacing are kept.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from scrubkit.families.modular.train.state import Losses, Run
from scrubkit.models.atomic import write_atomically
from scrubkit.models.model import Model
from scrubkit.models.store import save
from scrubkit.models.trajectory import FOLDER, LOSSES, Trajectory, TrajectoryStep

SPARE = 4
"""Snapshots taken for each that is kept."""


def log_spaced(count: int, last: int) -> list[int]:
    """Return up to ``count`` steps, at least two: 0, then evenly spaced in the logarithm from 1 to ``last``.

    >>> log_spaced(5, 1000)
    [0, 1, 10, 100, 1000]
    """
    spaces = max(1, count - 2)
    inner = (round(last ** (i / spaces)) for i in range(count - 1))
    return sorted({0, last, *(inner if count > 2 else ())})


def choose(taken: Sequence[int], count: int) -> list[int]:
    """Return the ``count`` steps, of those taken, that are closest to an even logarithmic spacing.

    >>> choose([0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 22, 32, 45, 64], 5)
    [0, 1, 4, 16, 64]
    """
    rest = sorted(taken)
    if len(rest) <= count:
        return rest
    kept: set[int] = set()
    # The last target first, so that the final model is always among those kept.
    for target in reversed(log_spaced(count, rest[-1])):
        free = [step for step in rest if step not in kept]
        kept.add(min(free, key=lambda step: abs(math.log1p(step) - math.log1p(target))))
    missing = count - len(kept)
    return sorted(kept.union([step for step in rest if step not in kept][:missing]))


class TrajectoryWriter:
    """Keeps the snapshots of runs as folders that `scrubkit.load` reads.

    A run's folder gets ``trajectory/step-000123/`` for each step kept and ``trajectory/losses.json``.
    """

    def __init__(
        self,
        count: int,
        last: int,
        folders: Mapping[int, Path],
        model: Callable[[Run, Losses, Float[Tensor, " parameter"]], Model],
    ) -> None:
        """Plan the snapshots.

        Args:
            count: number of snapshots to keep, at least two.
            last: longest that a run may be, in steps.
            folders: folder of each run, by its seed.
            model: makes a model of a run's parameters.
        """
        self.steps = frozenset(log_spaced(SPARE * count, last))
        self._count, self._folders, self._model = count, folders, model

    def take(self, run: Run, losses: Losses, flat: Float[Tensor, " parameter"]) -> None:
        """Store one snapshot."""
        save(self._model(run, losses, flat), self._path(run.seed, losses.step), overwrite=True)

    def finish(self, run: Run, flat: Float[Tensor, " parameter"]) -> None:
        """Add the final model, keep the steps that are spaced best, and write the losses beside them."""
        self.take(run, run.history[-1], flat)
        seen = {losses.step: losses for losses in run.history}
        taken = [step for step in seen if self._path(run.seed, step).is_dir()]
        kept = choose(taken, self._count)
        rows = [TrajectoryStep(**asdict(seen[step]), folder=self._path(run.seed, step).name) for step in kept]
        document = Trajectory(seed=run.seed, grokked_at=run.grokked_at, steps=tuple(rows))
        text = document.model_dump_json(indent=1) + "\n"
        write_atomically(self._folders[run.seed] / FOLDER / LOSSES, text.encode())
        for step in set(taken) - set(kept):
            shutil.rmtree(self._path(run.seed, step))

    def _path(self, seed: int, step: int) -> Path:
        return self._folders[seed] / FOLDER / f"step-{step:06d}"
