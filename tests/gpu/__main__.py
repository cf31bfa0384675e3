"""Run the GPU tests, then time the sum hypothesis on the GPU."""

import sys
import time

import pytest
import torch

import scrubkit
from scrubkit.hypothesis import from_graph
from scrubkit.scrubbing.passes import run_passes
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.target import of_model
from tests.benchmarks.bench_scrub import sum_hypothesis


def speed() -> None:
    """Print scrubbed inputs per second, all figures included."""
    model = scrubkit.load("modadd-p113")
    device = torch.device("cuda")
    target = of_model(model, device)
    outputs = target.outputs(bind(from_graph(sum_hypothesis(model)), target.subject))
    n_inputs = model.task.n_inputs
    for n_passes in (8, 64, 256):
        run_passes(outputs, target.measure, seed=0, passes=range(n_passes), device=device)
        torch.cuda.synchronize()
        began = time.perf_counter()
        run_passes(outputs, target.measure, seed=1, passes=range(n_passes), device=device)
        torch.cuda.synchronize()
        took = time.perf_counter() - began
        print(f"{n_passes:4d} passes: {n_passes * n_inputs / took:14,.0f} scrubbed inputs/s")


if __name__ == "__main__":
    code = pytest.main(["tests/gpu", "-m", "gpu", "-o", "addopts="])
    if torch.cuda.is_available():
        print(torch.cuda.get_device_name())
        speed()
    sys.exit(code)
