"""Candidates: every true hypothesis of a model, restated and mutated, with the label of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import networkx as nx
import numpy as np

from scrubkit.bench.case import Label
from scrubkit.bench.label import Judge
from scrubkit.bench.models import build
from scrubkit.errors import ModelError, ScrubkitError
from scrubkit.families.modular.suites.hypotheses import true_hypotheses
from scrubkit.families.modular.suites.known import Known
from scrubkit.families.modular.suites.model_list import Entry
from scrubkit.families.modular.suites.mutators import MUTATORS, RESTATEMENTS
from scrubkit.hypothesis import Hypothesis, from_graph
from scrubkit.models.model import Model
from scrubkit.subjects.sites import Sites

ROUNDS = 2
"""How often an operator is tried on one hypothesis before the model is given up."""


@dataclass(frozen=True)
class Candidate:
    """A labelled hypothesis that may become a case.

    Attributes:
        entry: its model.
        family: family of the true hypothesis that it comes from.
        operator: what was done to that hypothesis: "none", the name of a mutator, or of a restatement.
        hypothesis: what is claimed.
        label: whether it is true.
    """

    entry: Entry
    family: str
    operator: str
    hypothesis: Hypothesis
    label: Label


@dataclass
class Tally:
    """What operators were used for, and what became of the hypotheses that are no cases.

    Attributes:
        used: how often each operator or restatement gave a case.
        equivalent: mutants that are true, by operator.
        ambiguous: hypotheses with a figure between the thresholds.
        misfit: hypotheses that the model cannot be asked, and models that cannot be had, with the reason.
    """

    used: Counter[str] = field(default_factory=Counter)
    equivalent: Counter[str] = field(default_factory=Counter)
    ambiguous: int = 0
    misfit: Counter[str] = field(default_factory=Counter)


def find(entry: Entry, rng: np.random.Generator, share: int, tally: Tally) -> Iterator[Candidate]:
    """Yield labelled hypotheses about one model; operators that gave few cases so far are tried first.

    Args:
        entry: the model.
        rng: decides what operators choose.
        share: how many true and how many false ones of each family, if there are as many.
        tally: what was used so far; brought up to date.
    """
    try:
        model = build(entry.spec)
        told_of = build(entry.other) if entry.memoriser and entry.other else model
        other = build(entry.other).truth if entry.other and not entry.memoriser else None
        known = Known.of(told_of, other)
    except ModelError as error:
        tally.misfit[str(error)] += 1
        return
    panel = _Panel(entry, model, told_of, tally)
    for family, first in true_hypotheses(known).items():
        told = [first]
        for candidate, graph in panel.examine(family, _restated(told, known, rng, tally), share, "true"):
            # What is mutated must be true, or else the mutant's operator is not what breaks it.
            told += [graph] if candidate.label.label == "true" and candidate.operator != "none" else []
            yield candidate
        for candidate, _ in panel.examine(family, _mutated(told, known, rng, tally), share, "false"):
            yield candidate


class _Panel:
    """Labels the hypotheses about one model and counts those that are no cases."""

    def __init__(self, entry: Entry, model: Model, told_of: Model, tally: Tally) -> None:
        self.entry, self.tally = entry, tally
        self.judge = Judge.of(model)
        self.names = Sites.of(told_of)
        self.seen: set[str] = set()

    def examine(
        self, family: str, proposed: Iterator[tuple[str, nx.DiGraph]], share: int, wanted: str
    ) -> Iterator[tuple[Candidate, nx.DiGraph]]:
        """Yield labelled hypotheses, so many of each label, until there are enough of the label wanted."""
        left = {"true": share, "false": share, "vacuous": share}
        for operator, graph in proposed:
            candidate = self._label(family, operator, graph)
            if candidate is None or not left[candidate.label.label]:
                continue
            self.tally.used[operator] += 1
            left[candidate.label.label] -= 1
            yield candidate, graph
            if not left[wanted]:
                return

    def _label(self, family: str, operator: str, graph: nx.DiGraph) -> Candidate | None:
        """Return the labelled hypothesis, None if it is no case."""
        try:
            hypothesis = from_graph(graph)
            if self.entry.memoriser:
                # The clusters are another model's: their names mean nothing here.
                hypothesis = hypothesis.stripped(lambda site: self.names.part(site, {}))
            if hypothesis.hash in self.seen:
                return None
            self.seen.add(hypothesis.hash)
            label = self.judge.label(hypothesis)
        except ScrubkitError as error:
            self.tally.misfit[f"{operator}: {error.faults[0]}"] += 1
            return None
        if label.label == "ambiguous":
            self.tally.ambiguous += 1
        elif label.label == "true" and operator in MUTATORS:
            self.tally.equivalent[operator] += 1
        else:
            if self.entry.memoriser and operator not in MUTATORS and label.label == "false":
                operator = "other_model"
            return Candidate(self.entry, family, operator, hypothesis, label)
        return None


def _restated(
    told: Sequence[nx.DiGraph], known: Known, rng: np.random.Generator, tally: Tally
) -> Iterator[tuple[str, nx.DiGraph]]:
    """Yield a hypothesis, its restatements, and restatements of these."""
    yield "none", told[0]
    for _ in range(ROUNDS):
        for name in _order(RESTATEMENTS, rng, tally):
            graph = RESTATEMENTS[name](_pick(told, rng), known, rng)
            if graph is not None:
                yield name, graph


def _mutated(
    told: Sequence[nx.DiGraph], known: Known, rng: np.random.Generator, tally: Tally
) -> Iterator[tuple[str, nx.DiGraph]]:
    """Yield mutants of a hypothesis and of its restatements."""
    for _ in range(ROUNDS):
        for name in _order(MUTATORS, rng, tally):
            graph = MUTATORS[name](_pick(told, rng), known, rng)
            if graph is not None:
                yield name, graph


def _order(names: Iterable[str], rng: np.random.Generator, tally: Tally) -> list[str]:
    """Return operators in the order in which they are tried: those least used first, ties by chance."""
    listed = list(names)
    chance = rng.random(len(listed))
    return [name for _, _, name in sorted((tally.used[n], c, n) for n, c in zip(listed, chance, strict=True))]


def _pick(told: Sequence[nx.DiGraph], rng: np.random.Generator) -> nx.DiGraph:
    """Return the first itself, or as often any of its versions."""
    return told[int(rng.integers(len(told)))] if rng.random() < 0.5 else told[0]
