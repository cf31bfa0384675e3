"""Non-linear alignment maps: an invertible network turns the site until some of its axes hold the variable.

Sutter, Minder, Hofmann and Pimentel 2025, "The Non-Linear Representation Dilemma: Is Causal Abstraction
Enough for Mechanistic Interpretability?", arXiv:2507.08802. The map is a reversible
residual network (Gomez et al. 2017, arXiv:1707.04585), and half of its axes are exchanged. Any algorithm can
be aligned so with any network that keeps its inputs apart: the paper reaches 100 % interchange accuracy on
language models that were never trained. The method is here to be caught: look at its figure on random weights
before its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from scrubkit import Budget, Hypothesis, Model, Task
from scrubkit.methods.alignment import Place, Search, Values
from scrubkit.methods.protocol import Alignment

PAIRS = 4096
STEPS, RATE = 200, 0.01
BLOCKS, HIDDEN = 2, 64
AXES = 24
"""Axes of the site that are turned at most, the strongest."""


class Reversible:
    """A reversible residual network on the axes in which a site varies, each scaled to unit variance.

    Args:
        place: the site.
        generator: its first weights.
    """

    def __init__(self, place: Place, generator: torch.Generator) -> None:
        axes = place.axes[:, :AXES]
        if axes.shape[1] == 1:
            # One axis cannot be split in two halves; a second one, along which nothing varies, can be added.
            axes = torch.cat([axes, torch.zeros_like(axes)], dim=1)
        values = (place.read(torch.arange(min(place.bound.n_inputs, 4096))) - place.mean) @ axes
        self.axes, self.scale = axes, values.std(dim=0).clamp(min=1e-6)
        self.half = axes.shape[1] // 2
        self.parameters: list[Tensor] = []
        sizes = (axes.shape[1] - self.half, self.half)
        for _ in range(BLOCKS):
            for into, out in (sizes, sizes[::-1]):
                first = torch.randn(into, HIDDEN, generator=generator) / math.sqrt(into)
                second = torch.randn(HIDDEN, out, generator=generator) / math.sqrt(HIDDEN) / 10
                bias = torch.randn(HIDDEN, generator=generator) / 2
                self.parameters += [w.to(axes).requires_grad_() for w in (first, bias, second)]

    def _step(self, i: int, values: Tensor) -> Tensor:
        first, bias, second = self.parameters[3 * i : 3 * i + 3]
        return torch.relu(values @ first + bias) @ second

    def forward(self, coordinates: Tensor) -> tuple[Tensor, Tensor]:
        """Return the two halves of the aligned axes."""
        one, two = coordinates[:, : self.half], coordinates[:, self.half :]
        for i in range(0, 2 * BLOCKS, 2):
            one = one + self._step(i, two)
            two = two + self._step(i + 1, one)
        return one, two

    def backward(self, one: Tensor, two: Tensor) -> Tensor:
        """Return the coordinates that have these aligned halves."""
        for i in reversed(range(0, 2 * BLOCKS, 2)):
            two = two - self._step(i + 1, one)
            one = one - self._step(i, two)
        return torch.cat([one, two], dim=1)

    def __call__(self, base: Values, source: Values, progress: float = 1.0) -> Values:
        """Return the value whose first half of aligned axes is the source's and whose second the base's."""
        start = (base @ self.axes) / self.scale
        given = (source @ self.axes) / self.scale
        moved = self.backward(self.forward(given)[0], self.forward(start)[1])
        return base + ((moved - start) * self.scale) @ self.axes.T


@dataclass(frozen=True)
class NonlinearAlignment:
    """A trained reversible network, half of whose axes are exchanged.

    Attributes:
        device: where models are run.
        steps: batches of the training at most.
    """

    device: str = "cpu"
    steps: int = STEPS
    name = "nonlinear-alignment"

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
        """Train the network."""
        search = Search.of(
            model, hypothesis, variable, task=task, generator=generator, device=self.device, size=PAIRS
        )
        found = Reversible(search.place, generator)
        search.train(found, steps=self.steps, rate=RATE, generator=generator)
        return Alignment(torch.no_grad()(found), rank=found.half, evaluations=search.bound.evaluations)
