"""Scores of whole hypotheses: ``python -m tests.benchmarks --only hypotheses many start``."""

from __future__ import annotations

import time

import scrubkit
from scrubkit.hypothesis import from_graph, load_hypothesis
from scrubkit.scrubbing import target
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.scoring import Scorer
from tests.benchmarks.bench_scrub import sum_hypothesis
from tests.benchmarks.table import ROOT, Row, seconds_of_child

HYPOTHESES = ROOT / "hypotheses" / "modular_addition"


def hypotheses(repeats: int = 2) -> list[Row]:
    """Score every shipped hypothesis about modular addition, all tables made anew."""
    model, files = scrubkit.load("modadd-p113"), sorted(HYPOTHESES.glob("*.py"))
    Scorer(model, device="cpu").score(HYPOTHESES / "fourier.py")  # compiled loops are loaded
    took = []
    for _ in range(repeats):
        target._kept.clear()
        began = time.process_time()
        scorer = Scorer(model, device="cpu")
        for file in files:
            scorer.score(load_hypothesis(file, truth=model.truth))
        took.append(time.process_time() - began)
    return [Row(f"all {len(files)} files of hypotheses/modular_addition, in process", min(took), at_most=5)]


def many(n: int = 100) -> list[Row]:
    """Score a hundred hypotheses with features of their own on one model."""
    model = scrubkit.load("modadd-p113")
    graphs = [sum_hypothesis(model) for _ in range(n)]
    for i, graph in enumerate(graphs):
        for name in list(graph):
            if name.startswith("c"):
                graph.nodes[name]["feature"] = f"(a + {i + 1} * b) % p"
    claims = [from_graph(graph) for graph in graphs]
    scorer, scores, bound = Scorer(model, device="cpu"), [], []
    for claim in claims:
        began = time.process_time()
        bind(claim, scorer.subject)
        bound.append(time.process_time() - began)
        began = time.process_time()
        scorer.score(claim, draws=4)
        scores.append(time.process_time() - began)
    late = slice(n // 2, n)
    return [
        Row(f"a hypothesis after {n // 2} on its model, 4 passes", min(scores[late]), at_most=0.01),
        Row("binding it to the model", min(bound[late])),
    ]


def start() -> list[Row]:
    """Start the command that scores one file."""
    asked = ["-m", "scrubkit", "score", str(HYPOTHESES / "sum.py")]
    seconds = seconds_of_child(asked, repeats=3)
    torch = seconds_of_child(["-c", "import torch"], repeats=3)
    return [
        Row("scrubkit score sum.py, from the shell", seconds, at_most=2.5, note=f"import torch: {torch:.2f}")
    ]
