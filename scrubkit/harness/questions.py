"""What a method is given: a bare model, a stripped hypothesis, and a seed that says nothing.

In place of a model it may be a graph of functions.
A question is known by its content: the weights, the task and the claim. Its key, and with it the seed and the
order of asking, cannot depend on the label, the case's name or its place in the suite.
"""

from __future__ import annotations

import hashlib
import json
from copy import deepcopy
from dataclasses import dataclass
from typing import overload

from scrubkit.bench.case import Case
from scrubkit.core.task import Task
from scrubkit.hypothesis import Hypothesis, from_json
from scrubkit.models.model import Model
from scrubkit.models.record import Provenance
from scrubkit.models.weights import Weights
from scrubkit.scrubbing.graph_figures import GraphFigures
from scrubkit.subjects.function_graph import FunctionGraph
from scrubkit.subjects.sites import Sites

Given = Model | FunctionGraph
"""What questions are about."""


@dataclass(frozen=True)
class Question:
    """One question to a scorer.

    Attributes:
        key: SHA-256 of weights, task and claim.
        hypothesis: the claim, stripped of names and prose.
    """

    key: str
    hypothesis: Hypothesis


@overload
def bare(model: Model) -> Model: ...


@overload
def bare(model: FunctionGraph) -> FunctionGraph: ...


def bare(model: Given) -> Given:
    """Return a copy of a model without name, truth, certificate and provenance, sharing no memory with it.

    A graph of functions has none of these, and is copied.
    """
    if isinstance(model, FunctionGraph):
        return model.copy()
    weights = Weights({name: value.detach().clone() for name, value in model.weights.named().items()})
    return Model("model", deepcopy(model.task), model.config, weights, Provenance(kind="imported"))


def task_of(given: Given) -> Task | None:
    """Return the task that methods are given beside a model; a graph of functions has none."""
    return given.task if isinstance(given, Model) else None


def question_of(case: Case, model: Given) -> Question:
    """Return what a case asks.

    Args:
        case: the case.
        model: its model with its truth, which names in sites such as ``cluster:14`` refer to.

    Raises:
        HypothesisError: the hypothesis is not valid.
        SiteError: the model has no such site.
    """
    claim = from_json(json.dumps(case.hypothesis), title=f"case {case.id}")
    if isinstance(model, FunctionGraph):
        for node in claim.nodes.values():
            model.part(node.site, claim.subspaces)
        stripped = claim.stripped()
    else:
        sites = Sites.of(model)
        stripped = claim.stripped(lambda site: sites.part(site, claim.subspaces))
    return Question(question_key(model, stripped.hash), stripped)


def question_key(model: Given, claim: str) -> str:
    """Return the identity of a question: SHA-256 of weights, task and what is asked about them.

    Of a graph of functions it is the values, the label, and the losses that its outputs have.
    """
    if isinstance(model, FunctionGraph):
        figures = GraphFigures(model)
        told = ["functions", str(model.label), figures.model_loss, figures.baseline_loss]
        return hashlib.sha256(json.dumps([model.hash, told, claim]).encode()).hexdigest()
    task = list(model.task.identity)
    return hashlib.sha256(json.dumps([model.weights_hash, task, claim]).encode()).hexdigest()


def seed_of(seed: int, key: str, method: str) -> int:
    """Return the seed of a question's generator, by hash of the run's seed, the question and the method."""
    digest = hashlib.sha256(json.dumps([seed, key, method]).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
