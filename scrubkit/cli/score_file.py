"""The JSON file that ``scrubkit score --json`` writes."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from scrubkit.scrubbing.score import Score


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
        not_scored: the files that could not be.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    model: str
    model_hash: str
    scores: tuple[Scored, ...]
    not_scored: tuple[NotScored, ...] = ()
