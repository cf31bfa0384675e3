"""The stream of random cases of one seed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import networkx as nx

from tests.oracle.adapter import MODELS, Subject, build
from tests.oracle.compare import Outcome, compare, rng_of
from tests.oracle.generate import random_claim
from tests.oracle.random_functions import random_function_claim, random_functions

QUICK = ("weighted-p5", "few-rows-p7")
BLOCKS = ("two-blocks", "two-blocks-norm", "two-blocks-both-ways", "two-blocks-of-attention")
ALL_ROWS = ("untrained-p5", "untrained-p7", "untrained-mul-p5", "untrained-sub-p5")
ALL_ROWS += ("untrained-two-tokens-p5", "compiled-pizza-p5", "compiled-clock-p7")
BRIDGES = tuple(name for name in MODELS if name.startswith("bridge"))
CYCLE = (*QUICK * 12, *BLOCKS * 4, *ALL_ROWS, *("functions",) * 80)
"""The subjects that cases take turns on: the quicker, the more often."""


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


def cases(seed: int, start: int = 0, only: str = "") -> Iterator[Case]:
    """Yield cases without end, from a number on; case n of a seed and a choice is always the same."""
    names = [name for name in [*CYCLE, *(BRIDGES if only else ())] if only in name]
    order = rng_of(0, len(names)).permutation(len(names))
    for number in itertools.count(start):
        yield case(seed, number, names[order[number % len(names)]])


def case(seed: int, number: int, name: str) -> Case:
    """Return one case."""
    rng = rng_of(seed, number, "" if name == "functions" else name)
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
