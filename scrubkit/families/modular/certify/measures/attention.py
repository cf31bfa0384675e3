"""What each head does: how far from uniform, how much on "=", how well one frequency explains it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from scrubkit.families.modular.certify.layout import Layout
from scrubkit.families.modular.certify.spectra import centred_power, single_frequency_power

STILL = 1e-6
"""Standard deviation of a pattern under which it counts as constant, and no frequency is fitted."""


@dataclass(frozen=True)
class Head:
    """Figures of one attention head at the last position.

    Attributes:
        head: its index.
        on_a: mean attention to the first operand.
        on_b: mean attention to the second operand.
        on_equals: mean attention to "=", 0 where rows have none.
        from_uniform: mean total-variation distance of the pattern from uniform, from 0 to 2/3.
        spread: standard deviation over inputs of the attention to the first operand.
        frequency: the frequency that explains the pattern best, None where the pattern is constant.
        explained: share of the pattern's variance that this frequency explains, None likewise.
        output_share: the head's share of the variance that all heads write.
    """

    head: int
    on_a: float
    on_b: float
    on_equals: float
    from_uniform: float
    spread: float
    frequency: int | None
    explained: float | None
    output_share: float


def measure_heads(layout: Layout) -> tuple[Head, ...]:
    """Measure every head over all inputs."""
    written = output_variance(layout)
    total = written.sum()
    shares = written / total if total > 0 else written
    return tuple(measure_head(layout, h, float(shares[h])) for h in range(layout.pattern.shape[2]))


def measure_head(layout: Layout, head: int, output_share: float) -> Head:
    """Measure one head's pattern."""
    pattern = layout.pattern[:, :, head]
    on = pattern.mean((0, 1)).tolist()
    distance = (pattern - 1 / pattern.shape[-1]).abs().sum(-1).mean() / 2
    operands = pattern[..., :2]
    spread = float(operands[..., 0].std())
    frequency = share = None
    if spread > STILL:
        power = single_frequency_power(operands).sum(0) / centred_power(operands).sum()
        frequency, share = int(power.argmax()) + 1, float(power.max())
    on_equals = on[2] if len(on) > 2 else 0.0
    return Head(head, on[0], on[1], on_equals, float(distance), spread, frequency, share, output_share)


def output_variance(layout: Layout) -> Float[Tensor, " head"]:
    """Return the variance over inputs, summed over the residual stream, of what each head writes."""
    centred = layout.z - layout.z.mean((0, 1))
    covariance = torch.einsum("abhe,abhf->hef", centred, centred) / layout.n**2
    return torch.einsum("hef,hed,hfd->h", covariance, layout.weights.W_O, layout.weights.W_O)
