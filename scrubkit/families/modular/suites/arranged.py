"""Arranged models: one circuit whose parts sit in slots, so that models of one shape differ in what is where.

Neurons come in slots of equal size, each a fixed set of indices; a slot holds a cluster, decoys, or neurons
that decide a few inputs. Heads are slots of one. Two arrangements of a base hold the same parts in other
slots, or serve other frequencies, or take the difference for the sum, and answer in one vocabulary: that
is what makes one text true of one and false of the other. A permutation changes no spectrum of the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from scrubkit.core.reading import validation_faults
from scrubkit.errors import ModelError, ScrubkitError
from scrubkit.families.modular.compile.account import account
from scrubkit.families.modular.compile.assemble import assemble
from scrubkit.families.modular.compile.build import draw_circuit
from scrubkit.families.modular.compile.circles import Circles
from scrubkit.families.modular.compile.circuit import Circuit
from scrubkit.families.modular.compile.disguise import (
    Disguise,
    add_noise,
    random_rotation,
    reorder,
    rotate_heads,
    rotate_residual,
)
from scrubkit.families.modular.compile.request import CompileRequest, check_request, read_request
from scrubkit.models.model import Model
from scrubkit.models.record import ModelConfig, Provenance
from scrubkit.models.weights import Weights

KIND = "arranged"
"""Kind of description."""
STREAM = 11
"""Stream of the random generator."""
SLOT = 64
"""Neurons of a slot, where a description does not say."""
WRONG = 8.0
"""How much stronger neurons that decide an input write against the right class than they would for it."""


class Arranged(BaseModel):
    """A model of a suite.

    Attributes:
        variant: algorithm.
        p: modulus.
        task: name of the task.
        keys: key frequencies.
        dead: frequencies that are embedded and not read.
        base: seed of what all arrangements share: slots, phases of the distractors, rotation.
        slots: how many slots the neurons have, all groups that any arrangement holds.
        neurons: slot of each group of neurons, clusters by frequency in order of the keys, then decoys, then
            those that decide inputs.
        heads: place of each head of the circuit, then of the idle ones.
        decoys: number of decoy neurons.
        deciding: number of inputs that neurons of their own decide, wrongly.
        rotate: change the basis of the residual stream and of the heads.
        noise: standard deviation of noise on the weights, as a share of each tensor's root mean square.
        slot: neurons of a slot.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    variant: Literal["pizza", "clock-torus"]
    p: int = Field(ge=5, le=113)
    task: Literal["modular_addition", "modular_subtraction"] = "modular_addition"
    keys: list[int] = Field(min_length=1, max_length=6)
    dead: list[int] = Field(default=[], max_length=6)
    base: int = Field(ge=0, lt=2**31)
    slots: int = Field(ge=1, le=12)
    neurons: list[int] = Field(max_length=12)
    heads: list[int] = Field(max_length=16)
    decoys: int = Field(default=0, ge=0, le=64)
    deciding: int = Field(default=0, ge=0, le=8)
    rotate: bool = False
    noise: float = Field(default=0.0, ge=0, le=0.1)
    slot: int = Field(default=SLOT, ge=16, le=256)

    @model_serializer(mode="wrap")
    def _without_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out no noise and the first slots, so that older descriptions keep their hashes."""
        usual = {"noise": 0.0, "slot": SLOT}
        return {key: value for key, value in dump(self).items() if usual.get(key) != value}

    @property
    def request(self) -> CompileRequest:
        """What is compiled before it is arranged."""
        planted: dict[str, Any] = {"dead_frequencies": list(self.dead), "decoy_neurons": self.decoys}
        planted["memorised_pairs"] = self.deciding
        planted["decoy_heads"] = 1
        neurons = len(self.keys) * self.slot + self.decoys + self.deciding
        sizes = {"d_model": 64, "n_heads": 8, "d_head": 32, "d_mlp": neurons}
        return read_request(
            {
                "variant": self.variant,
                "p": self.p,
                "task": self.task,
                "frequencies": list(self.keys),
                "distractors": planted,
                "seed": self.base,
                **sizes,
            }
        )


def option_faults(options: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a description."""
    try:
        spec = Arranged.model_validate(dict(options))
        _places(spec, *drawn(spec)[1:])
    except ValidationError as error:
        return validation_faults(error)
    except ScrubkitError as error:
        return list(error.faults)
    return []


