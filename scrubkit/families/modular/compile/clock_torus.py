"""Clock by phases on the torus: the operands are kept apart, and a grid of phases multiplies them.

One head copies the circle of a, another that of b. Neuron (phi, phi') of an n x n grid computes
ReLU(cos(w a - phi) + cos(w b - phi')); weighted by (cos, sin)(phi + phi') what remains is the harmonic
e^(i w (a + b)), whose coefficient in ReLU(cos u + cos v) is 4 / (3 pi^2):

    logits(c) = sum_k alpha cos(w_k (s - c)).

No factor of a - b appears: this is the clock. The error of an n x n grid is 3 / n^2 for odd n >= 7.
"""

from __future__ import annotations

import numpy as np

from scrubkit.families.modular.compile.circles import Circles
from scrubkit.families.modular.compile.circuit import Circuit, Neurons, Term
from scrubkit.families.modular.compile.heads import position_heads
from scrubkit.families.modular.compile.pizza import direction
from scrubkit.models.record import Statement

ALIASING = 3.2
"""Relative error of an n x n grid is at most ALIASING / n^2, for odd n >= 5 (2.9 as n grows)."""


def build_clock_torus(circles: Circles, frequencies: tuple[int, ...], side: int, alpha: float) -> Circuit:
    """Build the clock circuit with neurons.

    Args:
        circles: the task's circles.
        frequencies: key frequencies.
        side: phases n along each operand, odd; a frequency takes n^2 neurons.
        alpha: scale of the logits.
    """
    embed = {f"embed:{k}": circles.tokens(k) for k in frequencies}
    plane = {f"plane:{k}": circles.classes(k) for k in frequencies}
    second = {f"second:{k}": 2 for k in frequencies}
    circuit = Circuit(
        spaces={**dict.fromkeys(embed, 2), **second, **dict.fromkeys(plane, 2)},
        embed=embed,
        unembed=plane,
        neurons=tuple(_grid(circles, k, side, alpha) for k in frequencies),
        terms=tuple(Term(k, alpha, pizza=False) for k in frequencies),
        operands={k: ({f"embed:{k}": np.eye(2)}, {f"second:{k}": np.eye(2)}) for k in frequencies},
        carries=(
            Statement(site="blocks.0.hook_attn_out[pos=-1]", feature=circles.both, exact=True),
            Statement(site="blocks.0.mlp.hook_post[pos=-1]", feature=circles.both, exact=True),
        ),
    )
    first = {f"embed:{k}": (f"embed:{k}", np.eye(2)) for k in frequencies}
    other = {f"embed:{k}": (f"second:{k}", circles.mirror) for k in frequencies}
    return circuit.plus(position_heads(circles, first, other, role="copy"))


def _grid(circles: Circles, k: int, side: int, alpha: float) -> Neurons:
    """Return the grid of phases of one frequency."""
    phase = 2 * np.pi * np.arange(side) / side
    phi, psi = (grid.ravel() for grid in np.meshgrid(phase, phase, indexing="ij"))
    scale = alpha * 3 * np.pi**2 / (4 * side**2)
    return Neurons(
        role="cluster",
        reads={f"embed:{k}": direction(phi), f"second:{k}": direction(psi)},
        bias=np.zeros(side**2),
        writes={f"plane:{k}": scale * direction(phi + psi).T},
        feature=circles.sum,
        frequency=k,
    )
