"""Masks that are learned: each unit keeps its value or takes that of a corrupt input, as a random gate says.

The gate is hard concrete: a stretched and clipped sigmoid of logistic noise, so that it is exactly 0 or 1
with some probability and has a gradient all the same. Louizos, Welling and Kingma 2018, "Learning Sparse
Neural Networks through L0 Regularization", arXiv:1712.01312, whose constants these are. What is
minimised is the KL divergence from the clean output and a price for every unit that is kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor

TEMPERATURE, LOW, HIGH = 2 / 3, -0.1, 1.1
START = 2.0
"""First log odds: nearly every unit is kept."""

Gates = Mapping[str, Tensor]
"""For each group of units a gate for each of them, from 0 to 1."""


def sampled(odds: Tensor, generator: torch.Generator) -> Tensor:
    """Return random gates with gradients with respect to their log odds.

    Args:
        odds: log odds of each gate.
        generator: source of the noise, on the CPU.
    """
    u = torch.rand(odds.shape, generator=generator, dtype=torch.float64).clamp(1e-6, 1 - 1e-6)
    noise = (u.log() - (1 - u).log()).to(odds)
    soft = torch.sigmoid((odds + noise) / TEMPERATURE)
    return (soft * (HIGH - LOW) + LOW).clamp(0, 1)


def kept(odds: Tensor) -> Tensor:
    """Return the probability that each gate is not exactly 0."""
    return torch.sigmoid(odds - TEMPERATURE * math.log(-LOW / HIGH))


def learn(
    sizes: Mapping[str, int],
    outputs: Callable[[Gates], Float[Tensor, "pair answer class"]],
    clean: Float[Tensor, "pair answer class"],
    *,
    price: float,
    steps: int,
    rate: float,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """Learn gates that keep the output at the lowest price.

    Args:
        sizes: number of units of each group.
        outputs: runs the model under gates.
        clean: the model's own logits.
        price: what a unit that is kept costs, nats.
        steps: steps of Adam.
        rate: its learning rate.
        generator: source of the noise, on the CPU.

    Returns:
        For each group the log odds of every gate.
    """
    odds = {name: torch.full((size,), START, device=clean.device) for name, size in sizes.items()}
    parameters = [value.requires_grad_() for value in odds.values()]
    optimizer = torch.optim.Adam(parameters, lr=rate, betas=(0.9, 0.95))
    own = clean.double().log_softmax(dim=-1)
    for _ in range(steps):
        with torch.enable_grad():
            gates = {name: sampled(value, generator) for name, value in odds.items()}
            found = outputs(gates).double().log_softmax(dim=-1)
            divergence = (own.exp() * (own - found)).sum(dim=-1).mean()
            paid = torch.stack([kept(value).sum() for value in odds.values()]).sum()
            gradients = torch.autograd.grad(divergence + price * paid, parameters)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        optimizer.step()
    return {name: value.detach() for name, value in odds.items()}
