"""Scoring: scrub a hypothesis on a subject until its verdict is decided."""

from __future__ import annotations

import time
from typing import Any, Literal

import torch

from scrubkit.core.task import Task
from scrubkit.scrubbing.exact import MAX_RUNS, Progress
from scrubkit.scrubbing.figures import recovered, relative
from scrubkit.scrubbing.match import match
from scrubkit.scrubbing.options import as_hypothesis, as_margins, check_draws, choose_device, versions
from scrubkit.scrubbing.passes import Outputs, PassFigures, exact_figures, run_passes
from scrubkit.scrubbing.plan import Plan, bind
from scrubkit.scrubbing.score import Interval, Margins, Score, Settings, exactly
from scrubkit.scrubbing.target import Target, of_bridge, target_of
from scrubkit.scrubbing.verdict import decide, over_draws
from scrubkit.version import __version__

CONFIDENCE = 0.95
FIRST_LOOK = 4
LOOKS = 5
"""With "auto" draws are doubled from FIRST_LOOK at most LOOKS - 1 times: 4, 8, 16, 32, 64."""
WIDTH = 0.004
"""An interval of fidelity this narrow ends the search even where the verdict is open."""
COARSE_KL = 1e-5
"""Nats. Compiled loops find a divergence to about 1e-8, which is too coarse where outputs differ by less."""


class Scorer:
    """Scores many hypotheses on one subject; the tables of the last few models are kept.

    Args:
        found: a model, a TransformerBridge or a graph of functions; it is not changed.
        task: the inputs, for a bridge.
        device: where a model's activations live; "auto" takes a GPU where there is one.
        dtype: of a model's activations; losses are float64 whatever it is.
    """

    def __init__(
        self,
        found: Any,
        *,
        task: Task | None = None,
        device: str = "auto",
        dtype: torch.dtype = torch.float32,
        name: str = "",
    ) -> None:
        self.target: Target = target_of(
            found, task=task, device=choose_device(device), dtype=dtype, name=name
        )
        self.subject: Any = self.target.subject
        self.levels = self.target.measure
        self.model, self.known = self.target.model, self.target.truth
        self.truth = self.target.truth_graph

    def score(
        self,
        hypothesis: Any,
        *,
        draws: int | Literal["auto"] = "auto",
        seed: int = 0,
        margin: float | Margins = Margins(),  # noqa: B008 - frozen
        resample_root: bool | str = False,
        exact: bool = False,
        max_runs: int = MAX_RUNS,
        chunk: int | None = None,
        progress: Progress = lambda done, total: None,
    ) -> Score:
        """Score one hypothesis; see `score`.

        Args:
            hypothesis: a hypothesis, a `networkx.DiGraph`, a function from truth to graph, or a
                file.
            draws: passes over all inputs, or "auto".
            seed: decides every draw.
            margin: how far from 1 fidelity and faithfulness may be.
            resample_root: first redraw the reference by the root's feature, or by the feature
                given.
            exact: give the expectation itself.
            max_runs: how many runs an enumeration may take.
            chunk: items that a GPU takes at a time; by default what fits its memory.
            progress: told how many inputs an enumeration is through, and of how many.

        Returns:
            The score.
        """
        began = time.perf_counter()
        margins = as_margins(margin)
        check_draws(draws)
        plan = bind(as_hypothesis(hypothesis, self.known), self.subject, resample_root=resample_root)
        target = self.target
        settings = Settings(
            method=f"causal scrubbing, scrubkit {__version__}",
            engine=target.engine,
            draws=0,
            stopping="auto" if draws == "auto" and not exact else "fixed",
            seed=seed,
            margins=margins,
            confidence=CONFIDENCE,
            exact=exact,
            resample_root=plan.root_resampling is not None,
            dtype=target.dtype,
            device=target.device.type,
            versions=versions(),
        )
        if exact:
            subject, measure = target.on_cpu()
            figures = exact_figures(subject, plan, measure, max_runs=max_runs, progress=progress)
            found = self._read(plan, figures, 0, settings)
        else:
            found = self._sample(plan, settings, draws, chunk)
        return found.model_copy(update={"seconds": time.perf_counter() - began})

    def outputs(self, plan: Plan) -> Outputs:
        """Return the function from draws to scrubbed outputs."""
        return self.target.outputs(plan)

    def quick_outputs(self, plan: Plan) -> Any:
        """Return the same with figures taken in a compiled loop, where its rounding error does not show."""
        quick = self.target.folded if self.levels.permuted_kl > COARSE_KL else None
        return (quick or self.target.outputs)(plan)

    def _sample(self, plan: Plan, settings: Settings, draws: int | str, chunk: int | None) -> Score:
        """Draw until the verdict is decided, the interval is narrow, or the draws are spent."""
        outputs = self.quick_outputs(plan)
        looks = [int(draws)] if draws != "auto" else [FIRST_LOOK * 2**i for i in range(LOOKS)]
        figures: PassFigures | None = None
        found: Score | None = None
        for last in looks:
            more = run_passes(
                outputs,
                self.levels,
                seed=settings.seed,
                passes=range(0 if figures is None else figures.n_passes, last),
                device=self.target.device,
                chunk=chunk,
            )
            figures = more if figures is None else figures.joined(more)
            found = self._read(plan, figures, (1 - CONFIDENCE) / len(looks), settings)
            if found.verdict != "inconclusive" or found.fidelity.high - found.fidelity.low < WIDTH:
                break
        assert found is not None
        return found

    def _read(self, plan: Plan, figures: PassFigures, alpha: float, settings: Settings) -> Score:
        """Turn figures into intervals and a verdict."""
        levels, hypothesis = self.levels, plan.hypothesis
        found = {
            name: exactly(float(v)) if settings.exact else over_draws(v, alpha)
            for name, v in figures.means.items()
        }
        fidelity = relative(found["squared_change"], levels.permuted_change, levels.rounding)
        faithfulness = relative(found["kl"], levels.permuted_kl, levels.rounding) if "kl" in found else None
        loss_recovered = self._recovered(found)
        # Outputs that are numbers have no distribution; their behaviour is the loss.
        behaviour = faithfulness or loss_recovered
        verdict, reasons = decide(
            fidelity, behaviour, settings.margins, testable=plan.testable, varies=levels.permuted_change > 0
        )
        if faithfulness is None:
            reasons = tuple(reason.replace("faithfulness", "loss recovered") for reason in reasons)
        by_label = figures.label_losses
        return Score(
            hypothesis=hypothesis.name,
            hypothesis_hash=hypothesis.hash,
            model=self.target.name,
            model_hash=self.target.hash,
            task=self.subject.task,
            verdict=verdict,
            reasons=reasons,
            model_loss=levels.model_loss,
            scrubbed_loss=found.get("loss"),
            baseline_loss=levels.baseline_loss,
            loss_recovered=loss_recovered,
            kl=found.get("kl"),
            faithfulness=faithfulness,
            agreement=found.get("agreement"),
            accuracy=found.get("accuracy"),
            abs_loss_change=found.get("abs_loss_change"),
            worst_label_loss=None if by_label is None else float(by_label.mean(dim=0).max()),
            fidelity=fidelity,
            bits=dict(plan.bits),
            self_draw_rate=plan.self_draw_rate,
            match=None if self.truth is None else match(plan, self.subject, self.truth),
            settings=settings.model_copy(update={"draws": 0 if settings.exact else figures.n_passes}),
        )

    def _recovered(self, found: dict[str, Interval]) -> Interval | None:
        levels = self.levels
        if levels.model_loss is None or levels.baseline_loss is None:
            return None
        return recovered(found["loss"], levels.model_loss, levels.baseline_loss)


