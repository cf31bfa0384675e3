"""What a method works on: watched for changes, and replaced by a clean one when it was changed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from scrubkit.harness.questions import Given, bare
from scrubkit.models.model import Model
from scrubkit.subjects.function_graph import FunctionGraph


class Specimen:
    """A bare model, or a graph of functions, with a pristine copy of it.

    Attributes:
        model: what the method is given.
    """

    def __init__(self, pristine: Given) -> None:
        self.pristine = pristine
        self.model = bare(pristine)

    def renew(self) -> None:
        """Replace the model by a clean one."""
        self.model = bare(self.pristine)

    def changes(self) -> list[str]:
        """Return what is no longer as it was handed out, in words."""
        given, clean = self.model, self.pristine
        if isinstance(given, FunctionGraph) or isinstance(clean, FunctionGraph):
            assert isinstance(given, FunctionGraph) and isinstance(clean, FunctionGraph)
            return list(_in_graph(given, clean))
        return [*_in_weights(given, clean), *_in_inputs(given, clean), *_in_bridge(given, clean)]


def _in_weights(given: Model, clean: Model) -> Iterator[str]:
    found = given.weights.named()
    for name, value in clean.weights.named().items():
        if found[name].device != value.device or not torch.equal(found[name], value):
            yield f"weights.{name}"


def _in_inputs(given: Model, clean: Model) -> Iterator[str]:
    mine = given.__dict__
    if "tokens" in mine and not torch.equal(mine["tokens"], clean.tokens):
        yield "tokens"
    if "labels" in mine and not torch.equal(mine["labels"], clean.labels):
        yield "labels"
    if not (given.task.tokens == clean.task.tokens).all():
        yield "task.tokens"


def _in_bridge(given: Model, clean: Model) -> Iterator[str]:
    if "bridge" not in given.__dict__:
        return
    from scrubkit.models.bridge import to_bridge_state

    bridge = given.bridge
    state = bridge.state_dict()
    for name, value in to_bridge_state(clean.weights).items():
        found = state.get(name)
        if found is None or found.device != value.device or not torch.equal(found, value):
            yield f"bridge {name}"
    for name, module in bridge.named_modules():
        # TransformerLens leaves pre-hooks of its own on a native bridge that was run.
        before = [
            hook
            for hook in module._forward_pre_hooks.values()
            if not str(getattr(hook, "__module__", "")).startswith("transformer_lens")
        ]
        if module._forward_hooks or module._backward_hooks or before:
            yield f"a hook left on {name}"
    if bridge.training:
        yield "bridge in training mode"


def _in_graph(given: FunctionGraph, clean: FunctionGraph) -> Iterator[str]:
    for name, value in clean.inputs.items():
        if name not in given.inputs or not torch.equal(given.inputs[name], value):
            yield f"inputs.{name}"
    if not _same(given.weights, clean.weights):
        yield "weights"
    if list(given.graph.edges) != list(clean.graph.edges):
        yield "graph.edges"
    for name, attributes in clean.graph.nodes.items():
        if given.graph.nodes.get(name, {}).get("fn") is not attributes.get("fn"):
            yield f"the function of {name}"
    if given.label != clean.label or given.loss is not clean.loss:
        yield "label and loss"


def _same(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    return one is other if one is None or other is None else np.array_equal(one, other)
