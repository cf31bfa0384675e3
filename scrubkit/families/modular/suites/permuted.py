"""Permuted models: one trained model with its inputs renamed and its neurons in another order.

Multiplying every token by a unit u modulo p keeps the task, for u(a + b) = ua + ub, and turns frequency k
into uk: a claim about planes or frequencies changes its truth, and no spectrum of the weights changes. In the
same way neurons that serve a frequency change places with others. No weight is written by formula.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scrubkit.bench.case import ModelSpec
from scrubkit.bench.models import build as build_spec
from scrubkit.bench.spec_check import spec_faults
from scrubkit.core.reading import validation_faults
from scrubkit.errors import BenchError, ModelError
from scrubkit.families.modular.truth import ModularTruth
from scrubkit.models.model import Model
from scrubkit.models.record import Provenance

KIND = "permuted"
"""Kind of description."""
ORDER = 13
"""Stream of the random generator."""
BUNDLED = {(59, 500): "modadd-p59", (59, 501): "modadd-p59-b"}
"""Trained models that come with the package, by modulus and number of the base that they serve."""
TRIES = 8
"""Trainings of a base; the first that is certified is taken."""


class Permuted(BaseModel):
    """A model of a suite.

    Attributes:
        of: description of the trained model.
        base: seed of what all models of a base share: the order of neurons.
        unit: what every token is multiplied by.
        exchanged: neurons of the largest cluster change places with as many that are in none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    of: ModelSpec
    base: int = Field(ge=0, lt=2**31)
    unit: int = Field(default=1, ge=1, lt=2000)
    exchanged: bool = False


def option_faults(options: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a description."""
    try:
        spec = Permuted.model_validate(dict(options))
    except ValidationError as error:
        return validation_faults(error)
    if spec.of.kind not in ("load", "train"):
        return [f"of: its kind must be load or train, found {spec.of.kind!r:.80}"]
    return spec_faults([spec.of])


def certified(p: int, base: int) -> ModelSpec:
    """Return the trained model of a base: one of the package's, or the first training that is certified.

    Args:
        p: modulus.
        base: number of the base, which seeds the trainings.

    Raises:
        BenchError: none of them is.
    """
    if (p, base) in BUNDLED:
        return ModelSpec(kind="load", options={"name": BUNDLED[p, base]})
    for i in range(TRIES):
        spec = ModelSpec(kind="train", options={"p": p, "seed": base * TRIES + i})
        if isinstance(build_spec(spec).truth, ModularTruth):
            return spec
    raise BenchError(f"none of {TRIES} models trained at p = {p} is certified", title=f"base {base}")


def specs(of: ModelSpec, base: int) -> list[ModelSpec]:
    """Return the four models of a base: as trained or multiplied by a unit, neurons exchanged or not.

    Args:
        of: description of the trained model.
        base: number of the base, which seeds the order of the neurons.
    """
    found = []
    for unit in (1, _unit(build_spec(of))):
        for exchanged in (False, True):
            asked = Permuted(of=of, base=base, unit=unit, exchanged=exchanged)
            found.append(ModelSpec(kind=KIND, options=asked.model_dump()))
    return found


def build(options: Mapping[str, Any], folder: Path) -> Model:
    """Return the model of a description, without a truth: what was measured holds under other names.

    Args:
        options: as in `Permuted`.
        folder: the cache folder.

    Raises:
        ModelError: the model has no measured truth, or the unit is none.
    """
    spec = Permuted.model_validate(dict(options))
    model = build_spec(spec.of, cache_dir=folder)
    p, w = _p_of(model), model.weights
    if math.gcd(spec.unit, p) > 1:
        raise ModelError(f"unit must have no factor in common with {p}, found {spec.unit}", title=KIND)
    tokens = torch.arange(w.W_E.shape[0])
    tokens[:p] = tokens[:p] * spec.unit % p
    neurons = _order(spec, model)
    changed = w.with_(
        W_E=w.W_E[tokens],
        W_U=w.W_U[:, tokens[: w.W_U.shape[1]]],
        b_U=w.b_U[tokens[: w.W_U.shape[1]]],
        W_in=w.W_in[:, neurons],
        b_in=w.b_in[neurons],
        W_out=w.W_out[neurons],
    )
    provenance = Provenance(kind="imported", seed=spec.base, recipe=spec.model_dump(mode="json"))
    return Model(f"{model.name}-permuted", model.task, model.config, changed, provenance)


def _p_of(model: Model) -> int:
    if not isinstance(model.truth, ModularTruth):
        raise ModelError("no truth is known of it; only certified models are permuted", title=model.name)
    return model.truth.p


def _unit(model: Model) -> int:
    """Return the first unit that leaves one frequency key in another's place, or nearly so."""
    p, keys = _p_of(model), model.truth.frequencies  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]

    def shared(unit: int) -> int:
        return len({min(unit * k % p, -unit * k % p) for k in keys} & set(keys))

    units = (u for u in range(2, p - 1) if math.gcd(u, p) == 1)
    return min(units, key=lambda u: (abs(shared(u) - 1), u))


def _order(spec: Permuted, model: Model) -> torch.Tensor:
    """Return for each place the neuron that goes there."""
    order = np.random.default_rng([spec.base, ORDER]).permutation(model.config.d_mlp)
    if spec.exchanged:
        clusters = model.truth.clusters  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]
        used = {i for members in clusters.values() for i in members}
        free = [i for i in range(len(order)) if i not in used]
        pairs = list(zip(max(clusters.values(), key=len), free, strict=False))
        other = {**{i: j for i, j in pairs}, **{j: i for i, j in pairs}}
        order = np.array([other.get(i, i) for i in order.tolist()])
    return torch.from_numpy(order)
