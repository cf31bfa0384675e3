"""How fast training is: ``python -m tests.benchmarks.bench_training``.

Two measurements, on as many threads as ``--threads`` says, the second of which ``python -m tests.benchmarks
--only train`` takes alone, in seconds of the processor:

- seconds from scratch to a held-out loss under 1e-5, p = 113 and p = 59, five seeds each, and how many are
  certified (``--seeds 20`` for a share worth stating);
- seconds a step, against full-batch AdamW through the bridge's own forward pass. The two take turns, so that
  whatever else the machine does slows both.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable

import torch

from scrubkit.families.modular.certify.certificate import certify
from scrubkit.families.modular.task import ModularAddition, ModularTask
from scrubkit.families.modular.train.loop import Progress
from scrubkit.families.modular.train.recipe import RECIPES, default_config, default_fraction
from scrubkit.families.modular.train.state import initial_state, split_rows
from scrubkit.families.modular.train.stepper import Stepper
from scrubkit.families.modular.train.train import train
from scrubkit.models.bridge import build_bridge
from scrubkit.models.weights import random_weights
from tests.benchmarks.table import Row, fastest

TARGET = 1e-5
CPU = torch.device("cpu")


def time_to_target(
    task: ModularTask, seed: int, recipe: str, until_certified: bool
) -> tuple[float | None, float, int, float, bool]:
    """Return seconds to stay under the target and in all, steps, final loss, and whether it is certified."""
    start = time.perf_counter()
    reached: list[float] = []

    def progress(seen: Progress) -> None:
        if seen.losses[seed].test >= TARGET:
            reached.clear()
        elif not reached:
            reached.append(time.perf_counter() - start)

    model = train(
        task, seed=seed, recipe=recipe, device="cpu", progress=progress, until_certified=until_certified
    )
    history = model.provenance.history
    total = time.perf_counter() - start
    certified = certify(model).certified
    return (reached[0] if reached else None), total, history["steps"], history["test_loss"], certified


def functional_step(task: ModularTask) -> Callable[[], None]:
    """Return a function that takes one step as training does."""
    config, recipe = default_config(task), RECIPES["fast"]
    rows, _ = split_rows(task, default_fraction(task), [0], CPU)
    stepper = Stepper(initial_state(config, [0], CPU), rows, config, recipe)
    return lambda: stepper.step([recipe.learning_rate])


def bridge_step(task: ModularTask) -> Callable[[], None]:
    """Return a function that takes one step of torch's fused AdamW through the bridge's own forward pass."""
    config, recipe = default_config(task), RECIPES["fast"]
    mask = task.split(default_fraction(task), 0)
    tokens, labels = torch.from_numpy(task.tokens[mask]), torch.from_numpy(task.labels[mask])
    bridge = build_bridge(random_weights(config, torch.Generator().manual_seed(0)), config)
    bridge.train()
    optimiser = torch.optim.AdamW(
        bridge.parameters(),
        lr=recipe.learning_rate,
        betas=(recipe.beta1, recipe.beta2),
        weight_decay=recipe.weight_decay,
        fused=True,
    )

    def step() -> None:
        optimiser.zero_grad()
        logits = bridge(tokens, return_type="logits")[:, -1]
        torch.nn.functional.cross_entropy(logits, labels).backward()
        optimiser.step()

    return step


def seconds_a_step(task: ModularTask, turns: int, steps: int = 5) -> tuple[list[float], list[float]]:
    """Return seconds a step of ours and of the bridge's, one figure a turn."""
    ours, theirs = functional_step(task), bridge_step(task)
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(turns + 1):
        for step, kept in zip((ours, theirs), times, strict=True):
            start = time.perf_counter()
            for _ in range(steps):
                step()
            if turn > 0:
                kept.append((time.perf_counter() - start) / steps)
    return times


def steps() -> list[Row]:
    """Compare steps of training with those of full-batch AdamW through the bridge."""
    rows = []
    for p, target in ((59, 6.0), (113, None)):
        task = ModularAddition(p)
        least, _ = fastest({"ours": functional_step(task), "bridge": bridge_step(task)}, 6, most=40)
        ratio = least["bridge"] / least["ours"]
        rows.append(Row(f"a step of training, p={p}", least["ours"], "AdamW, bridge", ratio, at_least=target))
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--turns", type=int, default=12)
    parser.add_argument("--recipe", default="fast")
    parser.add_argument("--until-certified", action="store_true")
    parser.add_argument("--p", type=int, nargs="+", default=[113, 59])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    load = os.getloadavg()[0]
    print(f"torch {torch.__version__}, {options.threads} threads on {os.cpu_count()} cores, load {load:.2f}")
    for p in options.p:
        ours, theirs = seconds_a_step(ModularAddition(p), options.turns)
        ratios = [slow / fast for fast, slow in zip(ours, theirs, strict=True)]
        print(
            f"p={p}: ms a step, median of {options.turns} turns: {1e3 * statistics.median(ours):.1f} ours, "
            f"{1e3 * statistics.median(theirs):.1f} through the bridge; "
            f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} - {max(ratios):.2f})",
            flush=True,
        )
    for p in options.p:
        share = 0
        for seed in range(options.seeds):
            reached, total, steps, loss, certified = time_to_target(
                ModularAddition(p), seed, options.recipe, options.until_certified
            )
            share += certified
            first = "never" if reached is None else f"{reached:.1f} s"
            print(
                f"p={p} seed {seed}: under {TARGET:g} for good after {first}; "
                f"{steps} steps in {total:.1f} s, final held-out loss {loss:.1e}, "
                f"{'' if certified else 'not '}certified",
                flush=True,
            )
        print(f"p={p}: {share} of {options.seeds} seeds certified", flush=True)


if __name__ == "__main__":
    main()
