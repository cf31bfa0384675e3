"""A suite of any family: its true hypotheses about its own models, and false ones that its operators make.

Of each hypothesis there is one true case and one false one, or none where no operator makes a false one. The
labels come from interventions, as in every suite: that a family calls a hypothesis true decides nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import networkx as nx
import numpy as np

from scrubkit.bench.case import Case, Label, ModelSpec
from scrubkit.bench.label import Judge
from scrubkit.bench.manifest import Suite
from scrubkit.bench.models import build
from scrubkit.errors import BenchError
from scrubkit.hypothesis import Hypothesis, from_graph, to_json
from scrubkit.models.family import Family
from scrubkit.models.model import Model

TRIES = 8
"""How often each operator is tried on one hypothesis."""


def family_suite(family: Family, *, version: str, seed: int = 0) -> Suite:
    """Make the suite of a family.

    Args:
        family: has models, hypotheses that are true of them, and mutators.
        version: of how suites are made.
        seed: decides what the operators choose.

    Returns:
        The suite, a true and a false case of each hypothesis where an operator applies.

    Raises:
        BenchError: the family has no model, no mutator or no hypothesis, or its hypotheses are not true of
            its models; with each.
        ScrubkitError: a model cannot be made, or a hypothesis does not fit it.
    """
    faults = [f"it has no {part}" for part in ("models", "mutators") if not getattr(family, part)]
    if faults:
        raise BenchError(faults, title=f"the family {family.name!r} has no suite")
    maker = _Maker(family, seed)
    cases = tuple(case for name in family.models for case in maker.cases(name))
    faults = maker.faults or ([] if cases else ["no hypothesis of its models has a true and a false form"])
    if faults:
        raise BenchError(faults, title=f"the family {family.name!r} has no suite")
    equivalent = dict(sorted(maker.equivalent.items()))
    return Suite(
        name=family.name,
        version=version,
        seed=seed,
        cases=cases,
        equivalent=equivalent,
        ambiguous=maker.ambiguous,
    )


class _Maker:
    """Finds the cases of one model after another.

    Attributes:
        equivalent: mutants that are true, by operator.
        ambiguous: mutants with a figure between the thresholds.
        faults: hypotheses of the family that are not true.
    """

    def __init__(self, family: Family, seed: int) -> None:
        self.family, self.rng = family, np.random.default_rng([seed, 5])
        self.used: Counter[str] = Counter()
        self.equivalent: Counter[str] = Counter()
        self.ambiguous = 0
        self.faults: list[str] = []

    def cases(self, name: str) -> Iterator[Case]:
        """Yield the cases about one model, a true one and a false one of each hypothesis."""
        spec = ModelSpec(kind="load", options={"name": name})
        model = build(spec)
        judge = Judge.of(model)
        for kind, graph in self.family.hypotheses(model).items():
            claim = from_graph(graph)
            label = judge.label(claim)
            if label.label != "true":
                said = "; ".join(label.failed) or label.label
                self.faults.append(f"{kind} is not true of {name}: {said}")
                continue
            mutant = self._mutant(graph, model, judge)
            if mutant is None:
                continue
            variant = model.truth.variant if model.truth else name
            for operator, hypothesis, found in (("none", claim, label), mutant):
                yield Case(
                    id=f"{name}-{kind}-{operator}",
                    model=spec,
                    variant=variant,
                    family=kind,
                    operator=operator,
                    hypothesis=json.loads(to_json(hypothesis)),
                    label=found,
                )

    def _mutant(self, graph: nx.DiGraph, model: Model, judge: Judge) -> tuple[str, Hypothesis, Label] | None:
        """Return a false form of a true hypothesis; operators that gave few cases so far are tried first."""
        operators = self.family.mutators
        seen: set[str] = set()
        for operator in sorted(operators, key=lambda name: (self.used[name], name)):
            for _ in range(TRIES):
                changed = operators[operator](graph, model, self.rng)
                if changed is None:
                    continue
                hypothesis = from_graph(changed)
                if hypothesis.hash in seen:
                    continue
                seen.add(hypothesis.hash)
                label = judge.label(hypothesis)
                self.equivalent[operator] += label.label == "true"
                self.ambiguous += label.label == "ambiguous"
                if label.label == "false":
                    self.used[operator] += 1
                    return operator, hypothesis, label
        return None
