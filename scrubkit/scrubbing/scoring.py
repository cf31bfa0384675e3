"""Scoring: scrub a hypothesis on a model until its verdict is decided."""

from __future__ import annotations

import threading
import time
from functools import cached_property
from typing import Any, Literal

import torch

from scrubkit.hypothesis import Hypothesis
from scrubkit.models.model import Model, require_model
from scrubkit.scrubbing.engine import EngineSubject
from scrubkit.scrubbing.figures import Levels
from scrubkit.scrubbing.match import match
from scrubkit.scrubbing.options import (
    as_hypothesis,
    as_margins,
    check_draws,
    choose_device,
    recovered,
    versions,
)
from scrubkit.scrubbing.passes import Outputs, PassFigures, exact_figures, run_passes
from scrubkit.scrubbing.plan import Plan, bind
from scrubkit.scrubbing.score import Margins, Score, Settings
from scrubkit.scrubbing.truth_graph import truth_graph
from scrubkit.scrubbing.verdict import decide, exactly, over_draws, relative
from scrubkit.subjects.subject import Subject
from scrubkit.version import __version__

CONFIDENCE = 0.95
FIRST_LOOK = 4
LOOKS = 5
"""With "auto" draws are doubled from FIRST_LOOK at most LOOKS - 1 times: 4, 8, 16, 32, 64."""
WIDTH = 0.004
"""An interval of fidelity this narrow ends the search even where the verdict is open."""


KEPT = 3
"""How many models' tables are kept by `Scorer.for_model`."""
_kept: dict[Any, Scorer] = {}
_lock = threading.Lock()


