"""How far an output is from the clean one: on average as a share of variance, at worst by the answer.

Logits are centred first: what all classes share changes no probability. The *change* of an output is its
squared distance from the clean one, as a share of the expected squared distance between the outputs of two
inputs; where all inputs have one output, of its own square. What an answer has *lost* is the largest share of
its lead over another class that is gone: at 1 that class draws level. Leads under `FLOOR` of the mean one
count as that much, so that near-ties decide nothing.

A graph of functions has no classes; what its output has lost is the distance from the clean output as a
share of half the distance to the nearest other one, so that at 1 it is as near to another answer as to
its own.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from scrubkit.subjects.subject import Subject

FLOOR = 0.05
"""Least lead that counts, as a share of the mean lead."""
_CHUNK = 2048
ROUNDING = 1e-9
"""Changes under this share of variance are rounding error."""
SAME = 1e-24
"""Outputs whose spread is under this share of their square are one output, in float64."""


class Outputs:
    """The clean outputs of a subject, against which others are held."""

    def __init__(self, subject: Subject) -> None:
        """Take the subject and the part that is its whole output."""
        self.subject = subject
        rows = torch.arange(subject.n_inputs)
        self.has_classes = hasattr(subject, "architecture")
        with torch.no_grad():
            raw = subject.clean(subject.output, rows).double()
            self.clean = self.centred(raw)
        weights: Any = subject.weights
        mass = torch.ones(len(rows)) if weights is None else torch.from_numpy(weights)
        self.mass: Float[Tensor, " input"] = mass.double() / mass.double().sum()
        middle = self.mass @ self.clean.flatten(1)
        self.scale = float(2 * self.mass @ (self.clean.flatten(1) - middle).square().sum(1))
        size = float(self.mass @ raw.square().reshape(len(rows), -1).sum(1))
        self.constant = self.scale <= SAME * size
        if self.constant:
            # What is left is rounding error, and no scale: changes are held against the output itself.
            self.scale = size

    def centred(self, value: Tensor) -> Float[Tensor, "item answer number"]:
        """Return outputs in float64, logits centred over the classes."""
        if not self.has_classes:
            return value.double().reshape(len(value), 1, -1)
        value = value.double().reshape(len(value), -1, value.shape[-1])
        return value - value.mean(dim=-1, keepdim=True)

    def change(self, value: Tensor, rows: Int[Tensor, " item"]) -> Float[Tensor, " item"]:
        """Return how far centred outputs are from the clean ones, as a share of variance."""
        return self.share((value - self.clean[rows]).square().sum((1, 2)))

    def share(self, squared: Tensor) -> Tensor:
        """Return squared distances as shares of variance."""
        found = squared / self.scale if self.scale else squared
        return torch.where(found < ROUNDING, 0.0, found)

    def lost(self, value: Tensor, rows: Int[Tensor, " item"]) -> Float[Tensor, " item"]:
        """Return the largest share of its lead that each answer has lost."""
        if not self.has_classes:
            gone = (value - self.clean[rows]).square().sum((1, 2)).sqrt()
            return gone / (self.gaps[rows] / 2)
        right = self.right[rows][..., None]
        return self.lost_leads(value.gather(-1, right) - value, rows)

    def lost_leads(
        self, leads: Float[Tensor, "item answer number"], rows: Int[Tensor, " item"]
    ) -> Float[Tensor, " item"]:
        """Return the same for what is left of the right answer's lead over every class."""
        before = self.leads[rows]
        return ((before - leads) / before.clamp(min=self.floor)).flatten(1).amax(dim=1)

    @cached_property
    def right(self) -> Int[Tensor, "input answer"]:
        """The subject's own answers."""
        return self.clean.argmax(dim=-1)

    @cached_property
    def leads(self) -> Float[Tensor, "input answer number"]:
        """Lead of the answer over every class; its own is 0."""
        return self.clean.gather(-1, self.right[..., None]) - self.clean

    @cached_property
    def floor(self) -> float:
        """Least lead that counts."""
        nearest = self.leads.topk(2, dim=-1, largest=False).values[..., 1]
        return max(FLOOR * float(nearest.mean()), 1e-12)

    @cached_property
    def gaps(self) -> Float[Tensor, " input"]:
        """Distance from the output on each row to the nearest other output."""
        flat = self.clean.flatten(1)
        found = []
        for part in flat.split(_CHUNK):
            distance = torch.cdist(part, flat)
            distance[distance < 1e-9] = torch.inf
            found.append(distance.amin(dim=1))
        gaps = torch.cat(found)
        finite = gaps[gaps.isfinite()]
        typical = float(finite.mean()) if len(finite) else 1.0
        return torch.where(gaps.isfinite(), gaps, typical).clamp(min=FLOOR * typical)
