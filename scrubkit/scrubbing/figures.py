"""Figures of a scrub for each input: what the scrubbed outputs say beside the model's own.

All of them are per input and in float64, since a mean hides cancellation and a loss of 1e-7 is lost in
float32. Reference levels, such as the loss with labels permuted, are expectations taken exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

FIGURES = ("loss", "kl", "agreement", "accuracy", "abs_loss_change", "squared_change")


@dataclass(frozen=True)
class Levels:
    """The model's own outputs on all inputs, and the levels that scores are measured against.

    Attributes:
        logits: the model's logits, float64.
        labels: the right class of each input.
    """

    logits: Float[Tensor, "input class"]
    labels: Int[Tensor, " input"]

    @cached_property
    def log_probs(self) -> Float[Tensor, "input class"]:
        """Log-softmax of the model's logits."""
        return self.logits.log_softmax(dim=-1)

    @cached_property
    def probs(self) -> Float[Tensor, "input class"]:
        """Softmax of the model's logits."""
        return self.log_probs.exp()

    @cached_property
    def centred(self) -> Float[Tensor, "input class"]:
        """Logits less their mean over classes, which no probability depends on."""
        return self.logits - self.logits.mean(dim=-1, keepdim=True)

    @cached_property
    def losses(self) -> Float[Tensor, " input"]:
        """The model's loss on each input, nats."""
        return -self.log_probs.gather(1, self.labels[:, None])[:, 0]

    @cached_property
    def predictions(self) -> Int[Tensor, " input"]:
        """The model's most probable class on each input."""
        return self.logits.argmax(dim=-1)

    @cached_property
    def negative_entropy(self) -> Float[Tensor, " input"]:
        """sum_c P log P on each input, nats."""
        return (self.probs * self.log_probs).sum(dim=-1)

    @cached_property
    def model_loss(self) -> float:
        """The model's mean loss, nats per input."""
        return float(self.losses.mean())

    @cached_property
    def baseline_loss(self) -> float:
        """Expected loss of the model's outputs against independently permuted labels, nats per input."""
        frequency = torch.bincount(self.labels, minlength=self.logits.shape[1]).double() / len(self.labels)
        return float(-(self.log_probs @ frequency.double()).mean())

    @cached_property
    def permuted_kl(self) -> float:
        """Mean KL(output on x || output on an independent x'), nats per input."""
        cross = self.probs.mean(dim=0) @ self.log_probs.mean(dim=0)
        return float(self.negative_entropy.mean() - cross)

    @cached_property
    def permuted_change(self) -> float:
        """Mean squared distance of the centred logits of two independent inputs: twice their variance."""
        spread = self.centred - self.centred.mean(dim=0)
        return float(2 * spread.square().sum(dim=-1).mean())

    def to(self, device: torch.device | str) -> Levels:
        """Return a copy on another device."""
        return Levels(self.logits.to(device), self.labels.to(device))


def figures_of(
    outputs: Float[Tensor, "item class"], rows: Int[Tensor, " item"], levels: Levels
) -> dict[str, Float[Tensor, " item"]]:
    """Return every figure of `FIGURES` for each scrubbed output.

    Args:
        outputs: scrubbed logits.
        rows: the reference input of each item.
        levels: the model's own outputs.

    Returns:
        ``loss`` nats; ``kl`` = KL(model || scrubbed) nats; ``agreement`` with the model's argmax and
        ``accuracy`` against the label, 0 or 1; ``abs_loss_change`` nats; ``squared_change`` of the centred
        logits.
    """
    z = outputs.double()
    probs, labels = levels.probs[rows], levels.labels[rows]
    normaliser = z.logsumexp(dim=-1)
    loss = normaliser - z.gather(1, labels[:, None])[:, 0]
    kl = levels.negative_entropy[rows] - (probs * z).sum(dim=-1) + normaliser
    change = z - levels.logits[rows]
    prediction = z.argmax(dim=-1)
    return {
        "loss": loss,
        "kl": kl,
        "agreement": (prediction == levels.predictions[rows]).double(),
        "accuracy": (prediction == labels).double(),
        "abs_loss_change": (loss - levels.losses[rows]).abs(),
        "squared_change": change.square().sum(dim=-1) - change.sum(dim=-1).square() / change.shape[1],
    }
