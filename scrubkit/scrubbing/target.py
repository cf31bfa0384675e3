"""What can be scored, made ready: one of our models, any TransformerBridge, or a graph of functions."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import torch
from torch import Tensor

from scrubkit.core.task import Task
from scrubkit.errors import ScrubError
from scrubkit.models.config import ModelConfig
from scrubkit.models.model import Model
from scrubkit.models.record import Provenance
from scrubkit.models.weights import random_weights
from scrubkit.scrubbing.evaluate import scrub_rows
from scrubkit.scrubbing.figures import Levels
from scrubkit.scrubbing.passes import Measure, Outputs
from scrubkit.scrubbing.plan import Plan
from scrubkit.subjects.subject import Subject

Engine = str
"""How outputs are computed: "tables", "hooks" or "functions"."""
KEPT = 3
"""How many models' tables are kept."""
_kept: dict[Any, Target] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class Target:
    """A subject with the figures that its outputs are judged by.

    Attributes:
        name: what reports call it.
        hash: identity of what is scored: of weights, or of a graph's values.
        engine: how outputs are computed, for the record.
        dtype: of the activations, for the record.
        device: where outputs are computed.
        subject: what is scrubbed.
        make_measure: makes what turns outputs into figures, at first use.
        outputs: turns a plan into the function from draws to outputs.
        folded: the same, of logits that need not be added up to be measured; None where there are none.
        model: the model, where it is one of ours.
        truth: what is known of it.
    """

    name: str
    hash: str
    engine: Engine
    dtype: str
    device: torch.device
    subject: Any
    make_measure: Callable[[], Any]
    outputs: Callable[[Plan], Outputs]
    model: Model | None = None
    truth: Any = None
    folded: Callable[[Plan], Outputs] | None = None

    @cached_property
    def measure(self) -> Any:
        """What turns outputs into figures."""
        return self.make_measure()

    @cached_property
    def truth_graph(self) -> Any:
        """The graph of what is known of the model; None where nothing is."""
        from scrubkit.scrubbing.truth_graph import truth_graph

        return None if self.model is None else truth_graph(self.subject)

    def on_cpu(self) -> tuple[Subject, Measure]:
        """Return subject and figures where enumerations run."""
        if self.device.type == "cpu":
            return self.subject, self.measure
        if self.model is not None:
            dtype = getattr(torch, self.dtype)
            moved = of_model(self.model, torch.device("cpu"), dtype)
            return moved.subject, moved.measure
        raise ScrubError("exact enumeration runs on the CPU; move the bridge there", title=self.name)


def target_of(
    found: Any,
    *,
    task: Task | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    name: str = "",
) -> Target:
    """Return what can be scored of a model, a bridge or a graph of functions.

    Args:
        found: a `scrubkit.Model`, a TransformerLens `TransformerBridge`, or a `scrubkit.FunctionGraph`.
        task: the inputs, needed for a bridge; our models have their own.
        device: where a model's activations live; a bridge stays where it is.
        dtype: of a model's activations; a bridge keeps its own.
        name: what reports call it.

    Raises:
        ScrubError: it is none of these, or a task is missing or one too many.
    """
    from scrubkit.subjects.function_graph import FunctionGraph

    if isinstance(found, Target):
        return found
    if isinstance(found, Model):
        if task is not None and task != found.task:
            raise ScrubError(
                f"the model is of the task {found.task} and no other; leave task out", title=found.name
            )
        return _of_kept_model(found, torch.device(device), dtype)
    if isinstance(found, FunctionGraph):
        return of_graph(found, name)
    if hasattr(found, "run_with_hooks") and hasattr(found, "cfg"):
        if not isinstance(task, Task):
            raise ScrubError("a bridge needs task=, a scrubkit.Task with the inputs to score it on")
        return of_bridge(found, task, name=name or "bridge")
    raise ScrubError(
        f"expected a scrubkit.Model, a TransformerBridge or a scrubkit.FunctionGraph, found "
        f"{type(found).__name__}; scrubkit.load gives a model"
    )


