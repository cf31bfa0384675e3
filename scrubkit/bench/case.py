"""A case: one question put to a method, with the answer that the method is not shown."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

LabelName = Literal["true", "false", "vacuous", "ambiguous"]


class Frozen(BaseModel):
    """Base of the records below: immutable, unknown keys are faults."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Evidence(Frozen):
    """One figure behind a label: what was measured of which claim, between its two thresholds.

    Attributes:
        claim: "carries", "irrelevant", "matters", "compound" (the errors of all claims together), or, of
            programs, "sufficient" (the share of draws that change the answer).
        where: node or edge that the claim is about.
        value: the figure.
        holds_below: claim holds if the figure is under this ("carries", "irrelevant"), or None.
        fails_above: claim fails if the figure is over this, or None.
        holds_above: claim holds if the figure is over this ("matters"), or None.
        fails_below: claim fails if the figure is under this, or None.
    """

    claim: Literal["carries", "irrelevant", "matters", "compound", "sufficient"]
    where: str
    value: float
    holds_below: float | None = None
    fails_above: float | None = None
    holds_above: float | None = None
    fails_below: float | None = None


class Label(Frozen):
    """Whether a hypothesis is true of the weights, and the figures that say so.

    Attributes:
        label: true, false, vacuous or ambiguous.
        failed: for a false one, which claims fail and where, in words; empty otherwise.
        evidence: every figure that was looked at.
    """

    label: LabelName
    failed: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()


class ModelSpec(Frozen):
    """How to get a model, the same one every time.

    Attributes:
        kind: "load" (a name that `scrubkit.load` takes), "functions" (a name in `scrubkit.bench.graphs`,
            which is no transformer), or a kind that a family makes.
        options: the name under "name", or the options.
    """

    kind: str = Field(min_length=1, max_length=80)
    options: dict[str, Any] = Field(default_factory=dict)

    @cached_property
    def key(self) -> str:
        """SHA-256 of the description."""
        return hashlib.sha256(json.dumps(self.model_dump(), sort_keys=True).encode()).hexdigest()


class Case(Frozen):
    """One question: a model, a hypothesis, and whether it is true.

    Attributes:
        id: readable and unique in its suite, such as ``less-5-answer-only-none``.
        model: how to get the model.
        variant: variant of the model, such as "steps" or "trained".
        family: kind of the true hypothesis that it comes from, such as "answer-only".
        operator: name of the mutation, or "none"; where the model is changed and not the hypothesis, the way
            in which it is false, such as "too-coarse".
        hypothesis: node-link JSON.
        label: the answer.
    """

    id: str
    model: ModelSpec
    variant: str
    family: str
    operator: str
    hypothesis: dict[str, Any]
    label: Label
