"""The cases of one base: its texts asked of every arrangement, and as many true as false of each kept."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scrubkit.bench.case import Case, Label, ModelSpec
from scrubkit.bench.label import Judge
from scrubkit.bench.models import build
from scrubkit.bench.twins import choose, even
from scrubkit.errors import ScrubkitError
from scrubkit.families.modular.suites import arranged
from scrubkit.families.modular.suites.known import Known
from scrubkit.families.modular.suites.texts import Told, texts
from scrubkit.families.modular.suites.trained_texts import trained_texts
from scrubkit.hypothesis import Hypothesis, from_graph, to_json
from scrubkit.models.model import Model


@dataclass(frozen=True)
class Asked:
    """A text and its label on every arrangement, by number; where it is ambiguous there is none.

    Attributes:
        grain: at which granularity it speaks.
        hypothesis: what it claims.
        labels: its labels.
    """

    grain: str
    hypothesis: Hypothesis
    labels: Mapping[int, Label]

    @property
    def true(self) -> tuple[int, ...]:
        """The arrangements of which it is true."""
        return tuple(i for i, label in self.labels.items() if label.label == "true")

    @property
    def false(self) -> Mapping[int, str]:
        """The arrangements of which it is false, each with the stratum."""
        return {i: str(label.stratum) for i, label in self.labels.items() if label.label == "false"}


def base_cases(
    stem: str,
    style: str,
    specs: Sequence[ModelSpec],
    pairs: int,
    most: int | None,
    rng: np.random.Generator,
) -> list[Case]:
    """Make the cases of a base.

    Args:
        stem: how the ids of its cases begin.
        style: what differs between its models.
        specs: descriptions of its models.
        pairs: how many true and how many false cases are wanted.
        most: texts that are asked, drawn from all that there are; None asks all.
        rng: decides which.
    """
    models = [build(spec) for spec in specs]
    judges = [Judge.of(model) for model in models]
    pool: dict[str, tuple[str, Hypothesis]] = {}
    for spec, model in zip(specs, models, strict=True):
        for grain, graph in _told(spec, model):
            claim = from_graph(graph)
            pool.setdefault(claim.hash, (grain, claim))
    listed = list(pool.values())
    order = rng.permutation(len(listed))[:most].tolist()
    asked = [Asked(listed[i][0], listed[i][1], dict(_labels(listed[i][1], judges))) for i in order]
    mixed = [text for text in asked if text.true and text.false]
    found = [(i, text) for text, chosen in even(mixed, choose(mixed, pairs, rng)) for i in chosen]
    numbers: Counter[str] = Counter()
    cases = []
    for i, text in sorted(found, key=lambda item: item[0]):
        kind = text.labels[i].stratum or "none"
        numbers[kind] += 1
        cases.append(_case(f"{stem}-{kind}-{numbers[kind]}", specs[i], style, text, text.labels[i]))
    return cases


def _told(spec: ModelSpec, model: Model) -> Iterator[Told]:
    """Yield what is asked about a model and its relatives."""
    known = Known.of(model)
    if spec.kind == arranged.KIND:
        return texts(arranged.Arranged.model_validate(spec.options), known)
    return trained_texts(model, known)


def _labels(claim: Hypothesis, judges: Sequence[Judge]) -> Iterator[tuple[int, Label]]:
    """Yield the label of a claim on every arrangement that has its sites."""
    for i, judge in enumerate(judges):
        try:
            yield i, judge.label(claim)
        except ScrubkitError:
            continue


def _case(name: str, spec: ModelSpec, style: str, text: Asked, label: Label) -> Case:
    return Case(
        id=name,
        model=spec,
        variant=style,
        family=text.grain,
        operator=label.stratum or "none",
        hypothesis=json.loads(to_json(text.hypothesis)),
        label=label,
    )
