"""Decoys: neurons with true features that no class can tell apart, and heads that attend and write nothing.

A decoy neuron reads what a real one reads, at a random phase. By turns it writes like a real one into two
dimensions that W_U does not read ("kernel"), or into one that W_U reads alike for every class
("constant"), which shifts all logits of an input together and so no difference of them.
"""

from __future__ import annotations

import numpy as np

from scrubkit.families.modular.compile.assemble import anchor
from scrubkit.families.modular.compile.circles import Circles
from scrubkit.families.modular.compile.circuit import Block, Circuit, Head, Neurons
from scrubkit.families.modular.compile.pizza import direction

DECOY_SCORE = 2.0
"""Size of a decoy head's attention scores: one operand may take e^4 = 55 times the other's share."""

FULL_CIRCLE = 15
"""A decoy neuron writes as much as one of a circle of so many, or of as many as there are decoys."""


def decoy_neurons(
    circuit: Circuit,
    circles: Circles,
    frequencies: tuple[int, ...],
    alpha: float,
    count: int,
    rng: np.random.Generator,
) -> Circuit:
    """Return decoy neurons at the key frequencies in turn.

    Args:
        circuit: the circuit whose operands they read.
        circles: the task's circles.
        frequencies: key frequencies.
        alpha: scale of the logits.
        count: number of neurons.
        rng: source of the phases.
    """
    if not count:
        return Circuit()
    size = alpha * 3 * np.pi / (2 * max(count, FULL_CIRCLE))
    groups = []
    for i, k in enumerate(frequencies[:count]):
        turns = np.arange(i, count, len(frequencies)) // len(frequencies) + i
        groups.append(_decoys(circuit, circles, k, size, turns % 2 == 0, rng))
    constant = {"constant": np.ones((1, circles.task.d_vocab_out))}
    return Circuit(spaces={"kernel": 2, "constant": 1}, unembed=constant, neurons=tuple(groups))


def _decoys(
    circuit: Circuit, circles: Circles, k: int, size: float, to_kernel: np.ndarray, rng: np.random.Generator
) -> Neurons:
    """Return the decoys of one frequency; `to_kernel` says of each where it writes."""
    count, operands = len(to_kernel), circuit.operands[k]
    reads: dict[str, Block] = {}
    for operand in operands:
        phase = rng.uniform(0, 2 * np.pi, count)
        reads |= {name: block @ direction(phase) for name, block in operand.items()}
    kernel = size * direction(rng.uniform(0, 2 * np.pi, count)).T
    return Neurons(
        role="decoy",
        reads=reads,
        bias=np.zeros(count),
        writes={"kernel": kernel * to_kernel[:, None], "constant": size * ~to_kernel[:, None]},
        feature=circles.pair if len(operands) == 1 else circles.both,
        frequency=k,
        exact=True,
        causal=False,
    )


def decoy_heads(
    circles: Circles, frequencies: tuple[int, ...], count: int, rng: np.random.Generator
) -> Circuit:
    """Return heads that attend by the key frequencies in turn, at random phases; their W_O is zero."""
    if not count:
        return Circuit()
    heads = []
    for k in np.resize(np.array(frequencies), count).tolist():
        psi = rng.uniform(0, 2 * np.pi)
        heads.append(
            Head(
                role="decoy",
                score={f"embed:{k}": DECOY_SCORE * np.array([np.cos(psi), np.sin(psi)])},
                value={f"embed:{k}": np.eye(2)},
                output={},
                pattern=circles.both,
                z=circles.both,
                frequency=k,
                causal=False,
            )
        )
    return Circuit(heads=tuple(heads)).plus(anchor(circles.task.d_vocab))
