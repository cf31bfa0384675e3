"""A model: weights of a transformer on a task, and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from scrubkit.core.task import Task
from scrubkit.errors import ModelError
from scrubkit.models.config import ModelConfig
from scrubkit.models.forward import logits
from scrubkit.models.record import Certificate, Provenance, Truth
from scrubkit.models.weights import Weights, random_weights
from scrubkit.shown import Shown, drawn, table

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

    from scrubkit.hypothesis.drawing import Drawing


@dataclass(frozen=True, repr=False)
class Model(Shown):
    """Weights on a task with their provenance, truth and certificate.

    Attributes:
        name: what reports call the model.
        task: the task it was made for.
        config: its shape.
        weights: its parameters, float32.
        provenance: where they come from.
        truth: what is known of its algorithm, a `Truth` of its family; None while nothing is.
        certificate: measurements of these weights, None while there are none.
    """

    name: str
    task: Task
    config: ModelConfig
    weights: Weights
    provenance: Provenance
    truth: Any = None
    certificate: Certificate | None = None

    @classmethod
    def from_bridge(
        cls, bridge: TransformerBridge, task: Task, *, name: str, truth: Truth | None = None
    ) -> Model:
        """Return a model with a copy of the weights of a native bridge, to store it or give it a truth.

        Args:
            bridge: made by TransformerLens's `boot_native`, with learned positions, of any depth.
            task: rows that the bridge takes.
            name: what reports call the model.
            truth: what is known of its algorithm.

        Raises:
            ModelError: the bridge has what a stored model cannot have, or cannot take the task's rows.
        """
        from scrubkit.models.bridge import read_bridge

        config, weights = read_bridge(bridge)
        faults = size_faults(config, task)
        if faults:
            raise ModelError(faults, title=f"model {name!r}")
        provenance = Provenance(kind="imported", recipe={"format": "TransformerBridge"})
        return cls(name, task, config, weights, provenance, truth)

    def __repr__(self) -> str:
        known = "no truth" if self.truth is None else self.truth.summary
        return f"Model({self.name!r}, {self.task}, {known}, {self.weights_hash[:12]})"

    def _repr_html_(self) -> str:
        certificate = None if self.certificate is None else self.certificate.summary
        rows = [
            ("task", f"{self.task}, {self.task.n_inputs:,} inputs"),
            ("made by", self.provenance.kind),
            ("known", "nothing" if self.truth is None else self.truth.summary),
            ("certificate", certificate),
            ("weights", self.weights_hash),
        ]
        return table(f"model {self.name}", [], [row for row in rows if row[1] is not None])

    def draw(self, hypothesis: Any = None, explanation: Any = None) -> Drawing:
        """Return program, truth and hypothesis as graphs side by side, as far as they are known.

        Args:
            hypothesis: a `Hypothesis` about the model.
            explanation: what `scrubkit.explain` found of it, for its colours.
        """
        return drawn(self, hypothesis, explanation)

    @cached_property
    def weights_hash(self) -> str:
        """SHA-256 of the weights and of how they are run: the identity under which results are kept."""
        return self.weights.digest(self.config.behaviour)

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
    def labels(self) -> Int[Tensor, "input ..."]:
        """The right class of each input, at each answer position where there are several.

        Raises:
            ModelError: the task has no labels.
        """
        if self.task.labels is None:
            raise ModelError(f"the task {self.task.name} has no labels", title=self.name)
        return torch.from_numpy(self.task.labels)

    @torch.no_grad()
    def logits(self) -> Float[Tensor, "input ... class"]:
        """Return the logits of all inputs in float64.

        Returns:
            (input, class) where the task has one answer position, (input, answer, class) where several.
        """
        found = logits(self.weights.to(torch.float64), self.config, self.tokens, self.task.answer)
        return found[:, 0] if len(self.task.answer) == 1 else found

    def untrained(self, seed: int = 0) -> Model:
        """Return a control: a model of the same shape and task with random weights.

        Args:
            seed: decides the weights.
        """
        weights = random_weights(self.config, torch.Generator().manual_seed(seed))
        provenance = Provenance(kind="trained", seed=seed, recipe={"steps": 0})
        return Model(f"{self.name}-untrained", self.task, self.config, weights, provenance)

    def with_(self, **changes: object) -> Model:
        """Return a copy with some fields replaced."""
        return replace(self, **changes)  # pyright: ignore[reportArgumentType]


def size_faults(config: ModelConfig, task: Task) -> list[str]:
    """Return why a model of this shape cannot take a task's rows.

    Args:
        config: the shape.
        task: the task.
    """
    return [
        f"config.{field} is {getattr(config, field)}, but the task {task.name} needs {getattr(task, field)}"
        for field in ("d_vocab", "d_vocab_out", "n_ctx")
        if getattr(config, field) < getattr(task, field)
    ]


def require_model(found: object) -> None:
    """Refuse anything but a model; raises ModelError."""
    if not isinstance(found, Model):
        raise ModelError(f"expected a scrubkit.Model, found {type(found).__name__}; scrubkit.load gives one")
