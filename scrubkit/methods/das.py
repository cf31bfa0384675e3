"""Distributed alignment search: is there a subspace of a site that holds a variable?

Geiger, Wu, Potts, Icard and Goodman 2024, "Finding Alignments Between Interpretable Causal Variables and
Distributed Neural Representations", arXiv:2303.02536: an orthonormal basis of the site is trained
so that interchanging the coordinates along it has the effects that the causal model predicts. The paper takes
the rank as given and starts anywhere. Here the rank is the one that the site needs, the number of directions
in which the means of the variable's values differ, and the search starts from those directions: a whole
embedding of p tokens needs p - 1.

With subspaces free to choose it finds effects that the model does not use: Makelov, Lange and Nanda 2023,
arXiv:2311.17030.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from scrubkit import Budget, Hypothesis, Model, Task
from scrubkit.methods.alignment import Search, Values
from scrubkit.methods.protocol import Alignment

PAIRS = 1024
STEPS, RATE = 50, 0.02


class Subspace:
    """The exchange of the coordinates in a subspace: base + (source - base) B B^T, B orthonormal."""

    def __init__(self, start: Tensor) -> None:
        self.parameters = [start.clone().requires_grad_()]

    @property
    def basis(self) -> Tensor:
        """The orthonormal basis, (width, rank)."""
        return torch.linalg.qr(self.parameters[0]).Q

    def __call__(self, base: Values, source: Values, progress: float = 1.0) -> Values:
        """Return the value that is set."""
        return exchanged(base, source, self.basis)


def exchanged(base: Values, source: Values, basis: Tensor) -> Values:
    """Return the base with its coordinates along an orthonormal basis taken from the source.

    Args:
        base: value of the site on each item's own input.
        source: its value on the other.
        basis: (width, rank).
    """
    return base + (source - base) @ basis @ basis.T


def along(basis: Tensor, evaluations: int) -> Alignment:
    """Return the alignment that exchanges the coordinates along a trained basis.

    Args:
        basis: orthonormal, (width, rank).
        evaluations: runs that its training took.
    """
    return Alignment(
        lambda base, source: exchanged(base, source, basis), rank=basis.shape[1], evaluations=evaluations
    )


@dataclass(frozen=True)
class AlignmentSearch:
    """A trained subspace of the site, of the rank that it needs.

    Attributes:
        device: where models are run.
    """

    device: str = "cpu"
    name = "das"

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
        """Train a subspace."""
        search = Search.of(
            model, hypothesis, variable, task=task, generator=generator, device=self.device, size=PAIRS
        )
        found = Subspace(search.place.needed)
        search.train(found, steps=STEPS, rate=RATE, generator=generator)
        return along(found.basis.detach(), search.bound.evaluations)
