"""The stream of random cases of one seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import networkx as nx

from tests.oracle.adapter import MODELS, Subject, build
from tests.oracle.compare import Outcome, compare, rng_of
from tests.oracle.generate import random_claim
from tests.oracle.random_functions import random_function_claim, random_functions

RANDOM = [name for name in MODELS if not name.endswith("p59")]


@dataclass(frozen=True)
class Case:
    """One hypothesis on one subject."""

    number: int
    subject: Subject
    graph: nx.DiGraph
    resample_root: bool

    def compare(self) -> Outcome:
        """Score it on both sides."""
        return compare(self.subject, self.graph, resample_root=self.resample_root, seed=self.number)


def cases(seed: int, only: str = "") -> Iterator[Case]:
    """Yield cases without end; case n of a seed is always the same."""
    names = [name for name in [*RANDOM, "functions", "functions"] if only in name]
    number = 0
    while True:
        yield case(seed, number, names[number % len(names)])
        number += 1


def case(seed: int, number: int, name: str) -> Case:
    """Return one case."""
    rng = rng_of(seed, number)
    if name == "functions":
        subject = random_functions(rng, f"functions:{seed}:{number}")
        graph = random_function_claim(rng, subject)
    else:
        subject = build(name)
        graph = random_claim(rng, subject)
    redraw = "feature" in graph.nodes["root"] and bool(rng.random() < 0.5)
    return Case(number, subject, graph, redraw)


def subject_of(name: str) -> Subject:
    """Return a subject by the name that a snippet gives it."""
    if not name.startswith("functions:"):
        return build(name)
    seed, number = map(int, name.split(":")[1:])
    return random_functions(rng_of(seed, number), name)
