"""Kills of ``scrubkit train`` at random moments: ``python -m tests.benchmarks.bench_train_kills --kills 50``.

The command trains, certifies and stores a small model with a short recipe. It is killed again and again, half
the times anywhere in its run and half after its last checkpoint, and each time the same command goes on with
``--resume``. Once it ends, every file has to be, byte for byte, that of a run that was left alone; then the
next run begins. Prints how many kills hit which stage.
"""

import argparse
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.context import ForkProcess
from pathlib import Path

import pytest
import torch

import scrubkit.families.modular.certify.certificate
import scrubkit.families.modular.train.train  # noqa: F401 - before forking
from scrubkit.cli.app import main as cli
from scrubkit.families.modular.train.checkpoint import CHECKPOINT, CheckpointRecord
from scrubkit.families.modular.train.recipe import RECIPES
from scrubkit.models.store import RECORD

OPTIONS = ["train", "--p", "13", "--trajectory", "6", "--checkpoint-every", "10"]
SHORT = {"max_steps": 400, "trigger_loss": 1e9, "settle_steps": 150, "decay_steps": 145, "evaluate_every": 5}
"""A run of 300 steps."""

FORK = multiprocessing.get_context("fork")
"""Processes are forked, so that they are killed in their work and not in importing torch."""


def command(folder: Path, *, resume: bool) -> None:
    """Be the command ``scrubkit train``."""
    RECIPES["fast"] = RECIPES["fast"].model_copy(update=SHORT)
    sys.argv = ["scrubkit", *OPTIONS, "--out", str(folder), *(["--resume"] if resume else [])]
    with open(folder.parent / "log", "w") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        cli()


def start(folder: Path) -> ForkProcess:
    """Start the command, or let it go on where something of it is stored."""
    resume = stage(folder) != "nothing stored"
    process = FORK.Process(target=command, args=(folder,), kwargs={"resume": resume})
    process.start()
    return process


def require_success(process: ForkProcess, folder: Path) -> None:
    """Wait for the command, which has to succeed."""
    process.join()
    assert process.exitcode == 0, (folder.parent / "log").read_text()


def stage(folder: Path) -> str:
    """Say how far a run has come, as far as its files show."""
    checkpoint, record = folder / CHECKPOINT, folder / RECORD
    try:
        training = bool(recorded(checkpoint).runs)
    except FileNotFoundError:
        training = None
    if training is not None:
        late = "model stored, checkpoint there" if record.exists() else "all steps taken, no model yet"
        return "training" if training else late
    if not record.exists():
        return "nothing stored"
    return "certified" if b'"certificate": null' not in record.read_bytes() else "model stored, not certified"


def recorded(checkpoint: Path) -> CheckpointRecord:
    """Read the record of a checkpoint in one go, for the file is replaced meanwhile."""
    data = checkpoint.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return CheckpointRecord.model_validate_json(header["__metadata__"]["scrubkit"])


def files(folder: Path) -> dict[str, bytes]:
    """Return every file under a folder with its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def measure(folder: Path) -> tuple[float, float]:
    """Run undisturbed; return the seconds that it takes and those after its last checkpoint."""
    began = time.monotonic()
    process, last = start(folder), began
    while process.is_alive():
        if stage(folder) in ("nothing stored", "training"):
            last = time.monotonic()
        time.sleep(0.002)
    require_success(process, folder)
    return time.monotonic() - began, time.monotonic() - last


def run_until_killed(folder: Path, moment: float, tail: float | None) -> tuple[bool, str]:
    """Run for a while and kill; return whether the run was killed rather than done, and at which stage.

    Args:
        folder: of the run.
        moment: seconds after which it is killed, from its start or, given a tail, from its last checkpoint.
        tail: None to count from the start.
    """
    process = start(folder)
    while tail is not None and process.is_alive() and stage(folder) in ("nothing stored", "training"):
        time.sleep(0.002)
    process.join(moment)
    if process.is_alive():
        process.kill()
        process.join()
        return True, stage(folder)
    require_success(process, folder)
    return False, stage(folder)


def kill(count: int, seed: int) -> tuple[Counter[str], int]:
    """Kill a number of times; return the kills by stage and the number of runs that came to their end."""
    rng, hits, ended = random.Random(seed), Counter[str](), 0
    with tempfile.TemporaryDirectory() as place:
        whole, folder = Path(place) / "whole", Path(place) / "killed"
        seconds, tail = measure(whole)
        expected = files(whole)
        while sum(hits.values()) < count:
            late = rng.random() < 0.5
            was_killed, found = run_until_killed(
                folder, rng.uniform(0, 1.2 * tail if late else seconds), tail if late else None
            )
            if was_killed:
                hits[found] += 1
                continue
            assert files(folder) == expected, sorted(set(files(folder)) ^ set(expected)) or "other bytes"
            shutil.rmtree(folder)
            ended += 1
        if folder.exists():
            require_success(start(folder), folder)
            assert files(folder) == expected
            ended += 1
    return hits, ended


@pytest.mark.benchmark
def test_kills_lose_nothing():
    torch.set_num_threads(1)
    hits, ended = kill(50, seed=0)
    assert ended > 0
    assert len(hits) > 3


def main() -> None:
    """Kill and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    hits, ended = kill(options.kills, options.seed)
    for found, times in hits.most_common():
        print(f"{times:4d} kills: {found}")
    print(f"{sum(hits.values())} kills, {ended} runs ended, each with the very files of a run left alone")


if __name__ == "__main__":
    main()
