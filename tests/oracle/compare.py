"""The oracle's figures of a hypothesis beside scrubkit's."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from math import inf
from typing import Any

import networkx as nx
import numpy as np

from tests.oracle.adapter import ITEMS, Refused, Subject, numbers
from tests.oracle.claim import joint_draws, read_claim
from tests.oracle.exact import Enumeration, Spread, TooManyError
from tests.oracle.figures import of_logits, of_numbers
from tests.oracle.sample import Sampler

TOLERANCE = 1e-9
JOINT = 40_000
"""Joint draws that scrubkit is asked to enumerate at most."""
WIDE = 3.0
"""How many half-widths of its own 95 % interval a sampled figure may be off, and still agree."""


@dataclass(frozen=True)
class Outcome:
    """What a comparison gave.

    Attributes:
        kind: agree, differ, crash, refused, or too many joint draws.
        text: the first figure that differs, or the error.
    """

    kind: str
    text: str = ""


def oracle_figures(
    subject: Subject, graph: nx.DiGraph, *, resample_root: bool = False, most: int = 6_000, joint: float = inf
) -> dict[str, float]:
    """Return the exact figures of a hypothesis, by the oracle alone."""
    machine = subject.machine
    claim = read_claim(graph, machine)
    if joint_draws(claim, machine) > joint:
        raise TooManyError
    spreads = Enumeration(machine, claim, most).of_root(resample_root=resample_root)
    clean = machine.clean(claim.nodes[claim.root].part)
    if subject.loss is None:
        return of_logits(clean, machine.domain.labels, machine.domain.weights, spreads)
    return of_numbers(clean[:, 0], subject.label, subject.loss, machine.domain.weights, spreads)


def scorable(subject: Subject, graph: nx.DiGraph, joint: float = 6_000) -> bool:
    """Say whether a hypothesis has few enough joint draws, groups shared, to be gone through quickly."""
    claim = read_claim(graph, subject.machine)
    return len(claim.nodes) > 1 and joint_draws(claim, subject.machine) <= joint


def sampled_figures(
    subject: Subject, graph: nx.DiGraph, *, draws: int, seed: int, resample_root: bool = False
) -> dict[str, tuple[float, float]]:
    """Return figures of a transformer from random draws of the oracle's own, each with its standard error."""
    machine = subject.machine
    domain, rows = machine.domain, np.arange(machine.domain.n)
    claim = read_claim(graph, machine)
    clean = machine.clean(claim.nodes[claim.root].part)
    sampler = Sampler(machine, claim, np.random.default_rng(seed))
    passes: dict[str, list[float]] = {}
    for _ in range(draws):
        values = sampler.outputs(rows, resample_root=resample_root)
        found = of_logits(clean, domain.labels, domain.weights, [(1.0, Spread(values, np.eye(domain.n)))])
        for name, value in found.items():
            passes.setdefault(name, []).append(value)
    return {
        name: (float(np.mean(each)), float(np.std(each, ddof=1)) / math.sqrt(draws))
        for name, each in passes.items()
    }


def compare(
    subject: Subject,
    graph: nx.DiGraph,
    *,
    resample_root: bool = False,
    most: int = 6_000,
    seed: int = 0,
    joint: float = JOINT,
) -> Outcome:
    """Score a hypothesis on both sides and say where they differ."""
    root = next(n for n in graph if graph.out_degree(n) == 0)
    if resample_root and "feature" not in graph.nodes[root]:
        return Outcome("refused", "the root has no feature to be redrawn by")
    joint = joint if subject.exact else inf
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mine = oracle_figures(subject, graph, resample_root=resample_root, most=most, joint=joint)
    except TooManyError:
        return Outcome("too many")
    return beside(mine, subject, graph, resample_root=resample_root, seed=seed)


def beside(
    mine: dict[str, float], subject: Subject, graph: nx.DiGraph, *, resample_root: bool = False, seed: int = 0
) -> Outcome:
    """Score a hypothesis with scrubkit, and say where it differs from figures.

    It is enumerated, and every second one is scored by draws as well: draws are checked against an interval
    only, and cost as much.
    """
    by_draws = [False] if seed % 2 == 0 or not subject.exact else []
    for exact in [True, *by_draws] if subject.exact else by_draws:
        options: dict[str, Any] = {"exact": True} if exact else {"draws": subject.draws, "seed": seed}
        try:
            theirs = numbers(subject.theirs(graph, resample_root=resample_root, **options))
        except Refused as error:
            return Outcome("too many" if "exact" in str(error) else "refused", str(error))
        except Exception as error:  # noqa: BLE001 - any crash is a finding
            return Outcome("crash", f"{type(error).__name__}: {error}")
        for name, found in theirs.items():
            if name == "worst_label_loss" and not exact:
                continue  # the largest of several sampled means has no interval
            if not agrees(mine[name], found, exact=exact, items=ITEMS):
                how = "exact" if exact else "sampled"
                return Outcome("differ", f"{name}, {how}: oracle {mine[name]!r}, scrubkit {found!r}")
    return Outcome("agree")


def agrees(mine: float, theirs: tuple[float, float, float], *, exact: bool, items: int = 1) -> bool:
    """Say whether two figures are the same, or near enough for the draws behind one of them."""
    value, low, high = theirs
    if math.isnan(mine):
        return True  # 0 / 0: nothing could have changed
    near = TOLERANCE * max(1.0, abs(mine))
    if exact or low == high == value and abs(mine - value) <= near:
        return abs(mine - value) <= near
    # What happens once in so many items need not have been seen at all, and then widens no interval.
    return abs(mine - value) <= WIDE * max(high - value, value - low) + 10 / items


def snippet(subject: Subject, graph: nx.DiGraph, *, resample_root: bool = False) -> str:
    """Return code that shows a comparison again."""
    lines = ["graph = nx.DiGraph(" + ", ".join(f"{k}={v!r}" for k, v in graph.graph.items() if v) + ")"]
    for name in graph:
        attributes = ", ".join(f"{k}={_written(v)}" for k, v in graph.nodes[name].items())
        lines.append(f"graph.add_node({name!r}, {attributes})")
    for parent, reader, edge in graph.edges(data=True):
        direct = ', paths="direct"' if edge.get("paths") == "direct" else ""
        lines.append(f"graph.add_edge({parent!r}, {reader!r}{direct})")
    option = ", resample_root=True" if resample_root else ""
    lines.append(f"print(compare(subject_of({subject.name!r}), graph{option}))")
    return "\n".join(lines)


def _written(value: Any) -> str:
    return value.__name__ if callable(value) else repr(value)


def rng_of(seed: int, number: int, name: str = "") -> np.random.Generator:
    """Return the generator of one case, of a subject if there is a name."""
    return np.random.default_rng([seed, number, *name.encode()])
