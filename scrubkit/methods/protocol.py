"""What a method under test looks like: a plain object with a name and one function.

A *scorer* judges a hypothesis on a model. A *finder* says which sites or edges of a model matter. An
*aligner* maps a variable of a hypothesis to a subspace of its site, or turns the site by a map of any kind;
`scrubkit.methods.aligned` judges it. None is told what the hypothesis is called, where it comes from, or
whether it is true:

    class MyMethod:
        name = "my-method"

        def score(self, model, hypothesis, *, task, generator, budget):
            ...
            return Answer(score=0.93, interval=(0.91, 0.95), verdict="supported")

The model is a `scrubkit.Model` without truth, certificate or provenance: weights, config, task, and
``model.bridge``, a TransformerLens `TransformerBridge` to hook. The hypothesis is a `scrubkit.Hypothesis`
whose sites give plain indices; ``hypothesis.graph`` is the networkx graph. All randomness comes from
``generator``, so that the same seed gives the same answer. A scorer that asks only whether what is named
*suffices* says ``claims_minimality = False``: hypotheses that are false in nothing but naming something idle
(the stratum `not-needed`) are then shown apart and are not counted in its false accepts.

A method may be passed as an instance, as ``module:attribute``, or by the name of an entry point in the group
``scrubkit.methods``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from scrubkit.core.task import Task
from scrubkit.hypothesis import Hypothesis
from scrubkit.models.model import Model

AnswerVerdict = Literal["supported", "refuted", "inconclusive", "untestable"]


@dataclass(frozen=True)
class Budget:
    """What one question may cost.

    Attributes:
        draws: passes over all inputs that a sampling method should take; more is allowed, not better.
        seconds: seconds after which the question is given up and counted as a fault.
    """

    draws: int = 8
    seconds: float = 60.0


@dataclass(frozen=True)
class Answer:
    """A scorer's answer to one question.

    Attributes:
        score: larger means truer; any finite number.
        interval: 95 % confidence interval of the score, if the method states one.
        verdict: the method's own verdict, if it gives one; without, "supported" is score >= `threshold`.
        evaluations: how many model runs on one input it took, if it counts them.
        notes: anything that explains the answer, in words.
        control: the score that the same claim gets about random weights of the shape, if the method asked.
    """

    score: float
    interval: tuple[float, float] | None = None
    verdict: AnswerVerdict | None = None
    evaluations: int | None = None
    notes: tuple[str, ...] = ()
    control: float | None = None


@dataclass(frozen=True)
class Alignment:
    """An aligner's answer: how a variable is set to its value on a source input.

    Attributes:
        exchange: takes the values of the variable's site on base and source inputs, (item, width) each, and
            returns those that are set. Where several nodes hold the variable, their values stand one after
            another in the order of `variable`, each flattened.
        rank: how many dimensions are exchanged, if it is a subspace.
        evaluations: how many model runs on one input the search took, if it counts them.
    """

    exchange: Callable[[Tensor, Tensor], Tensor]
    rank: int | None = None
    evaluations: int | None = None


@dataclass(frozen=True)
class Importances:
    """A finder's answer: how much each site, or each edge, matters; larger is more.

    Attributes:
        sites: importance by site, in hypothesis syntax.
        edges: importance by (source site, target site).
    """

    sites: Mapping[str, float] = field(default_factory=dict)
    edges: Mapping[tuple[str, str], float] = field(default_factory=dict)
    evaluations: int | None = None


@runtime_checkable
class Scorer(Protocol):
    """A method that judges hypotheses.

    Attributes:
        name: what reports call it. Optional attributes are `threshold`, from which on a score without verdict
            supports; `estimand`, see `scrubkit.harness.exact_value`; `version`; and `claims_minimality`, True
            unless it is said to be False: whether to support a hypothesis says that all it names is needed.
    """

    name: str

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Judge one hypothesis on one model."""
        ...


@runtime_checkable
class Finder(Protocol):
    """A method that finds what matters in a model.

    Attributes:
        name: what reports call it.
    """

    name: str

    def find(self, model: Model, *, task: Task, generator: torch.Generator, budget: Budget) -> Importances:
        """Say how much each site or edge of a model matters."""
        ...


@runtime_checkable
class Aligner(Protocol):
    """A method that finds where in a site, and how, a variable of a causal model is held.

    Attributes:
        name: what reports call it.
    """

    name: str

    def align(
        self,
        model: Model,
        hypothesis: Hypothesis,
        variable: tuple[str, ...],
        *,
        task: Task,
        generator: torch.Generator,
        budget: Budget,
    ) -> Alignment:
        """Say how to set a variable: the names of the nodes that hold it."""
        ...
