"""A model: weights of the 1-layer transformer on a task, and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

from scrubkit.core.task import Task
from scrubkit.errors import ModelError
from scrubkit.models.record import Certificate, ModelConfig, Provenance, Truth
from scrubkit.models.weights import Weights, run

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge


@dataclass(frozen=True, repr=False)
class Model:
    """Weights on a task with their provenance, truth and certificate.

    Attributes:
        name: what reports call the model.
        task: the task it was made for.
        config: its shape.
        weights: its parameters, float32.
        provenance: where they come from.
        truth: what is known of its algorithm, None while nothing is.
        certificate: measurements of these weights, None while there are none.
    """

    name: str
    task: Task
    config: ModelConfig
    weights: Weights
    provenance: Provenance
    truth: Truth | None = None
    certificate: Certificate | None = None

    def __repr__(self) -> str:
        known = (
            "no truth"
            if self.truth is None
            else f"{self.truth.variant}, frequencies {self.truth.frequencies}"
        )
        return f"Model({self.name!r}, {self.task.name} mod {self.task.p}, {known}, {self.weights_hash[:12]})"

    @cached_property
    def weights_hash(self) -> str:
        """SHA-256 of the weights: the identity under which results are kept."""
        return self.weights.digest()

    @cached_property
    def bridge(self) -> TransformerBridge:
        """The model as a TransformerLens `TransformerBridge`, built at first use."""
        from scrubkit.models.bridge import build_bridge

        return build_bridge(self.weights, self.config)

    @cached_property
    def tokens(self) -> Int[Tensor, "input pos"]:
        """All inputs of the task as token rows."""
        return torch.from_numpy(self.task.tokens)

    @cached_property
    def labels(self) -> Int[Tensor, " input"]:
        """The right class of each input."""
        return torch.from_numpy(self.task.labels)

    @torch.no_grad()
    def logits(self) -> Float[Tensor, "input class"]:
        """Return the logits of all inputs in float64."""
        return run(self.weights.to(torch.float64), self.tokens)["logits"]

    def with_(self, **changes: object) -> Model:
        """Return a copy with some fields replaced."""
        return replace(self, **changes)  # pyright: ignore[reportArgumentType]


def require_model(found: object) -> None:
    """Refuse what is no model; raises ModelError."""
    if not isinstance(found, Model):
        raise ModelError(f"expected a scrubkit.Model, found {type(found).__name__}; scrubkit.load gives one")
