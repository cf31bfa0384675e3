"""Sizes: how many phases a frequency needs, and the shape in which a circuit fits.

Every circuit makes its circles to some relative error e. Between the right class and another one, delta
further on the group, the formula leaves a margin of sum_k f_k 2 sin^2(w_k delta / 2), of which the error can
take away at most e sum_k f_k 2 |sin(w_k delta / 2)|; f_k is |cos(w_k d / 2)| for pizza, 1 for the clocks. The
smallest ratio of the two, over d and delta, is the error that even the worst input bears: `tolerance`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from scrubkit.families.modular.compile import clock_attention, clock_torus, pizza
from scrubkit.families.modular.compile.circuit import Circuit
from scrubkit.families.modular.task import ModularTask
from scrubkit.models.record import ModelConfig

STANDARD = {
    "d_model": (32, 64, 128, 256, 512, 1024, 2048, 4096),
    "n_heads": (4, 8, 16, 32, 64, 128, 256),
    "d_head": (8, 16, 32, 64, 128, 256, 512, 1024),
    "d_mlp": (128, 256, 512, 1024, 2048, 4096, 8192, 16384),
}
"""Sizes among which one is chosen that was not asked for."""

FREQUENCY_COST = {
    "pizza": {"d_model": 4, "n_heads": 0, "d_head": 2},
    "clock-torus": {"d_model": 6, "n_heads": 0, "d_head": 2},
    "clock-attention": {"d_model": 6, "n_heads": 2, "d_head": 4},
}
"""What one more frequency takes, by variant."""

GOOD_PHASES = {"pizza": 41, "clock-torus": 9, "clock-attention": 0}
"""Phases that a size chosen here leaves at least: errors of 0.15 % and 3.7 %."""

MIN_PHASES = {"pizza": 5, "clock-torus": 5, "clock-attention": 0}
"""Fewest phases for which the error bounds hold."""

SAFETY = 2.0
"""The error may be the tolerance divided by this."""

GOOD_EPSILON = 0.25
"""Attention scores of clock-attention, unless the frequencies need smaller ones: an error of 3.6 %."""


def preferred(p: int) -> dict[str, int]:
    """Return the sizes in which networks of this modulus are usually trained: the least that is chosen."""
    if p > 64:
        return {"d_model": 128, "n_heads": 4, "d_head": 32, "d_mlp": 512}
    if p > 32:
        return {"d_model": 64, "n_heads": 4, "d_head": 16, "d_mlp": 256}
    return {"d_model": 32, "n_heads": 4, "d_head": 8, "d_mlp": 128}


def tolerance(variant: str, order: int, frequencies: tuple[int, ...]) -> float:
    """Return the relative error of every plane under which no input can be answered wrongly.

    The smallest over d and delta of sum_k f_k sin^2(w_k delta / 2) / sum_k f_k |sin(w_k delta / 2)|, which is
    positive as the frequencies tell all classes apart.
    """
    k = np.array(frequencies)
    sine = np.abs(np.sin(np.pi * (np.outer(np.arange(1, order), k) % order) / order))
    factor = np.ones((1, len(k)))
    if variant == "pizza":
        factor = np.abs(np.cos(np.pi * np.outer(np.arange(order), k) / order))
    gap, loss = factor @ (sine**2).T, factor @ sine.T
    return float((gap / np.maximum(loss, 1e-12)).min())


@dataclass(frozen=True)
class Phases:
    """How the neurons are shared out.

    Attributes:
        phases: neurons on a circle of pizza, or along one side of the torus; odd; 0 for clock-attention.
        d_mlp: number of neurons of the model.
        faults: what does not fit.
    """

    phases: int
    d_mlp: int
    faults: tuple[str, ...] = ()


def share_neurons(
    variant: str, task: ModularTask, frequencies: tuple[int, ...], planted: int, asked: int | None
) -> Phases:
    """Choose the number of phases, and of neurons where none was asked for.

    Args:
        variant: variant to compile.
        task: its task.
        frequencies: key frequencies.
        planted: neurons that the distractors take.
        asked: d_mlp if it was given.
    """
    n = len(frequencies)
    least = least_phases(variant, task.group.order, frequencies)
    if asked is None:
        good = max(least, GOOD_PHASES[variant])
        asked = _standard("d_mlp", n * neurons_of(variant, good) + planted, task.p)
    room = (asked - planted) // n
    phases = phases_in(variant, room)
    if room >= neurons_of(variant, least) and asked >= planted:
        return Phases(phases, asked)
    each = neurons_of(variant, least)
    fitting = max(0, asked - planted) // each if each else 0
    fault = (
        f"d_mlp = {asked} is too small: a circle of phases takes at least {each} neurons, {n} frequencies"
        f"{f' and {planted} planted neurons' if planted else ''} take {n * each + planted}; use "
        f"d_mlp >= {n * each + planted}, or fewer frequencies (at most {fitting})"
    )
    return Phases(least, asked, (fault,))


def least_phases(variant: str, order: int, frequencies: tuple[int, ...]) -> int:
    """Return the fewest phases, an odd number, with which `tolerance` promises every answer right."""
    if variant == "clock-attention":
        return 0
    aliasing = pizza.ALIASING if variant == "pizza" else clock_torus.ALIASING
    bear = tolerance(variant, order, frequencies) / SAFETY
    return max(MIN_PHASES[variant], math.ceil(math.sqrt(aliasing / bear))) | 1


def choose_epsilon(order: int, frequencies: tuple[int, ...]) -> float:
    """Return the attention scores' size: GOOD_EPSILON, or less where the frequencies bear less error."""
    bear = tolerance("clock-attention", order, frequencies) / SAFETY
    return min(GOOD_EPSILON, math.sqrt(bear / clock_attention.DISTORTION))


