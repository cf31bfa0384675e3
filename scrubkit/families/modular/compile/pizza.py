"""Pizza: uniform attention adds the two circles, and one rectifier per phase doubles the angle.

With w = w_k, s = a + b, d = a - b, the sum of the circles is E_a + E_b = 2 cos(w d / 2) e^(i w s / 2). Neuron
j of n has phase phi_j = 2 pi j / n and computes ReLU(2 cos(w d / 2) cos(w s / 2 - phi_j)). Weighted by
(cos, sin)(2 phi_j) the second harmonic remains, which no longer knows the sign of cos(w d / 2):

    logits(c) = sum_k alpha |cos(w_k d / 2)| cos(w_k (s - c)).

The error of n phases is 2.5 / n^2 for odd n and four times that for even n.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from scrubkit.families.modular.compile.circles import Circles
from scrubkit.families.modular.compile.circuit import Block, Circuit, Head, Neurons, Term
from scrubkit.families.modular.compile.heads import position_heads
from scrubkit.models.record import Statement

ALIASING = 2.7
"""Relative error of a circle of n phases is at most ALIASING / n^2, for odd n >= 5 (2.5 as n grows)."""


def build_pizza(circles: Circles, frequencies: tuple[int, ...], phases: int, alpha: float) -> Circuit:
    """Build the pizza circuit.

    Where the second operand counts negatively, uniform attention cannot tell which circle to mirror:
    two heads that look at one position each then take its place, their patterns as constant as before.

    Args:
        circles: the task's circles.
        frequencies: key frequencies.
        phases: neurons per frequency, odd.
        alpha: scale of the logits.
    """
    embed = {f"embed:{k}": circles.tokens(k) for k in frequencies}
    plane = {f"plane:{k}": circles.classes(k) for k in frequencies}
    circuit = Circuit(
        spaces={name: 2 for name in (*embed, *plane)},
        embed=embed,
        unembed=plane,
        heads=() if circles.mirrored else (_sum_head(circles, frequencies),),
        neurons=tuple(
            phase_neurons(circles, k, ({f"embed:{k}": np.eye(2)},), phases, alpha) for k in frequencies
        ),
        terms=tuple(Term(k, alpha, pizza=True) for k in frequencies),
        operands={k: ({f"embed:{k}": np.eye(2)},) for k in frequencies},
        carries=(
            Statement(site="blocks.0.hook_attn_out[pos=-1]", feature=circles.pair, exact=True),
            Statement(site="blocks.0.mlp.hook_post[pos=-1]", feature=circles.pair, exact=True),
        ),
    )
    if circles.mirrored:
        targets = {f"embed:{k}": (f"embed:{k}", circles.mirror) for k in frequencies}
        sources = {f"embed:{k}": (f"embed:{k}", np.eye(2)) for k in frequencies}
        circuit = circuit.plus(position_heads(circles, sources, targets, role="copy"))
    return circuit


def _sum_head(circles: Circles, frequencies: tuple[int, ...]) -> Head:
    """Return the head that looks at all three positions alike; "=" is embedded at zero."""
    width = 2 * len(frequencies)
    identity = np.eye(width)
    value = {f"embed:{k}": identity[2 * i : 2 * i + 2] for i, k in enumerate(frequencies)}
    return Head(
        role="sum",
        score={},
        value=value,
        output={name: 3 * block.T for name, block in value.items()},
        pattern="0",
        z=circles.pair,
        structural=True,
    )


def phase_neurons(
    circles: Circles,
    k: int,
    operands: tuple[Mapping[str, Block], ...],
    phases: int,
    alpha: float,
    role: str = "cluster",
) -> Neurons:
    """Return one circle of phases that reads E_a + E_b and writes alpha |cos(w d / 2)| e^(i w s).

    Args:
        circles: the task's circles.
        k: frequency.
        operands: the circles that are to be added, by space.
        phases: neurons on the circle, odd.
        alpha: scale of what is written.
        role: role of the group.
    """
    phase = 2 * np.pi * np.arange(phases) / phases
    reads: dict[str, Block] = {}
    for operand in operands:
        for name, block in operand.items():
            reads[name] = reads.get(name, 0) + block @ direction(phase)
    return Neurons(
        role=role,
        reads=reads,
        bias=np.zeros(phases),
        writes={f"plane:{k}": alpha * 3 * np.pi / (2 * phases) * direction(2 * phase).T},
        feature=circles.pizza(k),
        frequency=k,
    )


def direction(angle: Float[np.ndarray, " neuron"]) -> Float[np.ndarray, "2 neuron"]:
    """Return (cos, sin) of each angle as columns."""
    return np.stack([np.cos(angle), np.sin(angle)])
