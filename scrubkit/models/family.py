"""Families: folders of models whose algorithm is known, each behind one object.

A family subclasses `Family`, overrides what it has, and names an instance in the entry point group
``scrubkit.families``. Nothing outside a family knows what is inside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from scrubkit.core.task import Task
from scrubkit.errors import HypothesisError, ModelError
from scrubkit.models.config import ModelConfig
from scrubkit.models.model import Model
from scrubkit.models.phases import Phase
from scrubkit.models.record import Certificate, Measurement, Truth

Mutator = Callable[[nx.DiGraph, Model, np.random.Generator], nx.DiGraph | None]
"""Makes another hypothesis of one that is true of a model; None where it does not apply.

Whether the other one is false is not for the operator to say: it is labelled like any other.
"""


@dataclass(frozen=True)
class NamedModel:
    """A model that a family makes on demand, by its name.

    Attributes:
        build: makes it, the same one every time.
        key: returns the identity of the request and of the code that makes it; the model is kept under it.
        task: what a list of models says of its task.
        known: what it says of its algorithm.
    """

    build: Callable[[], Model]
    key: Callable[[], str]
    task: str
    known: str


class Family:
    """What a family has; each part is empty until a subclass overrides it.

    Attributes:
        name: name of the family: of its tasks' and truths' ``family``, and of its entry point.
        title: what the family is, in a line.
        tasks: names of its tasks.
        truth_type: class of its truths.
        certificate_type: class of its certificates.
        kinds: kinds of description, in suites, of models that have no name.
        mutators: operators that make a false hypothesis of a true one, by name.
    """

    name: str = ""
    title: str = ""
    tasks: tuple[str, ...] = ()
    truth_type: type[Truth] = Truth
    certificate_type: type[Certificate] = Certificate
    kinds: tuple[str, ...] = ()

    @property
    def mutators(self) -> Mapping[str, Mutator]:
        """Operators that make a false hypothesis of a true one, by name."""
        return {}

    @property
    def models(self) -> Mapping[str, NamedModel]:
        """Models that are made on demand, by name."""
        return {}

    @property
    def described_tasks(self) -> Mapping[str, str]:
        """What each task with a name asks for, in a line."""
        return dict.fromkeys(self.tasks, "")

    def task(self, name: str, options: Mapping[str, Any]) -> Task:
        """Return the task that `task_options` wrote down; raises TaskError with all that is wrong."""
        raise ModelError(f"no task {name!r}; the family {self.name!r} has {', '.join(self.tasks) or 'none'}")

    def task_call(self, name: str) -> str:
        """Return how a task of the family is made in Python, for messages."""
        return f"scrubkit.registry.family({self.name!r}).task({name!r}, options)"

    def task_options(self, task: Task) -> dict[str, Any]:
        """Return what a task of the family is made from, beside its name, as JSON values."""
        return {}

    def hypotheses(self, model: Model) -> Mapping[str, nx.DiGraph]:
        """Return hypotheses that are true of a model if its truth is, by name."""
        return {}

    @property
    def suites(self) -> Mapping[str, Callable[..., Any]]:
        """Suites that are made in a way of their own, by name.

        Each takes the seed, and by keyword ``folder`` for what is found of each model, ``jobs`` and
        ``progress``; see `scrubkit.bench.suites.make`.
        """
        return {}

    def build(self, kind: str, options: Mapping[str, Any], folder: Path) -> Model:
        """Return the model of a description of one of the family's kinds; slow ones are kept in a folder."""
        raise ModelError(f"the family {self.name!r} has no models of kind {kind!r}")

    def another(
        self, kind: str, options: Mapping[str, Any], rng: np.random.Generator
    ) -> tuple[str, Mapping[str, Any]] | None:
        """Return the description of another model of the same inputs and shape, as of another seed.

        Args:
            kind: of the description of a model of the family; "load" for one that has a name.
            options: of the same.
            rng: decides the other one.

        Returns:
            Kind and options, None where there is none. The model may turn out not to be possible.
        """
        return None

    def source_label(self, kind: str, options: Mapping[str, Any], model: Model, hypothesis: Any) -> Any:
        """Return the label of a hypothesis by what a model was made from, looking at no weight.

        Args:
            kind: of the description of the model.
            options: of the same.
            model: the model, with its truth.
            hypothesis: a `scrubkit.Hypothesis` about it.

        Returns:
            A `scrubkit.bench.case.Label`; None where the source says nothing of it.
        """
        return None

    def option_faults(self, kind: str, options: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with a description; it may come from a stranger, and ask for far too much."""
        return []

    def certify(self, model: Model) -> Model:
        """Return a model with its certificate and, where it is certified, its measured truth."""
        raise ModelError(f"the family {self.name!r} has no certificates", title=model.name)

    def retell(self, text: str, task: str) -> str:
        """Return a hypothesis file about one of the family's tasks as one about another.

        Args:
            text: the file, Python code.
            task: name of the task.

        Raises:
            HypothesisError: it cannot be told of that task; says why.
        """
        if f'"{task}"' in text or not re.search(r'task="', text):
            return text
        raise HypothesisError(f"it is about another task, and what it says has no form for {task}")

    def progress_measures(self, model: Model, final: Model) -> tuple[Measurement, ...]:
        """Return figures of a model along a training run that show how far it is from the run's last one.

        Args:
            model: a model along the run.
            final: the run's last model, with its truth.
        """
        return ()

    def phases(self, steps: Sequence[int], figures: Mapping[str, Sequence[float]]) -> tuple[Phase, ...]:
        """Return the phases that a run went through, in their order, each beginning where the last one ends.

        Args:
            steps: steps at which there are figures.
            figures: figures at each step by name: ``train_loss``, ``test_loss`` and the progress measures.
        """
        return ()

    def faults(
        self, config: ModelConfig, task: Task, truth: Truth | None, certificate: Certificate | None
    ) -> list[str]:
        """Return what a record says that no model of this shape on this task can have.

        A record may come from a stranger, and its truth gives names in sites their meaning.
        """
        return []

    def read_file(self, path: Path) -> Model | None:
        """Return the model in another project's file; None where the family reads none of its kind.

        Raises:
            ModelError: the file is of a kind that the family reads, and is not whole or cannot be held.
        """
        return None
