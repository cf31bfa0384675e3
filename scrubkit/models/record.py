"""What is written down about a model: task, shape, provenance, truth and certificate.

These are the pydantic models behind a model's JSON file. They hold facts only; the code that finds the facts
is in a family: by construction or by measurement. What is particular to a family is in its own subclasses of
`Truth` and `Certificate`, found by the family's name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import ConfigDict, Field, SerializeAsAny

from scrubkit.models.config import ModelConfig, Record
from scrubkit.shown import Shown, table

SCHEMA_VERSION = 2
"""Version of the model JSON; a file with a higher one is refused, lower ones are brought up to date."""


class TaskRecord(Record):
    """How to get a model's task.

    Attributes:
        family: family that the task belongs to; "" for a task whose rows are stored beside the weights.
        name: name of the task.
        options: what its family makes it from; or constants, answer positions and sizes, beside the rows.
        hash: identity of a task whose rows are stored.
    """

    family: str = Field(default="", max_length=100)
    name: str = Field(max_length=200)
    options: dict[str, Any] = Field(default_factory=dict)
    hash: str = ""


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


class Statement(Record):
    """The statement that a site carries a feature of the inputs, and nothing more.

    Attributes:
        site: site in hypothesis syntax.
        feature: feature expression.
        exact: holds to rounding error, rather than approximately.
        causal: the logits depend on the site's value.
        of: name of the variable that the site holds, "" where none is named. Sites of one variable hold the
            same, and to name one of them is to name it.
    """

    site: str
    feature: str
    exact: bool = False
    causal: bool = True
    of: str = ""


def _open_to_subclasses(schema: dict[str, Any], cls: type[Any]) -> None:
    """Let a base class's JSON Schema accept what the families add to it."""
    if cls.__name__ in ("Truth", "Certificate") and cls.__module__ == __name__:
        schema["additionalProperties"] = True


class Truth(Record):
    """What is known of a model's algorithm; a family may know more, in a subclass.

    Attributes:
        family: family whose type of truth this is, "" for none.
        source: "construction" for a compiled model, "certificate" for a measured one.
        variant: which algorithm, in the family's words.
        statements: what each site carries.
        subspaces: orthonormal bases by name, each a list of vectors in the basis of the hook.
        parts: named indices, by the key of a site that takes them: ``{"neurons": {"compare": (0, 1)}}``.
    """

    model_config = ConfigDict(json_schema_extra=_open_to_subclasses)

    family: str = ""
    source: Literal["construction", "certificate"]
    variant: str
    statements: tuple[Statement, ...] = ()
    subspaces: dict[str, list[list[float]]] = Field(default_factory=dict)
    parts: dict[str, dict[str, tuple[int, ...]]] = Field(default_factory=dict)

    @property
    def names(self) -> Mapping[str, Mapping[str, tuple[int, ...]]]:
        """All names that sites may use, by key: the parts, and what a family derives from its own fields."""
        return self.parts

    @property
    def reads(self) -> Mapping[str, frozenset[str]] | None:
        """Which variables each variable of the statements is computed from; None where that is not known."""
        return None

    @property
    def minimal(self) -> Sequence[Sequence[tuple[str, str]]]:
        """The minimal circuits, each as edges between variables; none where they are not known."""
        return ()

    @property
    def summary(self) -> str:
        """The truth in a few words."""
        return self.variant


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


class Certificate(Shown, Record):
    """The measurements that show which algorithm a model runs; a family may find more, in a subclass.

    Attributes:
        family: family whose type of certificate this is, "" for none.
        certified: every threshold was met.
        algorithm: which algorithm was found, in the family's words.
        reasons: one sentence for each threshold that was missed; empty if certified.
        measurements: every figure with its threshold.
        tables: figures that are not one number, as plain JSON values.
        weights_hash: identity of the model that was measured.
    """

    model_config = ConfigDict(json_schema_extra=_open_to_subclasses)

    family: str = ""
    certified: bool
    algorithm: str
    reasons: tuple[str, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    tables: dict[str, Any] = Field(default_factory=dict)
    weights_hash: str = ""

    @property
    def summary(self) -> str:
        """The verdict in a few words."""
        return f"certified: {self.algorithm}" if self.certified else "not certified"

    def __str__(self) -> str:
        return "\n".join([self.summary, *(f"  {reason}" for reason in self.reasons)])

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(certified={self.certified}, algorithm={self.algorithm!r}, "
            f"{len(self.measurements)} measurements)"
        )

    def _repr_html_(self) -> str:
        heads = ["figure", "value", "unit", "at least", "at most", "passed"]
        rows = [
            [m.note or m.name, m.value, m.unit, m.at_least, m.at_most, m.passed] for m in self.measurements
        ]
        return table(self.summary, heads, rows)

    def to_frame(self) -> Any:
        """Return the measurements as a pandas DataFrame, one row each."""
        import pandas

        return pandas.DataFrame([{**m.model_dump(), "passed": m.passed} for m in self.measurements])

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
    truth: SerializeAsAny[Truth] | None = None
    certificate: SerializeAsAny[Certificate] | None = None
    weights_hash: str


__all__ = [
    "SCHEMA_VERSION",
    "Certificate",
    "Measurement",
    "ModelConfig",
    "ModelRecord",
    "Provenance",
    "Record",
    "Statement",
    "TaskRecord",
    "Truth",
]
