"""Boundless DAS: the search learns how many dimensions a variable takes, too.

Wu, Geiger, Icard, Potts and Goodman 2023, "Interpretability at Scale: Identifying Causal Mechanisms in
Alpaca", arXiv:2305.08809: the whole site is rotated, and of the rotated axes those below a
boundary are exchanged. The boundary is soft, a sigmoid whose temperature falls while rotation and boundary
are trained, and is rounded at the end. The paper's temperature falls from 50 to 0.1 axes; here it starts at a
quarter of the width. The rotation starts from the axes in which the site varies, those that the means of the
variable's values span first.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from scrubkit import Budget, Hypothesis, Model, Task
from scrubkit.methods.alignment import Search, Values
from scrubkit.methods.das import along
from scrubkit.methods.protocol import Alignment

PAIRS = 1024
STEPS, RATE = 60, 0.02
COLDEST = 0.1
"""Last temperature, in axes."""
START = 0.5
"""Where the boundary starts, as a share of the axes: Wu et al. start with half."""


class SoftBoundary:
    """The exchange of rotated axes below a soft boundary.

    Args:
        axes: directions in which the site varies, (width, axis); nothing else differs between inputs.
    """

    def __init__(self, axes: Tensor) -> None:
        self.axes = axes
        n = axes.shape[1]
        self.turn = torch.eye(n, dtype=axes.dtype, device=axes.device).requires_grad_()
        self.boundary = torch.full((), START, dtype=axes.dtype, device=axes.device).requires_grad_()
        self.parameters = [self.turn, self.boundary]

    def mask(self, progress: float) -> Tensor:
        """Return how far each axis is exchanged, from 0 to 1."""
        n = len(self.turn)
        warmest = max(n / 4, COLDEST)
        temperature = warmest * (COLDEST / warmest) ** progress
        places = torch.arange(n, dtype=self.turn.dtype, device=self.turn.device) + 0.5
        return torch.sigmoid((self.boundary * n - places) / temperature)

    def rotated(self) -> Tensor:
        """Return the rotated axes, (width, axis)."""
        return self.axes @ torch.linalg.qr(self.turn).Q

    def __call__(self, base: Values, source: Values, progress: float) -> Values:
        """Return the value that is set."""
        axes = self.rotated()
        return base + (((source - base) @ axes) * self.mask(progress)) @ axes.T


@dataclass(frozen=True)
class BoundlessSearch:
    """A trained rotation of the site, and the axes below a trained boundary.

    Attributes:
        device: where models are run.
    """

    device: str = "cpu"
    name = "boundless-das"

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
        """Train rotation and boundary, and round the boundary."""
        search = Search.of(
            model, hypothesis, variable, task=task, generator=generator, device=self.device, size=PAIRS
        )
        found = SoftBoundary(_led_by(search.place.needed, search.place.axes))
        search.train(found, steps=STEPS, rate=RATE, generator=generator, to_the_end=True)
        rank = min(max(round(float(found.boundary.detach()) * len(found.turn)), 0), len(found.turn))
        return along(found.rotated().detach()[:, :rank], search.bound.evaluations)


def _led_by(first: Tensor, axes: Tensor) -> Tensor:
    """Return orthonormal axes of the same span whose first ones span what `first` does."""
    inside = (axes.T @ first).double()
    every = torch.eye(len(inside), dtype=torch.float64, device=axes.device)
    return axes @ torch.linalg.qr(torch.cat([inside, every], dim=1)).Q.to(axes.dtype)
