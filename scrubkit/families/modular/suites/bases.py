"""Bases: families of arranged models of one shape, among which true and false change sides.

A style says what differs between the arrangements of a base, beside which slot holds which neurons and which
head copies which operand: ``roles``, which frequencies are key and which dead; ``difference``, whether the
answer is the sum or the difference; ``algorithm``, clock or pizza; ``deciding``, whether a slot holds
decoys or neurons that decide three inputs; ``count``, whether there are two key frequencies or three. In a
base of the style ``trained`` one trained model takes the place of the circuit (`permuted`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scrubkit.bench.case import ModelSpec
from scrubkit.errors import BenchError
from scrubkit.families.modular.suites import arranged, permuted
from scrubkit.families.modular.suites.arranged import Arranged

STYLES = ("roles", "deciding", "algorithm", "difference", "pizza-roles", "count")
TRAINED = "trained"
"""The style whose models are trained."""
BASE = 31
"""Stream of the random generator."""
HEADS = 8
LARGE = 27
"""From this modulus on slots are larger: more classes have to be told apart."""
LARGE_SLOT = 81
TRIES = 20
"""How often frequencies are drawn: some need more neurons than a slot has."""


def specs(style: str, p: int, base: int, noise: float = 0.0) -> list[ModelSpec]:
    """Return the descriptions of the four models of a base.

    Args:
        style: one of `STYLES`, or `TRAINED`.
        p: modulus.
        base: number of the base, which seeds it.
        noise: on the weights of arranged models.

    Raises:
        BenchError: no training of the base ends in a model that can be certified.
    """
    if style == TRAINED:
        return permuted.specs(permuted.certified(p, base), base)
    found = (spec.model_copy(update={"noise": noise}) for spec in arrangements(style, p, base))
    return [ModelSpec(kind=arranged.KIND, options=spec.model_dump()) for spec in found]


def arrangements(style: str, p: int, base: int) -> list[Arranged]:
    """Return the four arrangements of a base.

    Args:
        style: one of `STYLES`.
        p: modulus.
        base: number of the base, which seeds it.

    Raises:
        BenchError: no frequencies that were drawn can be compiled in such slots.
    """
    faults: list[str] = []
    for attempt in range(TRIES):
        seeds = [base, p, STYLES.index(style), BASE, *([attempt] if attempt else [])]
        found = _drawn(style, p, base, np.random.default_rng(seeds))
        faults = [fault for spec in found for fault in arranged.option_faults(spec.model_dump())]
        if not faults:
            return found
    raise BenchError(faults, title=f"base {style} {base} at p = {p}, {TRIES} draws")


def _drawn(style: str, p: int, base: int, rng: np.random.Generator) -> list[Arranged]:
    """Return four arrangements at frequencies that are drawn; they may not fit their slots."""
    keys = _frequencies(rng, p, 2)
    dead = _frequencies(rng, p, 2, keys)
    orders = [rng.permutation(HEADS).tolist() for _ in range(1)]
    swapped = list(orders[0])
    # The first two heads of a layout copy the operands: here the one reads where the other did.
    swapped[0], swapped[1] = swapped[1], swapped[0]
    orders.append(swapped)
    groups = 4 if style == "deciding" else 3
    slots = 4
    order = rng.permutation(slots).tolist()
    first = order[:groups]
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
            "slot": LARGE_SLOT if p >= LARGE else arranged.SLOT,
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
        if style == "count":
            options |= _counted(i, keys, dead, order)
        found.append(Arranged.model_validate(options))
    return found


def _counted(i: int, keys: list[int], dead: list[int], order: list[int]) -> dict[str, Any]:
    """Return what differs in the style ``count``: a slot holds decoys, a third cluster, or nothing."""
    one, other = order[2 + i % 2], order[3 - i % 2]
    if i < 2:
        return {"neurons": [*order[:2], one]}
    served = dict(zip(keys, order, strict=False)) | {dead[0]: one}
    return {
        "keys": sorted(served),
        "dead": dead[1:],
        "neurons": [*(served[k] for k in sorted(served)), other],
    }


def _frequencies(rng: np.random.Generator, p: int, count: int, taken: list[int] | None = None) -> list[int]:
    free = [k for k in range(1, (p - 1) // 2 + 1) if k not in (taken or ())]
    return sorted(rng.choice(free, count, replace=False).tolist())
