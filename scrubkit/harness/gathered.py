"""What a run has found so far, part of a suite by part: what the figures are made of, and no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scrubkit.bench.case import Case
from scrubkit.harness.batches import Layout
from scrubkit.harness.outcome import Finding, Outcome
from scrubkit.harness.questions import Given


@dataclass
class Gathered:
    """Answers by case and by model.

    Attributes:
        cases: the cases that were asked; of a suite in shards without their hypotheses.
        scored: for each entrant, its answer to each case, by the case's id.
        found: for each entrant, its answer about each model, by the model's key.
        exact: for each entrant, what its scores estimate, by the case's id, where it is known.
        models: the models, by key; none of a suite in shards.
        asked: how many answers were taken in this run.
    """

    scored: list[dict[str, Outcome]]
    found: list[dict[str, Finding]]
    exact: list[dict[str, float]]
    cases: list[Case] = field(default_factory=list)
    models: dict[str, Given] = field(default_factory=dict)
    asked: int = 0

    @classmethod
    def of(cls, entrants: int) -> Gathered:
        """Return nothing, for so many entrants."""
        each = range(entrants)
        return cls([{} for _ in each], [{} for _ in each], [{} for _ in each])

    def add(
        self,
        cases: Sequence[Case],
        layout: Layout,
        answers: Sequence[Mapping[str, Outcome | Finding]],
        exact: Sequence[Mapping[str, float]],
        asked: int,
        *,
        whole: bool,
    ) -> None:
        """Add the answers to some cases.

        Args:
            cases: the cases.
            layout: their questions.
            answers: of each entrant, by question.
            exact: for each entrant, what its scores estimate.
            asked: how many answers are new.
            whole: whether these are all cases there are; if not, what no figure needs is dropped.
        """
        for index, known in enumerate(answers):
            self.scored[index] |= {
                case: a for case, key in layout.keys.items() if isinstance(a := known.get(key), Outcome)
            }
            self.found[index] |= {key: a for key in layout.models if isinstance(a := known.get(key), Finding)}
            self.exact[index] |= exact[index]
        self.cases += cases if whole else [case.model_copy(update={"hypothesis": {}}) for case in cases]
        self.models |= layout.models if whole else {}
        self.asked += asked

    @property
    def devices(self) -> set[str]:
        """Kinds of devices that answered."""
        answers = [*self.scored, *self.found]
        return {answer.device for known in answers for answer in known.values()}
