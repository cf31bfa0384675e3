"""Watching runs: every model along them is measured, and every hypothesis scored on it.

What a hypothesis says of parts and names is said of the run's *last* model, whose truth is known, and is
asked of all models before it: the question is when that circuit formed, and not which one an untrained model
has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from scrubkit import registry
from scrubkit.errors import ModelError, ScrubError, ScrubkitError
from scrubkit.hypothesis import Hypothesis
from scrubkit.models.family import Family
from scrubkit.models.model import Model
from scrubkit.models.record import Measurement
from scrubkit.models.store import RECORD, read
from scrubkit.models.trajectory import FOLDER, Trajectory, TrajectoryStep, read_trajectory
from scrubkit.scrubbing.options import as_hypothesis, as_margins, check_draws, choose_device
from scrubkit.scrubbing.score import Margins, Score, Settings
from scrubkit.scrubbing.scoring import Scorer
from scrubkit.trajectories.timeline import MeasureInfo, RunTimeline, StepScore, Timeline, TimelineStep

Progress = Callable[[int, int], None]
"""Told how many models are done, and of how many."""

OWN = ("train_loss", "test_loss")
"""Figures that training noted itself; the measures may hold them in a higher precision."""


def timeline(
    runs: str | Path | Sequence[str | Path],
    hypotheses: Any = (),
    *,
    seeds: Iterable[int] | None = None,
    draws: int | Literal["auto"] = "auto",
    seed: int = 0,
    margin: float | Margins = Margins(),  # noqa: B008 - frozen
    device: str = "auto",
    progress: Progress | None = None,
) -> Timeline:
    """Watch circuits form along training runs.

    Args:
        runs: folders of runs that ``train(..., out=RUN, trajectory=40)`` made, or folders of such folders.
        hypotheses: what to score on every model: one or several of what `scrubkit.score` takes, each with a
            name of its own. A function or a file is given the truth of the run's last model.
        seeds: of a folder of runs, take these alone.
        draws: as for `scrubkit.score`.
        seed: decides every draw.
        margin: as for `scrubkit.score`.
        device: as for `scrubkit.score`.
        progress: called after each model.

    Returns:
        Losses, progress measures and scores at every step, and the phases of each run.

    Raises:
        ModelError: a folder holds no run, a run has no trajectory, or its last model no truth; with each.
        HypothesisError: a hypothesis is not valid on a run's models.
        ScrubError: an option is out of range, or the runs are of several tasks.
    """
    check_draws(draws)
    margins = as_margins(margin)
    choose_device(device)
    found = _open([Path(run) for run in ([runs] if isinstance(runs, str | Path) else runs)], seeds)
    sources = list(hypotheses) if isinstance(hypotheses, list | tuple) else [hypotheses]
    claims = [_claims(run, sources) for run in found]
    total = sum(len(run.trajectory.steps) for run in found)
    watch = _Watch(draws, seed, margins, device)
    done, watched = 0, []
    for run, own in zip(found, claims, strict=True):
        steps = []
        for step in run.trajectory.steps:
            steps.append(watch.step(run, step, own))
            done += 1
            if progress is not None:
                progress(done, total)
        watched.append(run.timeline(steps))
    return Timeline(
        task=found[0].final.task.name,
        hypotheses=tuple(claim.name for claim in claims[0]),
        measures=watch.measures,
        settings=watch.settings,
        runs=tuple(watched),
    )


class _Run:
    """A run that was opened: its last model, with its truth, and its trajectory."""

    def __init__(self, folder: Path) -> None:
        """Read the run; raises ModelError where it cannot be watched."""
        self.folder = folder
        self.final: Model = read(folder)
        self.trajectory: Trajectory = read_trajectory(folder)
        if self.final.truth is None:
            raise ModelError(_unknown(self.final, folder), title=str(folder))

    @property
    def family(self) -> Family:
        name = self.final.task.family
        return registry.family(name) if name else Family()

    def model(self, step: TrajectoryStep) -> Model:
        """Return the model at a step, with the truth of the last one."""
        kept = read(self.folder / FOLDER / step.folder)
        if (kept.task, kept.config) != (self.final.task, self.final.config):
            raise ModelError(
                f"step {step.step} is a model of another task or shape than the last one",
                title=str(self.folder),
            )
        return kept.with_(truth=self.final.truth)

    def timeline(self, steps: Sequence[TimelineStep]) -> RunTimeline:
        """Return the run with what was found at its steps."""
        assert self.final.truth is not None
        figures = {name: [getattr(step, name) for step in steps] for name in OWN}
        figures |= {name: [step.measures[name] for step in steps] for name in steps[0].measures}
        return RunTimeline(
            run=str(self.folder),
            model=self.final.name,
            model_hash=self.final.weights_hash,
            seed=self.trajectory.seed,
            truth=self.final.truth.summary,
            steps=tuple(steps),
            phases=self.family.phases([step.step for step in steps], figures),
        )


class _Watch:
    """Measures and scores one model after another, all in the same way."""

    def __init__(self, draws: int | Literal["auto"], seed: int, margins: Margins, device: str) -> None:
        self._options: dict[str, Any] = {"draws": draws, "seed": seed, "margin": margins}
        self._device = device
        self.measures: dict[str, MeasureInfo] = {}
        self._settings: list[Settings] = []

    def step(self, run: _Run, step: TrajectoryStep, claims: Sequence[Hypothesis]) -> TimelineStep:
        """Return what is found of one model."""
        model = run.model(step)
        measured = {m.name: self._noted(m) for m in run.family.progress_measures(model, run.final)}
        scorer = Scorer(model, device=self._device) if claims else None
        scores = {claim.name: scorer.score(claim, **self._options) for claim in claims} if scorer else {}
        self._settings += [score.settings for score in scores.values()]
        return TimelineStep(
            step=step.step,
            train_loss=measured.pop("train_loss", step.train),
            test_loss=measured.pop("test_loss", step.test),
            accuracy=step.accuracy,
            measures=measured,
            scores={name: _short(score) for name, score in scores.items()},
        )

    @property
    def settings(self) -> Settings | None:
        """Settings of the scores, with the most draws that any took; None where nothing was scored."""
        return max(self._settings, key=lambda s: s.draws, default=None)

    def _noted(self, measurement: Measurement) -> float:
        if measurement.name not in OWN:
            info = MeasureInfo(unit=measurement.unit, note=measurement.note)
            self.measures.setdefault(measurement.name, info)
        return measurement.value


def _short(score: Score) -> StepScore:
    return StepScore(
        verdict=score.verdict,
        fidelity=score.fidelity,
        faithfulness=score.faithfulness,
        loss_recovered=score.loss_recovered,
    )


def _open(folders: Sequence[Path], seeds: Iterable[int] | None) -> list[_Run]:
    """Open all runs; raises one error with what is wrong with each of them."""
    wanted = None if seeds is None else set(seeds)
    places, faults = [], []
    for folder in folders:
        below = [folder] if (folder / RECORD).exists() else _runs_below(folder, wanted)
        places += below
        if not below:
            chosen = "" if wanted is None else f" with seed {', '.join(map(str, sorted(wanted)))}"
            faults.append(
                f"{folder}: no run{chosen} is here or in folders seed-N below; "
                f"scrubkit train --trajectory 40 --out {folder} makes one"
            )
    runs: list[_Run] = []
    for place in dict.fromkeys(places):
        try:
            runs.append(_Run(place))
        except ScrubkitError as error:
            faults += [f"{error.title or place}: {fault}" for fault in error.faults]
    if faults or not runs:
        raise ModelError(faults or ["no run is given"], title="timeline")
    tasks = {run.final.task for run in runs}
    if len(tasks) > 1:
        listed = ", ".join(f"{run.folder}: {run.final.name}" for run in runs)
        raise ScrubError(f"one timeline is of runs of one task; these are of several: {listed}")
    return runs


def _runs_below(folder: Path, seeds: set[int] | None) -> list[Path]:
    found = {}
    for path in folder.glob("seed-*"):
        number = path.name.removeprefix("seed-")
        if number.isdecimal() and (path / RECORD).exists():
            found[int(number)] = path
    return [found[number] for number in sorted(found) if seeds is None or number in seeds]


def _unknown(model: Model, folder: Path) -> str:
    if model.certificate is None:
        return (
            "nothing is known of the last model's algorithm, so nothing can be watched forming; "
            f"certify it: scrubkit certify {folder} --save"
        )
    reasons = "; ".join(model.certificate.reasons)
    return f"the last model is not certified, so no circuit is known that could have formed: {reasons}"


def _claims(run: _Run, sources: Sequence[Any]) -> list[Hypothesis]:
    """Return the hypotheses as they are about one run; raises ScrubError where two have one name."""
    claims = [as_hypothesis(source, run.final.truth) for source in sources]
    names = [claim.name for claim in claims]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ScrubError([f"two hypotheses are called {name!r}; give one another name" for name in twice])
    return claims
