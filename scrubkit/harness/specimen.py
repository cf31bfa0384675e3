"""The model that a method works on: watched for changes, and replaced by a clean one when it was changed."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from scrubkit.harness.questions import bare
from scrubkit.models.model import Model


class Specimen:
    """A bare model with a pristine copy of it.

    Attributes:
        model: what the method is given.
    """

    def __init__(self, pristine: Model) -> None:
        self.pristine = pristine
        self.model = bare(pristine)

    def renew(self) -> None:
        """Replace the model by a clean one."""
        self.model = bare(self.pristine)

    def changes(self) -> list[str]:
        """Return what is no longer as it was handed out, in words."""
        return [*self._in_weights(), *self._in_inputs(), *self._in_bridge()]

    def _in_weights(self) -> Iterator[str]:
        given = self.model.weights.named()
        for name, value in self.pristine.weights.named().items():
            if given[name].device != value.device or not torch.equal(given[name], value):
                yield f"weights.{name}"

    def _in_inputs(self) -> Iterator[str]:
        mine, clean = self.model.__dict__, self.pristine
        if "tokens" in mine and not torch.equal(mine["tokens"], clean.tokens):
            yield "tokens"
        if "labels" in mine and not torch.equal(mine["labels"], clean.labels):
            yield "labels"
        if not (self.model.task.tokens == clean.task.tokens).all():
            yield "task.tokens"

    def _in_bridge(self) -> Iterator[str]:
        if "bridge" not in self.model.__dict__:
            return
        from scrubkit.models.bridge import to_bridge_state

        bridge = self.model.bridge
        state = bridge.state_dict()
        for name, value in to_bridge_state(self.pristine.weights).items():
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
