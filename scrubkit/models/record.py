"""What is written down about a model: shape, provenance, truth and certificate.

These are the pydantic models behind a model's JSON file. They hold facts only; the code that finds
the facts is in a family: by construction (`compile`) or by measurement (`certify`).
"""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from scrubkit.core.task import Task

SCHEMA_VERSION = 1
"""Version of the model JSON; a file with a higher one is refused."""


class Record(BaseModel):
    """Base of everything stored: immutable, and unknown keys are faults."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class ModelConfig(Record):
    """Shape of the 1-layer transformer: learned positions, no LayerNorm, untied unembedding.

    The sequence is ``[a, b, "="]`` or ``[a, b]`` and is read at its last position; neurons are ReLUs.
    """

    d_vocab: int = Field(ge=2, le=4096)
    d_vocab_out: int = Field(ge=2, le=4096)
    n_ctx: int = Field(default=3, ge=2, le=8)
    d_model: int = Field(default=128, ge=1, le=8192)
    n_heads: int = Field(default=4, ge=1, le=256)
    d_head: int = Field(default=32, ge=1, le=1024)
    d_mlp: int = Field(default=512, ge=1, le=65536)

    @classmethod
    def for_task(cls, task: Task, **sizes: int) -> ModelConfig:
        """Return the shape for a task, with the mainline sizes unless others are given."""
        return cls(d_vocab=task.d_vocab, d_vocab_out=task.d_vocab_out, n_ctx=task.n_ctx, **sizes)


class TaskRecord(Record):
    """Name and modulus of a task, and whether its rows end in "="."""

    name: str
    p: int = Field(gt=2, le=2000)
    equals: bool = True

    def build(self) -> Task:
        """Return the task itself."""
        return Task(self.name, self.p, self.equals)


class Provenance(Record):
    """Where the weights come from.

    Attributes:
        kind: trained from scratch, compiled by formula, or imported from another project's file.
        seed: seed of everything random in making the weights.
        recipe: every option that decided the weights, by name.
        history: figures of the making, such as steps and final losses.
    """

    kind: Literal["trained", "compiled", "imported"]
    seed: int | None = None
    recipe: dict[str, Any] = Field(default_factory=dict)
    history: dict[str, Any] = Field(default_factory=dict)


class HeadRole(Record):
    """What one attention head does, in words, with the frequency it serves if it serves one."""

    head: int
    role: str
    frequency: int | None = None


class Carries(Record):
    """The statement that a site carries a feature of the inputs, and nothing more.

    Attributes:
        site: site in hypothesis syntax.
        feature: feature expression.
        exact: holds to rounding error, rather than approximately.
        causal: the logits depend on the site's value.
    """

    site: str
    feature: str
    exact: bool = False
    causal: bool = True


class Truth(Record):
    """What is known of a model's algorithm.

    Attributes:
        source: "construction" for a compiled model, "certificate" for a measured one.
        variant: pizza, clock-torus or clock-attention by construction; "measured" otherwise.
        p: modulus of the task.
        frequencies: key frequencies of the group, ascending.
        clusters: neurons that serve each key frequency.
        heads: what each head does.
        neuron_roles: neurons with a planted role, by the name of the role.
        distractors: options of the planted distractors, by name.
        carries: what each site carries.
        subspaces: orthonormal bases by name, each a list of vectors in the residual basis.
    """

    source: Literal["construction", "certificate"]
    variant: str
    p: int
    frequencies: tuple[int, ...]
    clusters: dict[int, tuple[int, ...]] = Field(default_factory=dict)
    heads: tuple[HeadRole, ...] = ()
    neuron_roles: dict[str, tuple[int, ...]] = Field(default_factory=dict)
    distractors: dict[str, Any] = Field(default_factory=dict)
    carries: tuple[Carries, ...] = ()
    subspaces: dict[str, list[list[float]]] = Field(default_factory=dict)


class Measurement(Record):
    """One measured figure beside its threshold.

    Attributes:
        name: what was measured.
        value: the figure.
        unit: nats, share, count, or empty.
        at_least: smallest value that passes, if there is one.
        at_most: largest value that passes, if there is one.
        note: what the figure means.
    """

    name: str
    value: float
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether the figure is a number and lies within its thresholds; NaN never passes."""
        low = self.at_least is None or self.value >= self.at_least
        high = self.at_most is None or self.value <= self.at_most
        return low and high and not math.isnan(self.value)


class Certificate(Record):
    """The measurements that show which algorithm a model runs.

    Attributes:
        certified: every threshold was met.
        algorithm: clock, pizza, or measured where neither is clear.
        reasons: one sentence for each threshold that was missed; empty if certified.
        frequencies: key frequencies found, ascending.
        clusters: neurons found for each key frequency.
        measurements: every figure with its threshold.
        tables: figures that are not one number: per frequency, per head.
        weights_hash: hash of the weights that were measured.
    """

    certified: bool
    algorithm: str
    reasons: tuple[str, ...]
    frequencies: tuple[int, ...]
    clusters: dict[int, tuple[int, ...]]
    measurements: tuple[Measurement, ...]
    tables: dict[str, Any] = Field(default_factory=dict)
    weights_hash: str = ""

    def __str__(self) -> str:
        said = f"certified: {self.algorithm}" if self.certified else "not certified"
        found = f"{said}, key frequencies {', '.join(map(str, self.frequencies)) or 'none'}"
        return "\n".join([found, *(f"  {reason}" for reason in self.reasons)])

    def __repr__(self) -> str:
        return (
            f"Certificate(certified={self.certified}, algorithm={self.algorithm!r}, "
            f"frequencies={self.frequencies}, {len(self.measurements)} measurements)"
        )

    def __getitem__(self, name: str) -> Measurement:
        """Return the measurement of that name; raises KeyError naming those there are."""
        for measurement in self.measurements:
            if measurement.name == name:
                return measurement
        known = ", ".join(m.name for m in self.measurements)
        raise KeyError(f"no measurement {name!r}; there are: {known}")


class ModelRecord(Record):
    """The JSON file beside a model's weights."""

    schema_version: int = SCHEMA_VERSION
    name: str = Field(max_length=200)
    task: TaskRecord
    config: ModelConfig
    provenance: Provenance
    truth: Truth | None = None
    certificate: Certificate | None = None
    weights_hash: str
