"""What is known of a model of modular arithmetic: key frequencies, clusters of neurons, and what heads do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from scrubkit.models.record import Certificate, Record, Truth


class HeadRole(Record):
    """What one attention head does, in words, with the frequency it serves if it serves one."""

    head: int
    role: str
    frequency: int | None = None


class ModularTruth(Truth):
    """What is known of a model's algorithm.

    Attributes:
        variant: pizza, clock-torus or clock-attention by construction; "measured" otherwise.
        p: modulus of the task.
        frequencies: key frequencies of the group, ascending.
        clusters: neurons that serve each key frequency.
        heads: what each head does.
        neuron_roles: neurons with a planted role, by the name of the role.
        distractors: options of the planted distractors, by name.
        n_neurons: number of neurons in the layer, by which those of no cluster are known.
    """

    family: str = "modular"
    p: int
    frequencies: tuple[int, ...]
    clusters: dict[int, tuple[int, ...]] = Field(default_factory=dict)
    heads: tuple[HeadRole, ...] = ()
    neuron_roles: dict[str, tuple[int, ...]] = Field(default_factory=dict)
    distractors: dict[str, Any] = Field(default_factory=dict)
    n_neurons: int = Field(default=0, ge=0)

    @property
    def names(self) -> Mapping[str, Mapping[str, tuple[int, ...]]]:
        """``cluster:k`` and ``rest`` for neurons, ``key`` for frequencies, and the parts."""
        neurons = {f"cluster:{k}": members for k, members in self.clusters.items()}
        if self.n_neurons:
            used = {i for members in self.clusters.values() for i in members}
            neurons["rest"] = tuple(i for i in range(self.n_neurons) if i not in used)
        found = {"neurons": neurons}
        if self.frequencies:
            found["frequencies"] = {"key": self.frequencies}
        return {key: {**found.get(key, {}), **self.parts.get(key, {})} for key in {**found, **self.parts}}

    @property
    def summary(self) -> str:
        """The truth in a few words."""
        return f"{self.variant} at {', '.join(map(str, self.frequencies))}"


class ModularCertificate(Certificate):
    """The measurements that show which algorithm a model runs.

    Attributes:
        algorithm: clock, pizza, or measured where neither is clear.
        frequencies: key frequencies found, ascending.
        clusters: neurons found for each key frequency.
    """

    family: str = "modular"
    frequencies: tuple[int, ...]
    clusters: dict[int, tuple[int, ...]]

    @property
    def summary(self) -> str:
        """The verdict in a few words, with the key frequencies."""
        return f"{super().summary}, key frequencies {', '.join(map(str, self.frequencies)) or 'none'}"
