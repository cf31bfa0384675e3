"""Memorised pairs: a few inputs that the network looks up, beside the circuit that computes them.

Every token has a random code r. Two heads bring the code of a and that of b to the last position, each in
a space of its own, and one neuron per pair (a0, b0) computes ReLU(r_a0 . r_a + r_b0 . r_b - theta), with
theta so that it is silent on every other input. It writes into the logit of the right class.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from scrubkit.errors import ModelError
from scrubkit.families.modular.compile.circles import Circles
from scrubkit.families.modular.compile.circuit import Bonus, Circuit, Neurons
from scrubkit.families.modular.compile.heads import position_heads

CODE_WIDTH = 16
"""Dimensions of a token's code."""

TRIES = 100
"""Draws of the codes before giving up on telling the pairs apart."""

MIN_GAP = 0.05
"""A pair's score must be above the next input's by this much."""


def memorise(
    circles: Circles, count: int, amount: float, avoid: tuple[int, ...], rng: np.random.Generator
) -> Circuit:
    """Return the circuit that memorises random inputs of the task.

    Args:
        circles: the task's circles.
        count: inputs to memorise.
        amount: what the right logit gains on such an input.
        avoid: frequencies that the codes may not contain, so that dead ones stay dead.
        rng: source of the pairs and the codes.

    Raises:
        ModelError: more pairs than inputs, or no codes were found that tell them apart.
    """
    if not count:
        return Circuit()
    task = circles.task
    if count > task.n_inputs:
        raise ModelError(f"{count} pairs to memorise, but {task.name} has only {task.n_inputs} inputs")
    rows = np.sort(rng.choice(task.n_inputs, count, replace=False))
    pairs = task.tokens[rows, :2]
    codes, peaks, gaps = _draw_codes(circles, pairs, avoid, rng)
    bonuses = tuple(
        Bonus(int(a), int(b), int(label), amount)
        for (a, b), label in zip(pairs, task.labels[rows], strict=True)
    )
    neurons = tuple(_neuron(codes, *item, amount) for item in zip(bonuses, peaks, gaps, strict=True))
    labels = sorted({bonus.label for bonus in bonuses})
    identity = np.eye(task.d_vocab_out)
    lookup = Circuit(
        spaces={"code": CODE_WIDTH, "second_code": CODE_WIDTH, **{f"logit:{c}": 1 for c in labels}},
        embed={"code": codes},
        unembed={f"logit:{c}": identity[c : c + 1] for c in labels},
        neurons=neurons,
        bonuses=bonuses,
    )
    copy = np.eye(CODE_WIDTH)
    return lookup.plus(
        position_heads(circles, {"code": ("code", copy)}, {"code": ("second_code", copy)}, role="code")
    )


def _draw_codes(
    circles: Circles, pairs: np.ndarray, avoid: tuple[int, ...], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw codes until they tell the pairs apart; return them with each pair's score and its lead."""
    for _ in range(TRIES):
        codes = _codes(circles, avoid, rng)
        peaks, gaps = _separate(codes, pairs, circles.task.operands)
        if gaps.min() >= MIN_GAP:
            return codes, peaks, gaps
    raise ModelError(
        f"no token codes found that tell {len(pairs)} memorised pairs apart; memorise fewer pairs or "
        "plant fewer dead frequencies"
    )


def _codes(
    circles: Circles, avoid: tuple[int, ...], rng: np.random.Generator
) -> Float[np.ndarray, "token code"]:
    """Draw the codes, about unit vectors, without any component at the frequencies to avoid."""
    codes = rng.standard_normal((circles.task.d_vocab, CODE_WIDTH)) / np.sqrt(CODE_WIDTH)
    codes[circles.task.group.a.size :] = 0
    codes[: circles.task.group.a.size][circles.task.group.a < 0] = 0
    for k in avoid:
        basis, _ = np.linalg.qr(circles.tokens(k))
        codes -= basis @ (basis.T @ codes)
    return codes


def _separate(
    codes: Float[np.ndarray, "token code"], pairs: np.ndarray, operands: np.ndarray
) -> tuple[Float[np.ndarray, " pair"], Float[np.ndarray, " pair"]]:
    """Return each pair's own score and how far it lies above that of every other input."""
    scores = codes[pairs] @ codes.T
    peaks, gaps = np.zeros(len(pairs)), np.full(len(pairs), np.inf)
    for i, pair in enumerate(pairs):
        for side, token in enumerate(pair):
            others = scores[i, side][operands[operands != token]]
            peaks[i] += scores[i, side, token]
            gaps[i] = min(gaps[i], scores[i, side, token] - others.max())
    return peaks, gaps


def _neuron(codes: np.ndarray, bonus: Bonus, peak: float, gap: float, amount: float) -> Neurons:
    """Return the neuron of one pair: it is gap / 2 there and silent elsewhere."""
    return Neurons(
        role="memorised",
        reads={"code": codes[bonus.a][:, None], "second_code": codes[bonus.b][:, None]},
        bias=np.array([gap / 2 - peak]),
        writes={f"logit:{bonus.label}": np.array([[2 * amount / gap]])},
        feature=f"a == {bonus.a} and b == {bonus.b}",
        exact=True,
    )
