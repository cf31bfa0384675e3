"""Candidates: every story of a model, restated and mutated, with the label of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import networkx as nx
import numpy as np

from scrubkit.benchmark.case import Label
from scrubkit.benchmark.known import Known
from scrubkit.benchmark.label import Judge
from scrubkit.benchmark.models import build
from scrubkit.benchmark.mutators import MUTATORS, RESTATEMENTS
from scrubkit.benchmark.roster import Entry
from scrubkit.benchmark.stories import tell
from scrubkit.errors import ModelError, ScrubkitError
from scrubkit.hypothesis import Hypothesis, from_graph
from scrubkit.models.model import Model
from scrubkit.scrub.transformer import Sites, anatomy_of


@dataclass(frozen=True)
class Candidate:
    """A labelled hypothesis that may become a case.

    Attributes:
        entry: its model.
        family: family of the story that it comes from.
        operator: what was done to the story: "none", the name of a mutator, or of a restatement.
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
    """What became of the hypotheses that are no cases.

    Attributes:
        equivalent: mutants that are true, by operator.
        ambiguous: hypotheses with a figure between the thresholds.
        misfit: hypotheses that the model cannot be asked.
        repeated: hypotheses that were there already.
    """

    equivalent: Counter[str] = field(default_factory=Counter)
    ambiguous: int = 0
    misfit: int = 0
    repeated: int = 0


def find(entry: Entry, rng: np.random.Generator, rounds: int, tally: Tally) -> Iterator[Candidate]:
    """Yield the labelled hypotheses about one model.

    Args:
        entry: the model.
        rng: decides what operators choose.
        rounds: how often each operator is tried on each story.
        tally: counts what is left out.
    """
    try:
        model = build(entry.spec)
        told_of = build(entry.other) if entry.memoriser and entry.other else model
        other = build(entry.other).truth if entry.other and not entry.memoriser else None
        known = Known.of(told_of, other)
    except ModelError:
        tally.misfit += 1
        return
    panel = _Panel(entry, model, told_of, tally)
    for family, story in tell(known).items():
        told = [story]
        for operator, graph in _restated(story, known, rng, rounds):
            candidate = panel.examine(family, operator, graph)
            if candidate is not None:
                yield candidate
                # What is mutated must be true, or else the mutant's operator is not what breaks it.
                told += [graph] if candidate.label.label == "true" else []
        for operator, graph in _mutated(told, known, rng, rounds):
            candidate = panel.examine(family, operator, graph)
            if candidate is not None:
                yield candidate


class _Panel:
    """Labels the hypotheses about one model and counts those that are no cases."""

    def __init__(self, entry: Entry, model: Model, told_of: Model, tally: Tally) -> None:
        self.entry, self.tally = entry, tally
        self.judge = Judge.of(model)
        self.names = Sites(told_of.task, anatomy_of(told_of), told_of.truth, "")
        self.seen: set[str] = set()

    def examine(self, family: str, operator: str, graph: nx.DiGraph) -> Candidate | None:
        """Return the labelled hypothesis, None if it is no case."""
        try:
            hypothesis = from_graph(graph)
            if self.entry.memoriser:
                # The clusters are another model's: their names mean nothing here.
                hypothesis = hypothesis.stripped(lambda site: self.names.part(site, {}))
                operator = "other_model" if operator == "none" else operator
            if hypothesis.hash in self.seen:
                self.tally.repeated += 1
                return None
            self.seen.add(hypothesis.hash)
            label = self.judge.label(hypothesis)
        except ScrubkitError:
            self.tally.misfit += 1
            return None
        if label.label == "ambiguous":
            self.tally.ambiguous += 1
        elif label.label == "true" and operator in MUTATORS:
            self.tally.equivalent[operator] += 1
        else:
            return Candidate(self.entry, family, operator, hypothesis, label)
        return None


def _restated(
    story: nx.DiGraph, known: Known, rng: np.random.Generator, rounds: int
) -> Iterator[tuple[str, nx.DiGraph]]:
    """Yield a story, its restatements, and restatements of these."""
    told = [story]
    yield "none", story
    for _ in range(rounds):
        for name, restate in RESTATEMENTS.items():
            graph = restate(_pick(told, rng), known, rng)
            if graph is not None:
                told.append(graph)
                yield name, graph


def _mutated(
    told: Sequence[nx.DiGraph], known: Known, rng: np.random.Generator, rounds: int
) -> Iterator[tuple[str, nx.DiGraph]]:
    """Yield mutants of a story and of its restatements."""
    for _ in range(rounds):
        for name, mutate in MUTATORS.items():
            graph = mutate(_pick(told, rng), known, rng)
            if graph is not None:
                yield name, graph


def _pick(told: Sequence[nx.DiGraph], rng: np.random.Generator) -> nx.DiGraph:
    """Return the story itself, or as often any of its versions."""
    return told[int(rng.integers(len(told)))] if rng.random() < 0.5 else told[0]
