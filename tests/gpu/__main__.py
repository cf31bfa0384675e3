"""Run the GPU tests, then time the sum hypothesis on the GPU."""

import sys
import time

import pytest
import torch

import scrubkit
from scrubkit.hypothesis import from_graph
from scrubkit.subjects.network import NetworkSubject
from scrubkit.scrubbing.figures import Levels
from scrubkit.scrubbing.passes import run_passes
from scrubkit.scrubbing.plan import bind
from tests.benchmarks.bench_scrub import sum_hypothesis


def speed() -> None:
    """Print scrubbed inputs per second, all figures included."""
    model = scrubkit.load("modadd-p113")
    device = torch.device("cuda")
    subject = NetworkSubject(model, device)
    program = subject.prepare(bind(from_graph(sum_hypothesis(model)), subject))
    levels = Levels(model.logits(), model.labels).to(device)
    n_inputs = len(levels.labels)
    for n_passes in (8, 64, 256):
        run_passes(program.outputs, levels, seed=0, passes=range(n_passes), device=device)
        torch.cuda.synchronize()
        began = time.perf_counter()
        run_passes(program.outputs, levels, seed=1, passes=range(n_passes), device=device)
        torch.cuda.synchronize()
        took = time.perf_counter() - began
        print(f"{n_passes:4d} passes: {n_passes * n_inputs / took:14,.0f} scrubbed inputs/s")


if __name__ == "__main__":
    code = pytest.main(["tests/gpu", "-m", "gpu", "-o", "addopts="])
    if torch.cuda.is_available():
        print(torch.cuda.get_device_name())
        speed()
    sys.exit(code)
