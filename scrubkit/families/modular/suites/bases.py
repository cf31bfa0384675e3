"""Bases: families of arranged models of one shape, among which true and false change sides.

A style says what differs between the arrangements of a base, beside which slot holds which neurons and which
head copies which operand: ``roles``, which frequencies are key and which dead; ``difference``, whether the
answer is the sum or the difference; ``algorithm``, clock or pizza; ``deciding``, whether a slot holds
decoys or neurons that decide three inputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scrubkit.families.modular.suites.arranged import Arranged

STYLES = ("roles", "deciding", "algorithm", "difference", "pizza-roles")
BASE = 31
"""Stream of the random generator."""
HEADS = 8


def arrangements(style: str, p: int, base: int) -> list[Arranged]:
    """Return the four arrangements of a base.

    Args:
        style: one of `STYLES`.
        p: modulus.
        base: number of the base, which seeds it.
    """
    rng = np.random.default_rng([base, p, STYLES.index(style), BASE])
    keys = _frequencies(rng, p, 2)
    dead = _frequencies(rng, p, 2, keys)
    orders = [rng.permutation(HEADS).tolist() for _ in range(1)]
    swapped = list(orders[0])
    # The first two heads of a layout copy the operands: here the one reads where the other did.
    swapped[0], swapped[1] = swapped[1], swapped[0]
    orders.append(swapped)
    groups = 4 if style == "deciding" else 3
    slots = 4
    first = rng.permutation(slots)[:groups].tolist()
    found = []
    for i in range(4):
        neurons = list(first)
        if i % 2:
            one, two = (groups - 1, groups - 2) if style == "deciding" else (int(rng.integers(2)), 2)
            neurons[one], neurons[two] = neurons[two], neurons[one]
        options: dict[str, Any] = {
            "variant": "pizza" if style == "pizza-roles" else "clock-torus",
            "p": p,
            "keys": keys,
            "dead": dead,
            "base": base,
            "slots": slots,
            "neurons": neurons,
            "heads": orders[(i // 2 + i) % 2],
            "decoys": 16,
            "deciding": 3 if style == "deciding" else 0,
            "rotate": bool(base % 2),
        }
        if style in ("roles", "pizza-roles") and i >= 2:
            options |= {"keys": sorted([keys[0], dead[0]]), "dead": sorted([keys[1], dead[1]])}
        if style == "difference" and i >= 2:
            options["task"] = "modular_subtraction"
        if style == "algorithm" and i >= 2:
            options["variant"] = "pizza"
        found.append(Arranged.model_validate(options))
    return found


def _frequencies(rng: np.random.Generator, p: int, count: int, taken: list[int] | None = None) -> list[int]:
    free = [k for k in range(1, (p - 1) // 2 + 1) if k not in (taken or ())]
    return sorted(rng.choice(free, count, replace=False).tolist())
