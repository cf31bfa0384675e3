"""What to compile, and what is wrong with it: every fault of a request is found before anything is built."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from typing import Any, Literal, get_args

from pydantic import Field, ValidationError

from scrubkit.errors import ModelError, TaskError, nearest
from scrubkit.families.modular.certify.criteria import most_frequencies
from scrubkit.families.modular.compile.circles import Circles
from scrubkit.families.modular.compile.distractors import Distractors
from scrubkit.families.modular.compile.scale import ALLOWED, MOST, choose_alpha, formula_loss
from scrubkit.families.modular.task import ModularTask
from scrubkit.models.record import Record

Variant = Literal["pizza", "clock-torus", "clock-attention"]

MOST_FREQUENCIES = 45
"""So many frequencies have over 2 % of W_L each, which is what a certificate takes for a key frequency."""

VARIANTS: tuple[str, ...] = get_args(Variant)
"""The algorithms that can be compiled."""


class CompileRequest(Record):
    """Everything that decides a compiled model's weights.

    Attributes:
        variant: which algorithm.
        frequencies: key frequencies of the task's group, 1 .. (n - 1) // 2.
        task: name of the task.
        p: its modulus.
        d_model: residual width, or None for the smallest standard one that fits; so with the other sizes.
        n_heads: attention heads.
        d_head: width of a head.
        d_mlp: neurons.
        alpha: scale of the logits; None for 100 (pizza) or 20 (the clocks), or more where the frequencies
            need it.
        epsilon: size of clock-attention's scores; None for 0.25, or less where the frequencies need it.
        distractors: what is planted beside the circuit.
        noise: standard deviation of the noise on a tensor, as a share of the tensor's root mean square.
        rotate: change the basis of the residual stream, and inside the heads, at random.
        permute: permute neurons and heads at random.
        seed: seed of all that is random.
    """

    variant: Variant
    frequencies: tuple[int, ...] = Field(min_length=1)
    task: str = "modular_addition"
    p: int = Field(default=113, le=2000)
    d_model: int | None = Field(default=None, ge=1, le=8192)
    n_heads: int | None = Field(default=None, ge=1, le=256)
    d_head: int | None = Field(default=None, ge=1, le=1024)
    d_mlp: int | None = Field(default=None, ge=1, le=65536)
    alpha: float | None = Field(default=None, gt=0, le=MOST, allow_inf_nan=False)
    epsilon: float | None = Field(default=None, gt=0, le=1, allow_inf_nan=False)
    distractors: Distractors = Distractors()
    noise: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    rotate: bool = False
    permute: bool = False
    seed: int = Field(default=0, ge=0)

    @property
    def name(self) -> str:
        """Name of the model: variant, task and the first digits of the request's digest."""
        task = "" if self.task == "modular_addition" else f"-{self.task.removeprefix('modular_')}"
        return f"{self.variant}{task}-p{self.p}-{self.digest[:8]}"

    @property
    def digest(self) -> str:
        """SHA-256 of the request: the key under which a compiled model may be kept."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


def read_request(options: dict[str, Any]) -> CompileRequest:
    """Check the types and ranges of a request's options.

    Raises:
        ModelError: with everything that is wrong with them.
    """
    try:
        return CompileRequest(**options)
    except ValidationError as error:
        raise ModelError([_fault(item) for item in error.errors()], title="compile request") from None


def _fault(item: Any) -> str:
    """Turn one of pydantic's errors into a fault."""
    where, found = ".".join(str(part) for part in item["loc"]), item["input"]
    if item["type"] == "extra_forbidden":
        known = Distractors.model_fields if where.startswith("distractors.") else CompileRequest.model_fields
        name = where.removeprefix("distractors.")
        return f"unknown option {where!r}{nearest(name, known)}; known options: {', '.join(known)}"
    if where == "variant" and item["type"] != "missing":
        hint = nearest(str(found), VARIANTS)
        return f"unknown variant {found!r}{hint}; known variants: {', '.join(VARIANTS)}"
    if item["type"] == "missing":
        return f"{where}: not given"
    return f"{where}: {item['msg'][0].lower()}{item['msg'][1:]}, found {found!r}"