def BridgeScorer(bridge: Any, task: Task, *, truth: Any = None, name: str = "bridge") -> Scorer:  # noqa: N802
    """Return the scorer of a bridge of which something is known.

    Args:
        bridge: the model; it is not changed.
        task: the inputs, as token rows that the bridge takes.
        truth: gives names in sites a meaning, and is handed to hypothesis files.
        name: what reports call the model.
    """
    return Scorer(of_bridge(bridge, task, truth=truth, name=name))


def score(
    model: Any,
    hypothesis: Any,
    *,
    task: Task | None = None,
    draws: int | Literal["auto"] = "auto",
    seed: int = 0,
    margin: float | Margins = Margins(),  # noqa: B008 - frozen
    device: str = "auto",
    dtype: torch.dtype = torch.float32,
    resample_root: bool | str = False,
    exact: bool = False,
    max_runs: int = MAX_RUNS,
) -> Score:
    """Say how well a hypothesis survives causal scrubbing.

    Args:
        model: what the hypothesis is about: a `scrubkit.Model`, a TransformerLens `TransformerBridge` of any
            depth, or a `scrubkit.FunctionGraph`.
        hypothesis: a hypothesis, a `networkx.DiGraph`, a function from truth to graph, or a file.
        task: the inputs, needed for a bridge.
        draws: passes over all inputs; "auto" doubles them until the verdict is decided or the interval of
            fidelity is narrow, sharing the error rate among the looks.
        seed: decides every draw; the same seed gives the same score, bit for bit on one CPU with one number
            of threads, whatever else is scored. Figures are summed in one order whatever the number of
            threads; the products of matrices before them are the linear algebra library's, which may round
            otherwise with another number, by some 1e-9 of a figure in float32 and 1e-15 in float64.
        margin: how far from 1 fidelity and faithfulness may be, by default .1.
        device: "auto", "cpu", "cuda" or "mps"; a bridge stays where it is.
        dtype: of a model's activations; losses are float64 whatever it is.
        resample_root: first redraw the reference by the root's feature, or by the feature given.
        exact: give the expectation itself by enumerating all joint draws, where they are few.
        max_runs: how many runs an enumeration may take.

    Returns:
        The score, with intervals, verdict, and everything that decided it.

    Raises:
        HypothesisError: the hypothesis is not valid on this model; every fault is named.
        ScrubError: an option is out of range, the device is not there, or an enumeration is too large.
    """
    scorer = Scorer(model, task=task, device=device, dtype=dtype)
    return scorer.score(
        hypothesis,
        draws=draws,
        seed=seed,
        margin=margin,
        resample_root=resample_root,
        exact=exact,
        max_runs=max_runs,
    )