def neurons_of(variant: str, phases: int) -> int:
    """Return the neurons that one frequency takes."""
    return phases**2 if variant == "clock-torus" else phases


def phases_in(variant: str, neurons: int) -> int:
    """Return the most phases that fit into so many neurons: an odd number, which aliases less."""
    if variant == "clock-attention":
        return 0
    most = math.isqrt(max(0, neurons)) if variant == "clock-torus" else neurons
    return max(0, most - (most + 1) % 2)


def fit(
    variant: str, task: ModularTask, circuit: Circuit, d_mlp: int, asked: dict[str, int | None]
) -> tuple[ModelConfig | None, list[str]]:
    """Choose the shape for a circuit.

    Args:
        variant: variant that was built.
        task: its task.
        circuit: the circuit with its distractors.
        d_mlp: number of neurons.
        asked: d_model, n_heads and d_head where they were given.

    Returns:
        The shape and no faults, or None and what does not fit.
    """
    needs = {"d_model": circuit.d_model, "n_heads": len(circuit.heads), "d_head": circuit.d_head}
    sizes, faults = {"d_mlp": d_mlp}, []
    for name, need in needs.items():
        size = asked[name]
        sizes[name] = _standard(name, need, task.p) if size is None else size
        if sizes[name] < need:
            faults.append(
                _too_small(variant, name, sizes[name], need, len({term.frequency for term in circuit.terms}))
            )
    return (None, faults) if faults else (ModelConfig.for_task(task, **sizes), [])


def _standard(name: str, need: int, p: int) -> int:
    """Return the smallest standard size that holds what is needed, or the largest there is."""
    floor = preferred(p)[name]
    return next((size for size in STANDARD[name] if size >= max(need, floor)), STANDARD[name][-1])


def _too_small(variant: str, name: str, size: int, need: int, frequencies: int) -> str:
    """Say what would fit: a larger size, or fewer frequencies where they are what takes the room."""
    cost = FREQUENCY_COST[variant][name]
    fewer = frequencies - math.ceil((need - size) / cost) if cost else 0
    remedy = f", or fewer frequencies (at most {fewer})" if fewer > 0 else ""
    return f"{name} = {size} is too small: this circuit takes {need}; use {name} >= {need}{remedy}"