def _of_kept_model(model: Model, device: torch.device, dtype: torch.dtype) -> Target:
    """Return a model's target; those of the last few models are kept, with their tables."""
    key = (model.weights.digest(model.config.behaviour), model.task.hash, str(device), dtype)
    with _lock:
        kept = _kept.pop(key, None)
        if kept is None or (kept.name, kept.truth) != (model.name, model.truth):
            kept = of_model(model, device, dtype)
        _kept[key] = kept
        while len(_kept) > KEPT:
            del _kept[next(iter(_kept))]
    return kept


def of_model(model: Model, device: torch.device, dtype: torch.dtype = torch.float32) -> Target:
    """Return one of our models, run from tables of clean activations."""
    from scrubkit.scrubbing.program import Program
    from scrubkit.subjects.network import NetworkSubject

    subject = NetworkSubject(model, device, dtype)
    return Target(
        name=model.name,
        hash=model.weights_hash,
        engine="tables",
        dtype=str(dtype).removeprefix("torch."),
        device=device,
        subject=subject,
        make_measure=lambda: levels_of(subject, NetworkSubject(model, device, torch.float64)),
        outputs=lambda plan: Program(subject, plan).outputs,
        folded=lambda plan: Program(subject, plan).folded,
        model=model,
        truth=model.truth,
    )


@lru_cache(maxsize=2)
def random_twin(config: ModelConfig, task: Task, device: str, seed: int) -> Target:
    """Return a model with random weights, made ready.

    Args:
        config: its shape.
        task: its task.
        device: where its activations live.
        seed: decides its weights.
    """
    weights = random_weights(config, torch.Generator().manual_seed(seed))
    model = Model("untrained", task, config, weights, Provenance(kind="trained"))
    return of_model(model, torch.device(device))


def levels_of(subject: Any, reference: Any) -> Levels:
    """Return the levels of a transformer, its own logits taken from a reference in float64."""
    task, architecture = subject.inputs, subject.architecture
    labels = task.labels
    return Levels(
        lambda rows: reference.clean(reference.output, rows.to(reference.device)).double(),
        labels,
        task.n_inputs,
        (len(architecture.answer), architecture.d_vocab_out),
        weights=task.weights,
        device=subject.device,
    )


def of_bridge(bridge: Any, task: Task, *, truth: Any = None, name: str = "bridge") -> Target:
    """Return a bridge, run through its hooks."""
    from scrubkit.subjects.bridge import BridgeSubject

    subject = BridgeSubject(bridge, task, truth=truth, title=f"model {name}")
    return Target(
        name=name,
        hash=hash_tensors(bridge.state_dict()),
        engine="hooks",
        dtype=str(subject.dtype).removeprefix("torch."),
        device=subject.device,
        subject=subject,
        make_measure=lambda: levels_of(subject, subject),
        outputs=lambda plan: lambda draws: scrub_rows(subject, plan, draws),
        truth=truth,
    )


def of_graph(graph: Any, name: str = "") -> Target:
    """Return a graph of functions, judged by its output's own values and by its label where it has one."""
    from scrubkit.scrubbing.graph_figures import GraphFigures

    return Target(
        name=name or graph.title,
        hash=graph.hash,
        engine="functions",
        dtype="float64",
        device=torch.device("cpu"),
        subject=graph,
        make_measure=lambda: GraphFigures(graph),
        outputs=lambda plan: lambda draws: scrub_rows(graph, plan, draws),
    )


def hash_tensors(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of named tensors, as float32."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name]
        if isinstance(value, Tensor):
            array = value.detach().to("cpu", torch.float32).contiguous().numpy()
            digest.update(f"{name}{array.shape}".encode() + array.tobytes())
    return digest.hexdigest()
