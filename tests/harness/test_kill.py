"""A run that is killed at any moment loses no answer and takes none twice."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest


@pytest.mark.skipif(not hasattr(os, "fork"), reason="runs are forked, which this system cannot")
def test_a_run_killed_at_random_moments_ends_as_if_it_had_not_been(tmp_path):
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.harness.killed", str(tmp_path)],
        cwd=root,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["killed"] >= 20
    assert found["equal"]
    assert found["rows"] == found["distinct"] == found["questions"]
    kept = found["before"]
    assert kept == sorted(kept)
    assert len(set(kept)) > 5, "hardly a run was killed between two answers"
    assert found["asked_last"] == found["questions"] - kept[-1]
    # A killed run loses the answer it was taking and no other; spot checks ask a question a second time.
    assert found["asked"] <= found["questions"] * 9 / 8 + 2 * found["killed"]


ORPHANS = """
import sys
import time
from scrubkit.harness.run import validate
from tests.harness.toys import Slow, tiny_suite
validate(Slow(1, sys.argv[1]), tiny_suite(models=("pizza-p11", "torus-p11")), jobs=2)
"""


def test_a_killed_run_leaves_no_workers_behind(tmp_path):
    psutil = pytest.importorskip("psutil")
    root = Path(__file__).parents[2]
    log = tmp_path / "log"
    run = subprocess.Popen([sys.executable, "-W", "ignore", "-c", ORPHANS, str(log)], cwd=root)
    try:
        assert waited(lambda: log.exists() and log.read_text(), 120), "no worker began"
        workers = psutil.Process(run.pid).children(recursive=True)
        assert len(workers) >= 2
    finally:
        run.kill()
        run.wait()
    assert waited(lambda: not any(worker.is_running() for worker in workers), 30), workers


def waited(condition, seconds):
    """Wait until something holds, and say whether it came to that."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
