"""Kills runs of the bench at random moments, and prints what became of the results; run by test_kill.py.

Everything is imported once and each run is a fork, so that twenty runs take seconds. By hand, with methods in
worker processes and as many kills as wanted (each starts a template anew, which takes seconds):

    python -m tests.harness.killed FOLDER --kills 100 --workers
"""

import argparse
import json
import os
import random
import signal
import time
from pathlib import Path

import torch

from scrubkit.bench.case import Case, Label
from scrubkit.bench.manifest import Suite
from scrubkit.harness.run import validate
from scrubkit.harness.store import open_store
from tests.harness.toys import Slow, claim, spec


def random_moment(rng, log):
    """Return a wait until some answers were taken, none at times, and then for part of another."""

    def count():
        return log.read_text().count("\n") if log.exists() else 0

    def wait():
        enough, end = count() + rng.randrange(0, 8), time.monotonic() + 30
        while count() < enough and time.monotonic() < end:
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.02))

    return wait


def many_cases():
    cases = [
        Case(
            id=f"{model}-{k}",
            model=spec(model),
            variant="v",
            family="f",
            operator="none" if k % 2 else "o",
            hypothesis=claim(f"{k} * a + b"),
            label=Label(label="true" if k % 2 else "false"),
        )
        for model in ("pizza-p11", "torus-p11", "torus-p13")
        for k in range(1, 41)
    ]
    return Suite(name="many", version="1", cases=tuple(cases))


def run_until_killed(suite, method, store, moment, here):
    """Fork a run, wait for the moment and kill it; say whether it was still running."""
    child = os.fork()
    if child == 0:
        try:
            validate(method, suite, store=store, in_process=here)
        finally:
            os._exit(0)
    moment()
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def main(folder, kills, here):
    torch.set_num_threads(1)
    rng = random.Random(int.from_bytes(os.urandom(4), "big"))
    suite, store, log = many_cases(), folder / "results.sqlite", folder / "log"
    whole = validate(Slow(0.0), suite, in_process=True)
    # Where it is that answers are written down is no setting, but a worker has to be told of it too.
    method = Slow(0.01, log=str(log))
    attempts, killed, before = 0, 0, []
    while killed < kills and attempts < 3 * kills:
        attempts += 1
        killed += run_until_killed(suite, method, store, random_moment(rng, log), here)
        if store.exists():
            with open_store(store, write=True) as opened:
                before.append(len(list(opened.select())))
    last = validate(method, suite, store=store, in_process=here)
    with open_store(store, write=False) as opened:
        rows = [row.answer.key for row in opened.select()]
    asked = log.read_text().split("\n")[:-1]
    print(
        json.dumps(
            {
                "killed": killed,
                "questions": len(suite.cases),
                "rows": len(rows),
                "distinct": len(set(rows)),
                "before": before,
                "asked": len(asked),
                "asked_last": last.asked,
                "equal": [[r.case, r.outcome.score, r.outcome.verdict] for r in last["slow"].results]
                == [[r.case, r.outcome.score, r.outcome.verdict] for r in whole["slow"].results],
            }
        )
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=22)
    parser.add_argument("--workers", action="store_true")
    given = parser.parse_args()
    main(given.folder, given.kills, not given.workers)