class Scorer:
    """Scores many hypotheses on one model; the model's tables are made once.

    Args:
        model: the model; it is not changed.
        device: "auto" takes a GPU where there is one.
        dtype: of the activations; losses are float64 whatever it is.
    """

    engine = "tables"

    def __init__(self, model: Model, *, device: str = "auto", dtype: torch.dtype = torch.float32) -> None:
        self.model: Model | None = model
        self.name = model.name
        self.hash = model.weights_hash
        self.known = model.truth
        self.device = choose_device(device)
        self.dtype = dtype
        self.subject: Any = EngineSubject(model, self.device, dtype)
        self.levels = Levels(model.logits(), model.labels).to(self.device)
        self.truth = truth_graph(model, self.subject.anatomy)

    @classmethod
    def for_model(cls, model: Model, *, device: str = "auto", dtype: torch.dtype = torch.float32) -> Scorer:
        """Return the scorer of a model; those of the last few models are kept, by the hash of the weights."""
        key = (model.weights.digest(), model.task, choose_device(device).type, dtype)
        with _lock:
            scorer = _kept.pop(key, None) or cls(model, device=device, dtype=dtype)
            _kept[key] = scorer
            while len(_kept) > KEPT:
                del _kept[next(iter(_kept))]
        return scorer

    def score(
        self,
        hypothesis: Hypothesis | Any,
        *,
        draws: int | Literal["auto"] = "auto",
        seed: int = 0,
        margin: float | Margins = Margins(),  # noqa: B008 - frozen
        resample_root: bool = False,
        exact: bool = False,
        chunk: int | None = None,
    ) -> Score:
        """Score one hypothesis; see `score`."""
        began = time.perf_counter()
        margins = as_margins(margin)
        check_draws(draws)
        checked = as_hypothesis(hypothesis, self.known)
        plan = bind(checked, self.subject, resample_root=resample_root)
        settings = Settings(
            method=f"causal scrubbing, scrubkit {__version__}",
            engine=self.engine,
            draws=0,
            stopping="auto" if draws == "auto" and not exact else "fixed",
            seed=seed,
            margins=margins,
            confidence=CONFIDENCE,
            exact=exact,
            resample_root=resample_root,
            dtype=str(self.dtype).removeprefix("torch."),
            device=self.device.type,
            versions=versions(),
        )
        if exact:
            found = self._read(
                checked, plan, exact_figures(self.enumerable, plan, self.levels.to("cpu")), 0, settings
            )
        else:
            found = self._sample(checked, plan, settings, draws, chunk)
        return found.model_copy(update={"seconds": time.perf_counter() - began})

    @cached_property
    def enumerable(self) -> Subject:
        """The subject on the CPU, where enumerations run."""
        if self.device.type == "cpu" or self.model is None:
            return self.subject
        return EngineSubject(self.model, "cpu", self.dtype)

    def outputs(self, plan: Plan) -> Outputs:
        """Return the function from draws to scrubbed logits."""
        return self.subject.prepare(plan).outputs

    def _sample(
        self, hypothesis: Hypothesis, plan: Plan, settings: Settings, draws: int | str, chunk: int | None
    ) -> Score:
        """Draw until the verdict is decided, the interval is narrow, or the draws are spent."""
        outputs = self.outputs(plan)
        looks = [int(draws)] if draws != "auto" else [FIRST_LOOK * 2**i for i in range(LOOKS)]
        figures: PassFigures | None = None
        found: Score | None = None
        for last in looks:
            more = run_passes(
                outputs,
                self.levels,
                seed=settings.seed,
                passes=range(0 if figures is None else figures.n_passes, last),
                device=self.device,
                chunk=chunk,
            )
            figures = more if figures is None else figures.joined(more)
            found = self._read(hypothesis, plan, figures, (1 - CONFIDENCE) / len(looks), settings)
            assert found.fidelity is not None
            if found.verdict != "inconclusive" or found.fidelity.high - found.fidelity.low < WIDTH:
                break
        assert found is not None
        return found

    def _read(
        self, hypothesis: Hypothesis, plan: Plan, figures: PassFigures, alpha: float, settings: Settings
    ) -> Score:
        """Turn figures into intervals and a verdict."""
        levels = self.levels
        found = {
            name: exactly(float(v)) if settings.exact else over_draws(v, alpha)
            for name, v in figures.means.items()
        }
        fidelity = relative(found["squared_change"], levels.permuted_change)
        faithfulness = relative(found["kl"], levels.permuted_kl)
        verdict, reasons = decide(fidelity, faithfulness, settings.margins, testable=plan.testable)
        return Score(
            hypothesis=hypothesis.name,
            hypothesis_hash=hypothesis.hash,
            model=self.name,
            model_hash=self.hash,
            task=self.subject.task,
            verdict=verdict,
            reasons=reasons,
            model_loss=levels.model_loss,
            scrubbed_loss=found["loss"],
            baseline_loss=levels.baseline_loss,
            loss_recovered=recovered(found["loss"], levels.model_loss, levels.baseline_loss),
            kl=found["kl"],
            faithfulness=faithfulness,
            agreement=found["agreement"],
            accuracy=found["accuracy"],
            abs_loss_change=found["abs_loss_change"],
            worst_label_loss=float(figures.label_losses.mean(dim=0).max()),
            fidelity=fidelity,
            bits=dict(plan.bits),
            self_draw_rate=plan.self_draw_rate,
            match=None
            if self.model is None
            else match(hypothesis, self.model, self.subject.anatomy, self.truth),
            settings=settings.model_copy(update={"draws": 0 if settings.exact else figures.n_passes}),
        )


def score(
    model: Model,
    hypothesis: Hypothesis | Any,
    *,
    draws: int | Literal["auto"] = "auto",
    seed: int = 0,
    margin: float | Margins = Margins(),  # noqa: B008 - frozen
    device: str = "auto",
    dtype: torch.dtype = torch.float32,
    resample_root: bool = False,
    exact: bool = False,
) -> Score:
    """Say how well a hypothesis survives causal scrubbing on a model.

    Args:
        model: a model on a task.
        hypothesis: a hypothesis, a `networkx.DiGraph`, a function from truth to graph, or a file.
        draws: passes over all inputs; "auto" doubles them until the verdict is decided or the interval of
            fidelity is narrow, sharing the error rate among the looks.
        seed: decides every draw; the same seed gives the same score, bit for bit on a CPU.
        margin: how far from 1 fidelity and faithfulness may be, by default .1.
        device: "auto", "cpu", "cuda" or "mps".
        dtype: of the activations; losses are float64 whatever it is.
        resample_root: first redraw the reference by the root's feature.
        exact: give the expectation itself by enumerating all joint draws, where they are few.

    Returns:
        The score, with intervals, verdict, and everything that decided it.

    Raises:
        HypothesisError: the hypothesis is not valid on this model; every fault is named.
        ScrubError: an option is out of range, the device is not there, or an enumeration is too large.
    """
    require_model(model)
    scorer = Scorer(model, device=device, dtype=dtype)
    return scorer.score(
        hypothesis, draws=draws, seed=seed, margin=margin, resample_root=resample_root, exact=exact
    )
