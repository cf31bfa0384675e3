"""Seconds and memory of a score by the size of the task: ``python -m tests.benchmarks.bench_size 113 227``.

Each modulus is compiled and scored in a process of its own, with one thread, so that its peak of memory is
its own. Seconds are of the processor, which other work on the machine does not change much.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

HYPOTHESES = Path(__file__).parents[2] / "hypotheses" / "modular_addition"


def measure(p: int, name: str, draws: int) -> None:
    """Compile a pizza, score a hypothesis on it, and print a line."""
    import torch

    from scrubkit.families.modular.compile import compile_model
    from scrubkit.scrubbing.scoring import Scorer

    torch.set_num_threads(1)
    moments = [time.process_time()]
    model = compile_model(variant="pizza", p=p, frequencies=(1, 7, 13, 29, 41))
    moments.append(time.process_time())
    scorer = Scorer(model, device="cpu")
    moments.append(time.process_time())
    found = scorer.score(HYPOTHESES / f"{name}.py", draws=draws)
    moments.append(time.process_time())
    compiled, prepared, scored = (b - a for a, b in zip(moments, moments[1:], strict=False))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"p = {p:4}: {model.task.n_inputs:9,} inputs; compiled in {compiled:6.1f} s, clean figures "
        f"{prepared:6.1f} s, {draws} passes {scored:6.1f} s; peak {peak:.2f} GiB; {found.fidelity}",
        flush=True,
    )


def main() -> None:
    """Read the command line and start a process for each modulus."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("moduli", type=int, nargs="*", default=[113, 227, 499])
    parser.add_argument("--hypothesis", default="sum")
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.alone:
        measure(given.moduli[0], given.hypothesis, given.draws)
        return
    for p in given.moduli:
        argv = [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.bench_size", str(p), "--alone"]
        subprocess.run([*argv, "--hypothesis", given.hypothesis, "--draws", str(given.draws)], check=True)


if __name__ == "__main__":
    main()
