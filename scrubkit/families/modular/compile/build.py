"""Build: from a request to a checked model, one pass after another."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch

from scrubkit.errors import ModelError
from scrubkit.families.modular.compile.account import account
from scrubkit.families.modular.compile.assemble import assemble
from scrubkit.families.modular.compile.check import Check, check
from scrubkit.families.modular.compile.circles import Circles
from scrubkit.families.modular.compile.circuit import Circuit
from scrubkit.families.modular.compile.clock_attention import build_clock_attention
from scrubkit.families.modular.compile.clock_torus import build_clock_torus
from scrubkit.families.modular.compile.disguise import (
    add_noise,
    draw_disguise,
    reorder,
    rotate_heads,
    rotate_residual,
)
from scrubkit.families.modular.compile.distractors import plant
from scrubkit.families.modular.compile.pizza import build_pizza
from scrubkit.families.modular.compile.request import CompileRequest, check_request, read_request
from scrubkit.families.modular.compile.scale import choose_alpha
from scrubkit.families.modular.compile.sizes import choose_epsilon, fit, share_neurons
from scrubkit.models.model import Model
from scrubkit.models.record import ModelConfig, Provenance
from scrubkit.models.weights import Weights


def compile_model(request: CompileRequest | None = None, **options: Any) -> Model:
    """Compile a model whose algorithm is known because its weights are written down by formula.

    >>> model = compile_model(variant="pizza", p=13, frequencies=(2, 5))
    >>> model.truth.frequencies
    (2, 5)

    Args:
        request: what to compile; or give its fields as keywords, see `CompileRequest`.
        **options: the fields of a request, `distractors` as a mapping.

    Returns:
        A model with its truth. Its provenance holds the request as recipe, and as history the figures
        of `Check` with the scale, the number of phases and the size of the attention scores.

    Raises:
        ModelError: the request is wrong or does not fit, with every fault and what would fit; or the
            model does not answer every input rightly.
    """
    if request is None:
        request = read_request(options)
    elif not isinstance(request, CompileRequest):
        raise ModelError(
            f"expected keywords such as variant='pizza', p=59, found {request!r:.100}; or a CompileRequest"
        )
    elif options:
        raise ModelError(f"a request and keywords were given, {', '.join(options)}; give one or the other")
    circles = check_request(request)
    circuit, config, made = draw_circuit(request, circles)
    weights = assemble(circuit, config)
    if request.noise:
        weights = add_noise(weights, request.noise, request.seed)
    disguise = draw_disguise(config, rotate=request.rotate, permute=request.permute, seed=request.seed)
    if request.rotate:
        weights = rotate_heads(rotate_residual(weights, disguise.rotation), request.seed)
    weights = _stored(reorder(weights, disguise))
    figures = check(weights, circles, circuit)
    _require_right(request, figures)
    truth = account(
        request.variant,
        request.frequencies,
        circuit,
        circles,
        request.distractors,
        disguise,
        noisy=request.noise > 0,
    )
    provenance = Provenance(
        kind="compiled",
        seed=request.seed,
        recipe=request.model_dump(mode="json"),
        history={**asdict(figures), **made},
    )
    return Model(request.name, circles.task, config, weights, provenance, truth)


def draw_circuit(request: CompileRequest, circles: Circles) -> tuple[Circuit, ModelConfig, dict[str, float]]:
    """Build the circuit with its distractors and choose a shape for it.

    Returns:
        The circuit, the shape, and what was chosen on the way: alpha, phases, epsilon.

    Raises:
        ModelError: the circuit does not fit the sizes that were asked for.
    """
    planted = request.distractors
    frequencies = tuple(sorted(request.frequencies))
    shared = share_neurons(request.variant, circles.task, frequencies, planted.n_neurons, request.d_mlp)
    alpha = request.alpha or choose_alpha(request.variant, circles.order, frequencies)
    made: dict[str, float] = {"alpha": alpha, "phases": shared.phases}
    if request.variant == "pizza":
        circuit = build_pizza(circles, frequencies, shared.phases, alpha)
    elif request.variant == "clock-torus":
        circuit = build_clock_torus(circles, frequencies, shared.phases, alpha)
    else:
        epsilon = request.epsilon or choose_epsilon(circles.order, frequencies)
        made = {"alpha": alpha, "epsilon": epsilon}
        circuit = build_clock_attention(circles, frequencies, epsilon, alpha, planted.need_sums)
    circuit = plant(circuit, circles, frequencies, alpha, planted, request.seed)
    asked = {"d_model": request.d_model, "n_heads": request.n_heads, "d_head": request.d_head}
    config, faults = fit(request.variant, circles.task, circuit, shared.d_mlp, asked)
    if config is None or shared.faults:
        raise ModelError(
            [*shared.faults, *faults], title=f"{request.variant} with {len(frequencies)} frequencies"
        )
    return circuit, config, made


def _stored(weights: Weights) -> Weights:
    """Round to the dtype in which weights are kept, each tensor in memory of its own."""
    return Weights({name: t.to(torch.float32).contiguous() for name, t in weights.named().items()})


def _require_right(request: CompileRequest, figures: Check) -> None:
    """Refuse a model that does not answer every input rightly."""
    if figures.accuracy == 1:
        return
    found = f"accuracy is {figures.accuracy:.6f} and the smallest margin {figures.min_margin:.3g}"
    if request.noise:
        remedy = f"noise {request.noise:g} is too much for it; use less"
    elif request.epsilon is not None:
        remedy = f"epsilon {request.epsilon:g} is too large for these frequencies; leave it out"
    else:
        remedy = "the frequencies tell some classes hardly apart; use more of them, or a larger d_mlp"
    raise ModelError(f"{found}, but it must be 1: {remedy}", title=f"compiled {request.variant}")
