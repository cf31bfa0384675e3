"""A case: one question put to a method, with the answer that the method is not shown."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

LabelName = Literal["true", "false", "vacuous", "ambiguous"]
Stratum = Literal["rare", "wrong-place", "left-out", "too-coarse", "not-needed"]
STRATA: tuple[Stratum, ...] = get_args(Stratum)
"""In which way a claim is false; where several fit, the first."""


class Frozen(BaseModel):
    """Base of the records below: immutable, unknown keys are faults."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Evidence(Frozen):
    """One figure behind a label: what was measured of which claim, between its two thresholds.

    Attributes:
        claim: what was measured. "sufficient": what joint draws move, on average, as a share of what another
            input moves; "worst": what the worst draw takes of an answer's lead, 1 where the answer changes;
            "failure": the share of draws that change an answer; "local": what the scrub of one node moves
            at the output, as "sufficient"; "needed": what the node moves in the context where it moves
            most. In labels of version 1: "carries", "irrelevant", "matters", "compound".
        where: node or edge that the claim is about.
        value: the figure.
        holds_below: claim holds if the figure is under this, or None.
        fails_above: claim fails if the figure is over this, or None.
        holds_above: claim holds if the figure is over this, or None.
        fails_below: claim fails if the figure is under this, or None.
    """

    claim: Literal[
        "sufficient", "worst", "failure", "local", "needed", "carries", "irrelevant", "matters", "compound"
    ]
    where: str
    value: float
    holds_below: float | None = None
    fails_above: float | None = None
    holds_above: float | None = None
    fails_below: float | None = None


class Witness(Frozen):
    """One joint draw of a scrub, which `scrubkit.bench.label.replay` makes again.

    Attributes:
        row: the reference input, a row of the dataset.
        draws: for each node of the treeified hypothesis, by its path from the root such as
            ``logits/cluster_5/a``, the row that it is given and the row on which all that it does not name is
            run. Empty where only the input is known.
    """

    row: int
    draws: dict[str, tuple[int, int]] = {}


class Label(Frozen):
    """Whether a hypothesis is true of the weights, and the figures that say so.

    Attributes:
        label: true, false, vacuous or ambiguous.
        stratum: for a false one, in which way; None otherwise, and in labels of version 1.
        failed: for a false one, which claims fail and where, in words; empty otherwise.
        evidence: every figure that was looked at.
        witness: the worst draw that was found; None in labels of version 1.
        flags: "off-distribution-only" where something is needed only in contexts that no input makes.
    """

    label: LabelName
    stratum: Stratum | None = None
    failed: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    witness: Witness | None = None
    flags: tuple[str, ...] = ()

    @model_serializer(mode="wrap")
    def _without_absent(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what labels of version 1 do not have, so that their suites keep their hashes."""
        newer = ("stratum", "witness", "flags")
        return {key: value for key, value in dump(self).items() if value or key not in newer}


class ModelSpec(Frozen):
    """How to get a model, the same one every time.

    Attributes:
        kind: "load" (a name that `scrubkit.load` takes), "functions" (a name in `scrubkit.bench.graphs`,
            which is no transformer), "null" (made of another model, `scrubkit.bench.nulls`), or a kind that a
            family makes.
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

    @property
    def stratum(self) -> Stratum | None:
        """In which way a false claim is false; None for others, and where version 1 does not say."""
        if self.label.stratum is None and self.label.label == "false":
            return next((name for name in STRATA if name == self.operator), None)
        return self.label.stratum
