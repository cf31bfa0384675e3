"""Seconds and memory of a score against its size: ``python -m tests.benchmarks curve``.

One thing grows at a time: the modulus, the nodes of the hypothesis, the draws, the hypotheses on one model,
the layers. Each point is a process of its own with one thread, so that its peak of memory is its own; seconds
are those of the processor, from the model made to the last score, tables included.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx

from tests.benchmarks.table import ROOT

FIGURE = ROOT / "docs" / "img" / "size.svg"


@dataclass(frozen=True)
class Curve:
    """What grows.

    Attributes:
        name: in words.
        sizes: the points.
        fixed: what does not grow, in words.
        measure: scores something of a size, once torch is there; returns processor seconds.
    """

    name: str
    sizes: tuple[int, ...]
    fixed: str
    measure: Callable[[int], float]


def _pizza(p: int) -> Any:
    from scrubkit.families.modular.compile import compile_model

    return compile_model(variant="pizza", p=p, frequencies=(1, 5, 13, 18, 27))


def _score(model: Any, hypotheses: Sequence[Any], draws: int = 4) -> float:
    from scrubkit.scrubbing.scoring import Scorer

    began = time.process_time()
    scorer = Scorer(model, device="cpu")
    for hypothesis in hypotheses:
        scorer.score(hypothesis, draws=draws)
    return time.process_time() - began


def _sum_of(model: Any, step: int = 1) -> nx.DiGraph:
    from tests.benchmarks.bench_scrub import sum_hypothesis

    graph = sum_hypothesis(model)
    for name in graph:
        if name.startswith("c"):
            graph.nodes[name]["feature"] = f"(a + {step} * b) % p"
    return graph


def of_modulus(p: int) -> float:
    """Score the sum hypothesis on a pizza."""
    model = _pizza(p)
    return _score(model, [_sum_of(model)])


def of_draws(draws: int) -> float:
    """Score the sum hypothesis on p = 113 with some draws."""
    model = _pizza(113)
    return _score(model, [_sum_of(model)], draws)


def of_hypotheses(n: int) -> float:
    """Score some hypotheses, each with a feature of its own, on p = 113."""
    model = _pizza(113)
    return _score(model, [_sum_of(model, 1 + i) for i in range(n)])


def of_nodes(n: int) -> float:
    """Score a hypothesis that reads the logits in some planes, on p = 113."""
    graph = nx.DiGraph()
    graph.add_node("root", site="logits")
    for k in range(1, n + 1):
        graph.add_node(f"plane{k}", site=f"logits[frequencies={k}]", feature="(a + b) % p")
        graph.add_edge(f"plane{k}", "root")
    return _score(_pizza(113), [graph])


def of_layers(n: int) -> float:
    """Score a hypothesis that reads neurons of every layer of a deep model, p = 59."""
    from tests.benchmarks.bench_depth import chain, random_model

    return _score(random_model(n), [chain(n)])


CURVES = {
    "p": Curve("modulus p (p² inputs)", (59, 113, 227, 499), "sum, 5 clusters, 4 draws", of_modulus),
    "nodes": Curve("nodes under the root", (1, 3, 10, 30, 56), "planes of the logits, p=113", of_nodes),
    "draws": Curve("draws of every input", (2, 8, 32, 128), "sum, p=113", of_draws),
    "hypotheses": Curve("hypotheses on a model", (1, 4, 16, 64), "sum, p=113, 4 draws", of_hypotheses),
    "layers": Curve("layers", (1, 2, 3, 4, 6), "half of each layer's neurons, p=59", of_layers),
}


@dataclass(frozen=True)
class Point:
    """What one size took: processor seconds, and the peak of memory in GiB."""

    size: int
    seconds: float
    memory: float


def curves() -> int:
    """Measure every point in a process of its own, print them and draw the figure."""
    from tests.benchmarks.figure import figure

    began = time.monotonic()
    print(f"processor seconds of scores, one thread; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    found: dict[str, list[Point]] = {}
    for name, curve in CURVES.items():
        found[name] = [_apart(name, size) for size in curve.sizes]
        print(f"{curve.name}; {curve.fixed}")
        for point in found[name]:
            print(f"  {point.size:4d}  {point.seconds:8.2f} s  {point.memory:6.2f} GiB", flush=True)
    FIGURE.write_text(figure({CURVES[name].name: points for name, points in found.items()}))
    print(f"drawn in {FIGURE.relative_to(ROOT)}; in {time.monotonic() - began:.0f} s by the clock")
    return 0


def _apart(name: str, size: int) -> Point:
    """Measure a point in a process of its own."""
    arguments = [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.curve", name, str(size)]
    environment: Mapping[str, str] = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True)
    if ended.returncode:
        sys.exit(f"{name} {size} failed:\n{ended.stderr}")
    return Point(**json.loads(ended.stdout.splitlines()[-1]))


def main() -> None:
    """Measure one point and print it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("curve", choices=list(CURVES))
    parser.add_argument("size", type=int)
    asked = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    of_layers(1)  # compiled loops are loaded, which takes a second
    seconds = CURVES[asked.curve].measure(asked.size)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"size": asked.size, "seconds": seconds, "memory": peak}))


if __name__ == "__main__":
    main()