def check_request(request: CompileRequest) -> Circles:
    """Check that the task exists and that the frequencies suit it and the variant.

    Returns:
        The circles of the task's group.

    Raises:
        ModelError: with everything that is wrong.
    """
    try:
        task = ModularTask(request.task, request.p)
    except TaskError as error:
        raise ModelError(error.faults, title="compile request") from None
    circles = Circles.of(task)
    faults = [*_bad_frequencies(request, circles), *_unfit_variant(request, circles)]
    if request.variant != "clock-attention" and request.epsilon is not None:
        faults.append(f"epsilon belongs to clock-attention, not to {request.variant}; leave it out")
    if not faults:
        faults = _indistinct(request, circles) or _unsure(request, circles)
    if faults:
        raise ModelError(faults, title=f"{request.variant} on {request.task} with p = {request.p}")
    return circles


def _bad_frequencies(request: CompileRequest, circles: Circles) -> list[str]:
    n, largest = circles.order, (circles.order - 1) // 2
    dead = request.distractors.dead_frequencies
    faults = []
    for k in (*request.frequencies, *dead):
        folded = min(k % n, -k % n)
        if 2 * folded == n:
            faults.append(f"frequency {k} is half the order {n} and has no sine; choose from 1 to {largest}")
        elif folded == 0:
            faults.append(f"frequency {k} is constant on a group of order {n}; choose from 1 to {largest}")
        elif k != folded:
            faults.append(
                f"frequency {k} lies outside 1 to {largest}; up to sign it is {folded}: write {folded}"
            )
    for folded, times in Counter(min(k % n, -k % n) for k in (*request.frequencies, *dead)).items():
        if times > 1:
            same = [k for k in (*request.frequencies, *dead) if min(k % n, -k % n) == folded]
            listed = ", ".join(map(str, same))
            faults.append(f"frequencies {listed} are equal up to sign; name each once, as key or as dead")
    if len(request.frequencies) > (most := min(most_frequencies(n), MOST_FREQUENCIES)):
        faults.append(
            f"{len(request.frequencies)} key frequencies are no small set among {n // 2}; use at most {most}"
        )
    if request.variant == "clock-attention":
        doubled = {min(2 * k % n, -2 * k % n): k for k in request.frequencies}
        faults += [
            f"frequency {k} cannot be dead: clock-attention reads it as twice {doubled[k]}"
            for k in dead
            if k in doubled
        ]
    return faults


def _unfit_variant(request: CompileRequest, circles: Circles) -> list[str]:
    """Say where an algorithm cannot solve a task at all."""
    n = circles.order
    if request.variant == "pizza" and n % 2 == 0:
        return [
            f"pizza cannot solve a group of even order {n}: where the operands differ by {n // 2}, "
            f"every odd frequency vanishes and even ones cannot tell s from s + {n // 2}; choose "
            "clock-torus or clock-attention, or a task of odd order"
        ]
    if request.variant == "clock-attention" and circles.mirrored:
        return [
            f"clock-attention cannot solve {request.task}: a softmax over two tokens multiplies them "
            "symmetrically, and the answer changes when they are swapped; choose pizza or clock-torus"
        ]
    return []


def _indistinct(request: CompileRequest, circles: Circles) -> list[str]:
    shared = math.gcd(circles.order, *request.frequencies)
    if shared == 1:
        return []
    step = circles.order // shared
    return [
        f"frequencies {', '.join(map(str, request.frequencies))} share the factor {shared} with the order "
        f"{circles.order}, so that s and s + {step} have the same logits and accuracy stays below 1; add a "
        f"frequency that is no multiple of {_prime_factor(shared)}"
    ]


def _unsure(request: CompileRequest, circles: Circles) -> list[str]:
    """Say where the scale, or any scale, leaves the right answers too little ahead of the others."""
    frequencies = tuple(sorted(request.frequencies))
    needed = choose_alpha(request.variant, circles.order, frequencies)
    listed = ", ".join(map(str, frequencies))
    if needed > MOST:
        worst = formula_loss(request.variant, circles.order, frequencies, MOST)
        return [
            f"frequencies {listed} tell some classes hardly apart: even with alpha = {MOST:g} the loss is "
            f"{worst:.2g} nats, over {ALLOWED:g}; use more frequencies"
        ]
    if request.alpha is None:
        return []
    loss = formula_loss(request.variant, circles.order, frequencies, request.alpha)
    if loss <= ALLOWED:
        return []
    return [
        f"alpha = {request.alpha:g} leaves a loss of {loss:.2g} nats with frequencies {listed}, over "
        f"{ALLOWED:g}; use alpha = {needed:g}, or leave it out"
    ]


def _prime_factor(n: int) -> int:
    return next(q for q in range(2, n + 1) if n % q == 0)
