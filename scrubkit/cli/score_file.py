"""The JSON file that ``scrubkit score --json`` writes."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from scrubkit.scrubbing.score import Score, Verdict


class Scored(BaseModel):
    """One hypothesis file with its score.

    Attributes:
        file: path of the hypothesis file, as given.
        expected: verdicts that the file takes for right on this model; empty where it says nothing.
        as_expected: whether the verdict is one of them; None where the file says nothing.
        score: the score.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    file: str
    expected: tuple[str, ...] = ()
    as_expected: bool | None = None
    score: Score


class Judged(BaseModel):
    """One hypothesis file with what a method of the bench says of it.

    Attributes:
        file: path of the hypothesis file, as given.
        hypothesis: its name.
        method: name of the method.
        score: larger means truer.
        interval: of the score, where the method states one.
        verdict: the method's own, or the one that its threshold makes of the score.
        notes: the method's reasons.
        evaluations: model runs on one input, if the method counts them.
        expected: as in `Scored`.
        as_expected: as in `Scored`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    file: str
    hypothesis: str
    method: str
    score: float
    interval: tuple[float, float] | None = None
    verdict: Verdict
    notes: tuple[str, ...] = ()
    evaluations: int | None = None
    expected: tuple[str, ...] = ()
    as_expected: bool | None = None


class NotScored(BaseModel):
    """A hypothesis file that could not be scored, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    faults: tuple[str, ...]


class ScoreFile(BaseModel):
    """Scores of some hypothesis files on one model.

    Attributes:
        model: name of the model.
        model_hash: hash of its weights.
        scores: the files that were scored, in the order of the table.
        judged: the same, where a method was asked instead.
        not_scored: the files that could not be.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    model: str
    model_hash: str
    scores: tuple[Scored, ...]
    judged: tuple[Judged, ...] = ()
    not_scored: tuple[NotScored, ...] = ()