def slot_members(spec: Arranged) -> list[list[int]]:
    """Return the neurons of each slot; they are the same for all arrangements of a base."""
    size = spec.slot
    order = np.random.default_rng([spec.base, STREAM]).permutation(spec.slots * size)
    return [sorted(order[s * size : (s + 1) * size].tolist()) for s in range(spec.slots)]


def drawn(spec: Arranged) -> tuple[Circles, Circuit, ModelConfig]:
    """Return the circuit of a description, and a shape in which its slots are whole."""
    circles = check_request(spec.request)
    circuit, config, _ = draw_circuit(spec.request, circles)
    return circles, circuit, config.model_copy(update={"d_mlp": spec.slots * spec.slot})


def build(options: Mapping[str, Any]) -> Model:
    """Return the model of a description.

    Raises:
        ModelError: the parts do not fit their slots.
    """
    spec = Arranged.model_validate(dict(options))
    request = spec.request
    circles, circuit, config = drawn(spec)
    disguise = _places(spec, circuit, config)
    weights = assemble(circuit, config)
    if spec.deciding:
        weights = _deciding(weights, circuit)
    if spec.noise:
        weights = add_noise(weights, spec.noise, spec.base)
    if spec.rotate:
        weights = rotate_heads(rotate_residual(weights, disguise.rotation), spec.base)
    weights = reorder(weights, disguise)
    stored = Weights({name: t.to(torch.float32).contiguous() for name, t in weights.named().items()})
    made = (circuit, circles, request.distractors, disguise)
    truth = account(request.variant, request.frequencies, *made, noisy=spec.noise > 0)
    provenance = Provenance(kind="compiled", seed=spec.base, recipe=spec.model_dump(mode="json"))
    return Model(f"arranged-{spec.variant}-p{spec.p}", circles.task, config, stored, provenance, truth)


def _deciding(weights: Weights, circuit: Circuit) -> Weights:
    """Turn what memorised pairs write around: against the right class, and strong enough to decide."""
    start, out = 0, weights.W_out.clone()
    for group in circuit.neurons:
        if group.role == "memorised":
            out[start : start + group.count] *= -WRONG
        start += group.count
    return weights.with_(W_out=out)


def _places(spec: Arranged, circuit: Circuit, config: ModelConfig) -> Disguise:
    """Return where every head and neuron goes; raises ModelError where a group does not fit its slot."""
    groups = _groups(circuit)
    members = slot_members(spec)
    faults = []
    if len(spec.neurons) != len(groups) or not set(spec.neurons) <= set(range(spec.slots)):
        faults.append(f"neurons must give one of {spec.slots} slots to each of {len(groups)} groups")
    elif len(set(spec.neurons)) != len(groups):
        faults.append("two groups of neurons are given one slot")
    elif any(len(group) > len(members[slot]) for group, slot in zip(groups, spec.neurons, strict=True)):
        faults.append("a group of neurons is larger than its slot; use fewer slots or frequencies")
    if sorted(spec.heads) != list(range(config.n_heads)):
        faults.append(f"heads must be an order of 0 to {config.n_heads - 1}")
    if faults:
        raise ModelError(faults, title="arranged model")
    at = np.full(config.d_mlp, -1)
    for group, slot in zip(groups, spec.neurons, strict=True):
        for layout, place in zip(group, members[slot], strict=False):
            at[place] = layout
    left = iter(sorted(set(range(config.d_mlp)) - set(at.tolist())))
    neuron_order = np.array([next(left) if layout < 0 else layout for layout in at.tolist()])
    rotation = (
        random_rotation(config.d_model, np.random.default_rng([spec.base, STREAM, 1]))
        if spec.rotate
        else np.eye(config.d_model)
    )
    return Disguise(rotation, np.argsort(np.array(spec.heads)), neuron_order)


def _groups(circuit: Circuit) -> list[list[int]]:
    """Return the neurons of the layout by group: clusters in order of frequency, then each other role."""
    found: dict[tuple[int, str], list[int]] = {}
    start = 0
    for group in circuit.neurons:
        key = (group.frequency or 0, "") if group.role == "cluster" else (10**6, group.role)
        found.setdefault(key, []).extend(range(start, start + group.count))
        start += group.count
    return [found[key] for key in sorted(found)]
