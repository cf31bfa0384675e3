"""The family of modular arithmetic, as the rest of the package sees it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from scrubkit.core.task import Task
from scrubkit.errors import TaskError
from scrubkit.families.modular.catalogue import CATALOGUE
from scrubkit.families.modular.sound import certificate_faults, task_faults, truth_faults
from scrubkit.families.modular.task import TASKS, ModularTask
from scrubkit.families.modular.truth import ModularCertificate, ModularTruth
from scrubkit.models.config import ModelConfig
from scrubkit.models.family import Family, Mutator, NamedModel
from scrubkit.models.model import Model
from scrubkit.models.phases import Phase
from scrubkit.models.record import Certificate, Measurement, Truth


class ModularFamily(Family):
    """One transformer block that adds in a cyclic group, by clock or by pizza."""

    name = "modular"
    title = "modular arithmetic"
    tasks = tuple(TASKS)
    truth_type = ModularTruth
    certificate_type = ModularCertificate
    kinds = ("compile", "train", "checkpoint", "arranged", "permuted")

    @property
    def models(self) -> Mapping[str, NamedModel]:
        """The compiled models that have a name."""
        return {name: _named(name, request) for name, request in CATALOGUE.items()}

    @property
    def described_tasks(self) -> Mapping[str, str]:
        """The label of each task."""
        from scrubkit.families.modular.compile.circles import SUMS

        return {name: f"tokens a, b, =; the answer is {SUMS.get(name, '')}" for name in TASKS}

    def task(self, name: str, options: Mapping[str, Any]) -> Task:
        """Return a task from its modulus, and whether its rows end in "="."""
        unknown = options.keys() - {"p", "equals"}
        faults = [f"unknown option {key!r:.80}; a task has p and equals" for key in sorted(unknown)]
        faults += [] if "p" in options else ["p: not given"]
        equals = options.get("equals", True)
        faults += [] if isinstance(equals, bool) else [f"equals must be true or false, found {equals!r:.80}"]
        if faults:
            raise TaskError(faults, title=name)
        return ModularTask(name, options["p"], equals)

    def task_call(self, name: str) -> str:
        """Return how a task is made in Python, for messages."""
        return f"scrubkit.{name.title().replace('_', '')}(p)"

    def task_options(self, task: Task) -> dict[str, Any]:
        """Return the modulus, and whether rows end in "="."""
        assert isinstance(task, ModularTask)
        return {"p": task.p, "equals": task.equals}

    @property
    def mutators(self) -> Mapping[str, Mutator]:
        """Operators that make a false hypothesis of a true one, by name."""
        from scrubkit.families.modular.suites.mutators import MUTATORS

        return {name: partial(_mutate, name) for name in MUTATORS}

    def hypotheses(self, model: Model) -> Mapping[str, nx.DiGraph]:
        """Return what is true of a model if its truth is, told at different sites."""
        from scrubkit.families.modular.suites.hypotheses import true_hypotheses
        from scrubkit.families.modular.suites.known import Known

        return true_hypotheses(Known.of(model)) if isinstance(model.truth, ModularTruth) else {}

    @property
    def suites(self) -> Mapping[str, Callable[..., Any]]:
        """The published suites."""
        from scrubkit.families.modular.suites import make, twinned

        older = {name: partial(make.make, name) for name in make.DEFINITIONS}
        return {**{name: partial(twinned.make, name) for name in twinned.DEFINITIONS}, **older}

    def build(self, kind: str, options: Mapping[str, Any], folder: Path) -> Model:
        """Return a model that is compiled, trained, or taken along a training run."""
        from scrubkit.bench.case import ModelSpec
        from scrubkit.families.modular.suites.models import build

        return build(ModelSpec(kind=kind, options=dict(options)), folder)

    def another(
        self, kind: str, options: Mapping[str, Any], rng: np.random.Generator
    ) -> tuple[str, Mapping[str, Any]] | None:
        """Return the description of a model at other frequencies, or of another training."""
        if kind == "load":
            names = {"modadd-p59": "modadd-p59-b", "modadd-p59-b": "modadd-p59"}
            return ("load", {"name": names[options["name"]]}) if options["name"] in names else None
        seed = int(rng.integers(2**31))
        if kind == "arranged":
            return kind, {**options, "base": seed}
        if kind == "permuted":
            of = options["of"]
            found = self.another(of["kind"], of["options"], rng)
            return found and (kind, {**options, "of": {"kind": found[0], "options": dict(found[1])}})
        if kind != "compile":
            return kind, {**options, "seed": seed}
        taken = {*options["frequencies"], *options.get("distractors", {}).get("dead_frequencies", ())}
        free = [k for k in range(1, (options["p"] - 1) // 2 + 1) if k not in taken]
        count = len(options["frequencies"])
        if len(free) < count:
            return None
        drawn = sorted(int(k) for k in rng.choice(free, size=count, replace=False))
        return kind, {**options, "frequencies": drawn, **({"seed": seed} if "seed" in options else {})}

    def option_faults(self, kind: str, options: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with a description, or that its model would take gigabytes."""
        from scrubkit.families.modular.suites.spec_check import option_faults

        return option_faults(kind, options)

    def certify(self, model: Model) -> Model:
        """Return a model with its certificate and, where it is certified, its measured truth."""
        from scrubkit.families.modular.certify.certificate import with_certificate

        return with_certificate(model)

    def retell(self, text: str, task: str) -> str:
        """Return a hypothesis file about addition as one about another modular task."""
        from scrubkit.families.modular.retell import retell

        return retell(text, task)

    def progress_measures(self, model: Model, final: Model) -> tuple[Measurement, ...]:
        """Return restricted and excluded loss and their kin, with the frequencies of the run's last model."""
        from scrubkit.families.modular.progress.measures import progress_measures

        assert isinstance(final.truth, ModularTruth)
        return progress_measures(model, final.truth.frequencies)

    def phases(self, steps: Sequence[int], figures: Mapping[str, Sequence[float]]) -> tuple[Phase, ...]:
        """Return memorisation, circuit formation and clean-up, with the signs published of each."""
        from scrubkit.families.modular.progress.phases import find_phases

        return find_phases(steps, figures)

    def faults(
        self, config: ModelConfig, task: Task, truth: Truth | None, certificate: Certificate | None
    ) -> list[str]:
        """Return what a record says that no model of this shape on this task can have."""
        assert isinstance(task, ModularTask)
        faults = task_faults(config, task)
        if isinstance(truth, ModularTruth):
            faults += truth_faults(truth, config, task)
        if isinstance(certificate, ModularCertificate):
            faults += certificate_faults(certificate, config, task)
        return faults

    def read_file(self, path: Path) -> Model | None:
        """Return the model in a checkpoint of Nanda et al., of the pizza repository or of TransformerLens."""
        from scrubkit.families.modular.published.read import read_published

        return read_published(path)


def _mutate(name: str, graph: nx.DiGraph, model: Model, rng: np.random.Generator) -> nx.DiGraph | None:
    from scrubkit.families.modular.suites.known import Known
    from scrubkit.families.modular.suites.mutators import MUTATORS

    return MUTATORS[name](graph, Known.of(model), rng)


def _named(name: str, request: Mapping[str, Any]) -> NamedModel:
    return NamedModel(
        build=partial(_build, name),
        key=partial(compiled_key, name),
        task=f"{request.get('task', 'modular_addition').removeprefix('modular_')} mod {request['p']}",
        known=f"{request['variant']} at {', '.join(map(str, request['frequencies']))}",
    )


def _build(name: str) -> Model:
    from scrubkit.families.modular import compile as compiler

    return compiler.compile_model(**CATALOGUE[name]).with_(name=name)


def compiled_key(name: str) -> str:
    """Return the SHA-256 of a compiled model's request and of the code that compiles it."""
    from scrubkit.families.modular import compile as compiler

    request = compiler.CompileRequest(**CATALOGUE[name])
    digest = hashlib.sha256(f"{name} {request.digest}".encode())
    for source in sorted(Path(compiler.__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


FAMILY = ModularFamily()
"""The one instance, which the registry names."""
