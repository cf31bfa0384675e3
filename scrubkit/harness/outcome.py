"""What became of one question: the answer of a method, or the fault that it is charged with."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from scrubkit.methods.protocol import AnswerVerdict

FaultKind = Literal[
    "raised",
    "timeout",
    "crashed",
    "invalid",
    "not-finite",
    "interval",
    "model-changed",
    "hypothesis-changed",
    "not-reproducible",
]


class Record(BaseModel):
    """Base of what the harness writes down: immutable, unknown keys are faults."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Fault(Record):
    """Why an answer does not count.

    Attributes:
        kind: what went wrong: it raised, ran out of time, ended its process, gave no valid `Answer`, a score
            that is not finite, an interval that does not hold the score, changed the model or the
            hypothesis, or gave another answer from the same generator.
        detail: the particulars, in words.
    """

    kind: FaultKind
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}, {self.detail}"


class Outcome(Record):
    """A scorer's answer to one question, or its fault.

    Attributes:
        key: content hash of the question, see `scrubkit.harness.questions`.
        score: larger means truer; None where there is no valid answer.
        low: lower end of the stated interval, None if none was stated.
        high: upper end.
        verdict: the method's own verdict, or the one that its `threshold` makes of the score.
        evaluations: model runs on one input, if the method counts them.
        notes: the method's explanations.
        control: what the same claim scores about random weights, where the method says so.
        seconds: wall-clock time of the call.
        device: "cpu" or "cuda", of the machine that answered.
        fault: what the method is charged with, None if nothing.
    """

    key: str
    score: float | None = None
    low: float | None = None
    high: float | None = None
    verdict: AnswerVerdict | None = None
    evaluations: int | None = None
    notes: tuple[str, ...] = ()
    control: float | None = None
    seconds: float = 0.0
    device: str = "cpu"
    fault: Fault | None = None


class Finding(Record):
    """A finder's answer about one model, or its fault.

    Attributes:
        key: content hash of the question.
        sites: importance by site.
        edges: (source, target, importance).
    """

    key: str
    sites: dict[str, float] = {}
    edges: tuple[tuple[str, str, float], ...] = ()
    evaluations: int | None = None
    seconds: float = 0.0
    device: str = "cpu"
    fault: Fault | None = None
