"""Distractors: parts that are planted to mislead, each a known label.

A dead frequency is embedded and never read. A decoy neuron computes a true feature that no class can
tell apart, a decoy head attends by content and writes nothing. Redundant heads share one head's value.
Cancelling heads each move the logits and together do not. A backup path is a second, weaker
circuit for a frequency that has one. These leave the formula as it is or add one known term to it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydantic import Field

from scrubkit.families.modular.compile.circles import Circles
from scrubkit.families.modular.compile.circuit import Circuit, Head, Term
from scrubkit.families.modular.compile.decoys import decoy_heads, decoy_neurons
from scrubkit.families.modular.compile.memory import memorise
from scrubkit.families.modular.compile.pizza import direction, phase_neurons
from scrubkit.models.record import Record

BACKUP_PHASES = 15
"""Neurons of a backup path; its own error is 2.5 / 15^2 = 1.1 % of its small share."""


class Distractors(Record):
    """What is planted beside the circuit.

    Attributes:
        dead_frequencies: frequencies that are embedded and never read.
        decoy_neurons: neurons whose output lies in the kernel of W_U, or is constant over the classes.
        decoy_heads: heads whose pattern depends on the input and whose W_O is zero.
        redundant_heads: copies of heads in use; a head and its n copies have 1 / (n + 1) of the value each.
        cancelling_heads: pairs of heads that write +X and -X.
        backup_path: share of alpha that a second circuit of the first frequency adds; 0 for none.
        memorised_pairs: inputs with a neuron of their own, which raises the right logit.
    """

    dead_frequencies: tuple[int, ...] = ()
    decoy_neurons: int = Field(default=0, ge=0, le=8192)
    decoy_heads: int = Field(default=0, ge=0, le=64)
    redundant_heads: int = Field(default=0, ge=0, le=64)
    cancelling_heads: int = Field(default=0, ge=0, le=32)
    backup_path: float = Field(default=0.0, ge=0, le=1, allow_inf_nan=False)
    memorised_pairs: int = Field(default=0, ge=0, le=4096)

    @property
    def n_neurons(self) -> int:
        """Neurons that the distractors take."""
        backup = BACKUP_PHASES if self.backup_path else 0
        return self.decoy_neurons + backup + self.memorised_pairs

    @property
    def need_sums(self) -> bool:
        """Whether planted neurons read E_a + E_b at the last position."""
        return bool(self.decoy_neurons or self.backup_path)


def plant(
    circuit: Circuit,
    circles: Circles,
    frequencies: tuple[int, ...],
    alpha: float,
    options: Distractors,
    seed: int,
) -> Circuit:
    """Return the circuit with its distractors.

    Each kind draws from a stream of its own, so that one more decoy moves no memorised pair.

    Args:
        circuit: the circuit as its variant built it.
        circles: the task's circles.
        frequencies: key frequencies.
        alpha: scale of the logits.
        options: what to plant.
        seed: seed of all that is random in it.
    """
    streams = iter(np.random.default_rng([seed, kind]) for kind in range(4))
    dead = {f"embed:{k}": circles.tokens(k) for k in options.dead_frequencies}
    planted = circuit.plus(Circuit(spaces=dict.fromkeys(dead, 2), embed=dead))
    planted = share_heads(planted, options.redundant_heads)
    parts = (
        decoy_neurons(circuit, circles, frequencies, alpha, options.decoy_neurons, next(streams)),
        decoy_heads(circles, frequencies, options.decoy_heads, next(streams)),
        cancelling_heads(circles, frequencies, alpha, options.cancelling_heads, next(streams)),
        backup_path(circuit, circles, frequencies[0], alpha * options.backup_path),
        memorise(circles, options.memorised_pairs, alpha / 2, options.dead_frequencies, next(streams)),
    )
    for part in parts:
        planted = planted.plus(part)
    return planted


def share_heads(circuit: Circuit, copies: int) -> Circuit:
    """Return the circuit with copies of its heads, in turn, each head's value shared with its copies."""
    n = len(circuit.heads)
    heads, extra = [], []
    for i, head in enumerate(circuit.heads):
        own = len(range(i, copies, n))
        shared = replace(head, value={name: block / (own + 1) for name, block in head.value.items()})
        heads.append(shared)
        extra += [replace(shared, role="redundant")] * own
    return circuit.with_heads((*heads, *extra))


def cancelling_heads(
    circles: Circles, frequencies: tuple[int, ...], alpha: float, pairs: int, rng: np.random.Generator
) -> Circuit:
    """Return pairs of uniform heads that write +X and -X, X being E_a + E_b turned, in a plane W_U reads."""
    heads = []
    for i in range(pairs):
        k = frequencies[i % len(frequencies)]
        turn = np.array(rng.uniform(0, 2 * np.pi))
        x = alpha / 2 * np.stack([direction(turn), direction(turn + np.pi / 2)])
        for sign in (1, -1):
            heads.append(
                Head(
                    role="cancelling",
                    score={},
                    value={f"embed:{k}": np.eye(2)},
                    output={f"plane:{k}": sign * x},
                    pattern="0",
                    z="(min(a, b), max(a, b))",
                    frequency=k,
                    structural=True,
                )
            )
    return Circuit(heads=tuple(heads))


def backup_path(circuit: Circuit, circles: Circles, k: int, alpha: float) -> Circuit:
    """Return a second, pizza circuit of one frequency; the formula gains a term of its own."""
    if not alpha:
        return Circuit()
    neurons = phase_neurons(circles, k, circuit.operands[k], BACKUP_PHASES, alpha, role="backup")
    return Circuit(neurons=(neurons,), terms=(Term(k, alpha, pizza=True),))
