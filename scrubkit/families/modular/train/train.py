"""Training from scratch: one seed, or many seeds side by side.

On one machine with one number of threads, a CPU run is repeatable to the last bit, and so is one that was
stopped and resumed. On a GPU, sums are taken in no fixed order and only the figures repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from scrubkit.errors import TrainingError
from scrubkit.families.modular.task import ModularTask
from scrubkit.families.modular.train.checkpoint import CHECKPOINT
from scrubkit.families.modular.train.loop import Progress
from scrubkit.families.modular.train.plan import Plan, check_start, find_device, make_job
from scrubkit.families.modular.train.recipe import Recipe
from scrubkit.models.model import Model
from scrubkit.models.record import ModelConfig

AT_ONCE = {"cpu": 1, "cuda": 64, "mps": 16}
"""Seeds trained side by side by default; on a CPU one model already fills the caches."""


def train(
    task: ModularTask,
    *,
    seed: int = 0,
    recipe: str | Recipe = "fast",
    train_fraction: float | None = None,
    config: ModelConfig | None = None,
    device: str = "auto",
    out: str | Path | None = None,
    resume: bool = False,
    trajectory: int = 0,
    checkpoint_every: int = 100,
    until_certified: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Model:
    """Train the 1-layer transformer on a task from scratch.

    Args:
        task: what to learn.
        seed: of the initial weights and of the choice of training inputs.
        recipe: name of a preset or a recipe of one's own.
        train_fraction: share of the inputs to train on; None chooses by the modulus.
        config: shape; None chooses by the modulus.
        device: auto, cpu, cuda or mps; auto is cuda where there is one, else cpu.
        out: folder for the model and, until it is done, its checkpoint; None keeps nothing.
        resume: go on from the checkpoint in ``out``.
        trajectory: number of log-spaced models to keep under ``out/trajectory``.
        checkpoint_every: steps between checkpoints, rounded up to the next evaluation.
        until_certified: a run that ends without a certificate goes on at full learning rate and decays again,
            until it is certified or has gone on `recipe.MOST_ROUNDS` times.
        progress: called after every evaluation.

    Returns:
        The model, with its recipe and the figures of its making as provenance, not yet certified.

    Raises:
        TrainingError: an option is not allowed, the folder cannot be used, or the loss is not finite.
    """
    if not isinstance(task, ModularTask):
        raise TrainingError(f"expected a task such as ModularAddition(59), found {task!r:.100}")
    folder = None if out is None else Path(out)
    plan = Plan(
        task=task,
        job=make_job(task, [seed], recipe, train_fraction, config, until_certified),
        device=find_device(device),
        folders=folder and {seed: folder},
        checkpoint=folder and folder / CHECKPOINT,
        trajectory=trajectory,
        checkpoint_every=checkpoint_every,
    )
    check_start([plan], resume=resume)
    return plan.run(progress)[0]


def train_many(
    task: ModularTask,
    *,
    seeds: Iterable[int] = range(64),
    recipe: str | Recipe = "fast",
    train_fraction: float | None = None,
    config: ModelConfig | None = None,
    device: str = "auto",
    out: str | Path | None = None,
    resume: bool = False,
    trajectory: int = 0,
    checkpoint_every: int = 100,
    until_certified: bool = False,
    at_once: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> list[Model]:
    """Train many seeds, several of them side by side as one batched model.

    Args:
        task: what to learn.
        seeds: one model each; each has its own initial weights, training inputs and end.
        recipe: as for `train`.
        train_fraction: as for `train`.
        config: as for `train`.
        device: as for `train`.
        out: folder that gets a model ``seed-N`` for every seed.
        resume: go on from what is in ``out``.
        trajectory: number of log-spaced models to keep for every seed.
        checkpoint_every: as for `train`.
        until_certified: as for `train`.
        at_once: seeds side by side; None is 64 on cuda and one on a CPU, where batching gains nothing.
        progress: as for `train`.

    Returns:
        The models in the order of the seeds.

    Raises:
        TrainingError: as for `train`.
    """
    job, where = (
        make_job(task, list(seeds), recipe, train_fraction, config, until_certified),
        find_device(device),
    )
    width = AT_ONCE[where.type] if at_once is None else at_once
    if width < 1:
        raise TrainingError(f"at_once must be at least 1, found {at_once}")
    groups = [job.seeds[i : i + width] for i in range(0, len(job.seeds), width)]
    root = None if out is None else Path(out)
    plans = [
        Plan(
            task=task,
            job=job.model_copy(update={"seeds": group}),
            device=where,
            folders=root and {seed: root / f"seed-{seed}" for seed in group},
            checkpoint=root and root / f"seeds-{group[0]}-{group[-1]}.{CHECKPOINT}",
            trajectory=trajectory,
            checkpoint_every=checkpoint_every,
        )
        for group in groups
    ]
    check_start(plans, resume=resume)
    return [model for plan in plans for model in plan.run(progress)]
