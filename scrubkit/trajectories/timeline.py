"""What a timeline holds: each run's steps and phases, and when each hypothesis comes to be supported."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from scrubkit.models.phases import Phase
from scrubkit.scrubbing.score import Frozen, Interval, Settings, Verdict
from scrubkit.shown import table

if TYPE_CHECKING:
    import plotly.graph_objects as go

When = Literal["before", "while", "after", "never"]
"""When a hypothesis comes to be supported, as seen from the fall of the held-out loss."""

FALLEN = 0.1
"""The held-out loss has fallen once it stays under this share of the untrained model's, which guesses."""


class StepScore(Frozen):
    """How a hypothesis fares on one model along a run; the fields are those of `scrubkit.Score`."""

    verdict: Verdict
    fidelity: Interval
    faithfulness: Interval | None
    loss_recovered: Interval | None


class TimelineStep(Frozen):
    """One model along a run.

    Attributes:
        step: optimiser steps taken.
        train_loss: mean loss on the training inputs, in nats.
        test_loss: mean loss on the held-out inputs, in nats.
        accuracy: share of the held-out inputs answered rightly.
        measures: the family's progress measures by name.
        scores: the score of each hypothesis by name.
    """

    step: int
    train_loss: float
    test_loss: float
    accuracy: float
    measures: dict[str, float]
    scores: dict[str, StepScore]


class RunTimeline(Frozen):
    """One run.

    Attributes:
        run: folder of the run, as it was given.
        model: name of its last model.
        model_hash: hash of that model's weights.
        seed: of the run.
        truth: the last model's truth in a few words; hypotheses and measures are about it at every step.
        steps: models along the run, the untrained one first.
        phases: what the family sees in the figures; empty where it knows of no phases.
    """

    run: str
    model: str
    model_hash: str
    seed: int
    truth: str
    steps: tuple[TimelineStep, ...]
    phases: tuple[Phase, ...] = ()

    @property
    def fall(self) -> tuple[int, int] | None:
        """Last step at which the held-out loss is a guess's, first from which it stays under a tenth of that.

        None where it never falls so far.
        """
        losses = [step.test_loss for step in self.steps]
        guessing = max(i for i, loss in enumerate(losses) if loss >= losses[0])
        fallen = 1 + max(i for i, loss in enumerate(losses) if loss >= FALLEN * losses[0])
        return None if fallen == len(losses) else (self.steps[guessing].step, self.steps[fallen].step)

    def supported_from(self, hypothesis: str) -> int | None:
        """Return the first step from which on the hypothesis stays supported, None where it never does."""
        found = None
        for step in reversed(self.steps):
            if step.scores[hypothesis].verdict != "supported":
                break
            found = step.step
        return found

    def when(self, hypothesis: str) -> When:
        """Say when the hypothesis comes to be supported: before, while or after the held-out loss falls."""
        begins, fall = self.supported_from(hypothesis), self.fall
        if begins is None:
            return "never"
        if fall is None or begins <= fall[0]:
            return "before"
        return "while" if begins < fall[1] else "after"


class MeasureInfo(Frozen):
    """What a progress measure means; see `scrubkit.models.record.Measurement`."""

    unit: str = ""
    note: str = ""


class Timeline(Frozen):
    """Runs watched step by step, as `scrubkit.timeline` returns them.

    Attributes:
        task: what was learned.
        hypotheses: names of the hypotheses.
        measures: what each progress measure means, by name.
        settings: what decided the scores, with the most draws that any took; None where none were made.
        runs: one for each run.
    """

    task: str
    hypotheses: tuple[str, ...]
    measures: dict[str, MeasureInfo]
    settings: Settings | None
    runs: tuple[RunTimeline, ...]

    def __repr__(self) -> str:
        steps = sum(len(run.steps) for run in self.runs)
        names = ", ".join(self.hypotheses)
        runs = "1 run" if len(self.runs) == 1 else f"{len(self.runs)} runs"
        return f"Timeline({runs} of {self.task}, {steps} steps, {names or 'no hypotheses'})"

    def __str__(self) -> str:
        lines = [repr(self)]
        for row in self.rows():
            lines.append("  " + ", ".join(f"{head} {cell}" for head, cell in row.items()))
        return "\n".join(lines)

    def rows(self) -> list[dict[str, str]]:
        """Return a row for each run: when the loss falls, and when each hypothesis comes to be supported."""
        return [
            {"run": run.model, "truth": run.truth, "test loss falls": falls(run)}
            | {phase.name: f"{phase.first:,}-{phase.last:,}" for phase in run.phases}
            | {name: begins(run, name) for name in self.hypotheses}
            for run in self.runs
        ]

    def _repr_html_(self) -> str:
        rows = self.rows()
        heads = list(rows[0]) if rows else []
        return table(repr(self), heads, [[row.get(head, "") for head in heads] for row in rows])

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with a row for each step of each run.

        Columns are model, seed, step, the losses, accuracy, the progress measures, and for each hypothesis
        its fidelity, the bounds of its interval, and its verdict.
        """
        import pandas

        return pandas.DataFrame([_flat(run, step) for run in self.runs for step in run.steps])

    def plot(self) -> go.Figure:
        """Return losses, progress measures and fidelities over steps as a plotly figure."""
        from scrubkit.trajectories.figure import draw

        return draw(self)

    def to_html(self, path: str | Path) -> Path:
        """Write the figure and its tables as one page that needs no network, and return its path.

        Args:
            path: file to write; one that is there is replaced.

        Raises:
            ScrubkitError: it cannot be written.
        """
        from scrubkit.report.place import write_report
        from scrubkit.trajectories.page import page

        write_report(Path(path), page(self))
        return Path(path)


def falls(run: RunTimeline) -> str:
    """Return between which steps the held-out loss of a run falls, in words."""
    return "never" if run.fall is None else f"{run.fall[0]:,}-{run.fall[1]:,}"


def begins(run: RunTimeline, hypothesis: str) -> str:
    """Return from which step on a hypothesis is supported, and when that is, in words."""
    first = run.supported_from(hypothesis)
    if first is None:
        last = run.steps[-1].scores[hypothesis]
        return f"never ({last.verdict} at the end)"
    words = {"before": "before it falls", "while": "while it falls", "after": "after it fell"}
    return f"from {first:,}, {words[run.when(hypothesis)]}"


def _flat(run: RunTimeline, step: TimelineStep) -> Mapping[str, Any]:
    row: dict[str, Any] = {"model": run.model, "seed": run.seed}
    row |= {name: getattr(step, name) for name in ("step", "train_loss", "test_loss", "accuracy")}
    row |= step.measures
    for name, score in step.scores.items():
        fidelity = score.fidelity
        row |= {
            f"{name}_fidelity": fidelity.value,
            f"{name}_low": fidelity.low,
            f"{name}_high": fidelity.high,
        }
        row[f"{name}_verdict"] = score.verdict
    return row
