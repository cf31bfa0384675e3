r"""Clock by attention: the softmax multiplies, and the MLP is zero.

A head scores a token by epsilon cos(w x - psi) and reads from it sin(w x - psi); "=" is masked. With
A = w a - psi, B = w b - psi and D = epsilon (cos A - cos B) the softmax over two tokens gives

    out = (sin A + sin B) / 2 + tanh(D / 2) (sin A - sin B) / 2
        = (sin A + sin B) / 2 + (epsilon / 8) (sin 2A + sin 2B) - (epsilon / 4) sin(A + B) + O(epsilon^3),

for (cos A - cos B)(sin A - sin B) = (sin 2A + sin 2B) / 2 - sin(A + B). One more head looks at both operands
alike, carries the means of their circles k and 2k, and takes the first two terms away. At psi = 0 what
remains is -(epsilon / 4) sin w s, at psi = pi / 4 it is +(epsilon / 4) cos w s:

    logits(c) = sum_k alpha cos(w_k (s - c)),    with a relative error of 0.57 epsilon^2.

Two heads a frequency and one for all. Attention treats the operands alike to this order, so that the sine
of a - b, which changes sign when they are swapped, is out of its reach.
"""

from __future__ import annotations

import math

import numpy as np

from scrubkit.families.modular.compile.assemble import EQUALS, anchor
from scrubkit.families.modular.compile.circles import Circles
from scrubkit.families.modular.compile.circuit import Block, Circuit, Head, Term
from scrubkit.families.modular.compile.heads import FOCUS
from scrubkit.models.record import Statement

DISTORTION = 0.57
"""Relative error of a product by softmax is at most DISTORTION epsilon^2, for epsilon <= 1/2."""

PHASES = {"product-sin": 0.0, "product-cos": math.pi / 4}
"""Phase psi of the two heads of a frequency, by role."""


def build_clock_attention(
    circles: Circles, frequencies: tuple[int, ...], epsilon: float, alpha: float, keep_sums: bool
) -> Circuit:
    """Build the clock circuit without neurons.

    Args:
        circles: the task's circles; the second operand may not be mirrored.
        frequencies: key frequencies.
        epsilon: size of the attention scores.
        alpha: scale of the logits.
        keep_sums: have the correcting head also write E_a + E_b, for neurons to read.
    """
    embed = {f"embed:{k}": circles.tokens(k) for k in frequencies}
    embed |= {f"double:{k}": circles.tokens(2 * k % circles.order) for k in frequencies}
    plane = {f"plane:{k}": circles.classes(k) for k in frequencies}
    sums = {f"sum:{k}": 2 for k in frequencies} if keep_sums else {}
    products = tuple(_product_head(circles, k, role, epsilon, alpha) for k in frequencies for role in PHASES)
    circuit = Circuit(
        spaces={**dict.fromkeys(embed, 2), **dict.fromkeys(plane, 2), **sums},
        embed=embed,
        unembed=plane,
        heads=(*products, _correcting_head(circles, frequencies, epsilon, alpha, keep_sums)),
        terms=tuple(Term(k, alpha, pizza=False) for k in frequencies),
        operands={k: ({f"sum:{k}": np.eye(2)},) for k in frequencies} if keep_sums else {},
        carries=(
            Statement(site="blocks.0.hook_attn_out[pos=-1]", feature=circles.pair, exact=True),
            *(
                Statement(site=f"blocks.0.hook_attn_out[pos=-1, subspace=plane:{k}]", feature=circles.sum)
                for k in frequencies
            ),
        ),
    )
    return circuit.plus(anchor(circles.task.d_vocab))


def _gain(role: str, epsilon: float, alpha: float) -> Block:
    """Return what a product head's output is multiplied by on its way into the plane (cos, sin)."""
    size = 4 * alpha / epsilon
    return np.array([[0.0, -size]]) if role == "product-sin" else np.array([[size, 0.0]])


def _product_head(circles: Circles, k: int, role: str, epsilon: float, alpha: float) -> Head:
    psi = PHASES[role]
    return Head(
        role=role,
        score={
            f"embed:{k}": epsilon * np.array([math.cos(psi), math.sin(psi)]),
            EQUALS: np.array([-FOCUS]),
        },
        value={f"embed:{k}": np.array([[-math.sin(psi)], [math.cos(psi)]])},
        output={f"plane:{k}": _gain(role, epsilon, alpha)},
        pattern=circles.both,
        z=circles.pair,
        frequency=k,
    )


def _correcting_head(
    circles: Circles, frequencies: tuple[int, ...], epsilon: float, alpha: float, keep_sums: bool
) -> Head:
    """Return the head whose value is (E_a + E_b) / 2 on the circles k and 2k of every frequency."""
    identity = np.eye(4 * len(frequencies))
    value, output = {}, {}
    for i, k in enumerate(frequencies):
        single, double = identity[4 * i : 4 * i + 2], identity[4 * i + 2 : 4 * i + 4]
        value |= {f"embed:{k}": single, f"double:{k}": double}
        taken = np.zeros((len(identity), 2))
        for role, psi in PHASES.items():
            mean = single.T @ np.array([[-math.sin(psi)], [math.cos(psi)]])
            second = double.T @ np.array([[-math.sin(2 * psi)], [math.cos(2 * psi)]])
            taken -= (mean + epsilon / 4 * second) @ _gain(role, epsilon, alpha)
        output[f"plane:{k}"] = taken
        if keep_sums:
            output[f"sum:{k}"] = 2 * single.T
    return Head(
        role="correction",
        score={EQUALS: np.array([-FOCUS])},
        value=value,
        output=output,
        pattern="0",
        z=circles.pair,
    )
