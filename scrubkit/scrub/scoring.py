"""Scoring: scrub a hypothesis on a model until its verdict is decided."""

from __future__ import annotations

import inspect
import threading
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from scrubkit import __version__
from scrubkit.errors import ScrubError
from scrubkit.hypothesis import Hypothesis, from_graph, load_hypothesis
from scrubkit.models.model import Model
from scrubkit.scrub.engine import EngineSubject
from scrubkit.scrub.figures import Levels
from scrubkit.scrub.passes import PassFigures, run_passes
from scrubkit.scrub.plan import Plan, bind
from scrubkit.scrub.score import Interval, Margins, Score, Settings
from scrubkit.scrub.verdict import decide, over_draws, relative
from scrubkit.truth.match import match

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

    def __init__(self, model: Model, *, device: str = "auto", dtype: torch.dtype = torch.float32) -> None:
        self.model = model
        self.device = choose_device(device)
        self.dtype = dtype
        self.subject = EngineSubject(model, self.device, dtype)
        self.levels = Levels(model.logits(), model.labels).to(self.device)

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
        chunk: int | None = None,
    ) -> Score:
        """Score one hypothesis; see `score`."""
        began = time.perf_counter()
        checked = as_hypothesis(hypothesis, self.model)
        margins = margin if isinstance(margin, Margins) else Margins(fidelity=margin, faithfulness=margin)
        check_draws(draws)
        plan = bind(checked, self.subject, resample_root=resample_root)
        program = self.subject.prepare(plan)
        figures: PassFigures | None = None
        looks = [draws] if draws != "auto" else [FIRST_LOOK * 2**i for i in range(LOOKS)]
        alpha = (1 - CONFIDENCE) / len(looks)
        result: Score | None = None
        for last in looks:
            done = 0 if figures is None else len(figures.label_losses)
            more = run_passes(
                program.outputs,
                self.levels,
                seed=seed,
                passes=range(done, last),
                device=self.device,
                chunk=chunk,
            )
            figures = more if figures is None else figures.joined(more)
            result = self._read(checked, plan, figures, alpha, margins, draws, seed, resample_root)
            assert result.fidelity is not None
            narrow = result.fidelity.high - result.fidelity.low < WIDTH
            if result.verdict != "inconclusive" or narrow:
                break
        assert result is not None
        return result.model_copy(update={"seconds": time.perf_counter() - began})

    def _read(
        self,
        hypothesis: Hypothesis,
        plan: Plan,
        figures: PassFigures,
        alpha: float,
        margins: Margins,
        draws: int | str,
        seed: int,
        resample_root: bool,
    ) -> Score:
        levels, found = self.levels, {name: over_draws(v, alpha) for name, v in figures.means.items()}
        fidelity = relative(found["squared_change"], levels.permuted_change)
        faithfulness = relative(found["kl"], levels.permuted_kl)
        verdict, reasons = decide(fidelity, faithfulness, margins, testable=plan.testable)
        return Score(
            hypothesis=hypothesis.name,
            hypothesis_hash=hypothesis.hash,
            model=self.model.name,
            model_hash=self.model.weights_hash,
            task=self.model.task.name,
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
            match=match(hypothesis, self.model, self.subject.anatomy),
            settings=Settings(
                method=f"causal scrubbing, scrubkit {__version__}",
                engine="tables",
                draws=len(figures.label_losses),
                stopping="fixed" if draws != "auto" else f"auto, {LOOKS} looks from {FIRST_LOOK} draws",
                seed=seed,
                margins=margins,
                confidence=CONFIDENCE,
                exact=False,
                resample_root=resample_root,
                dtype=str(self.dtype).removeprefix("torch."),
                device=self.device.type,
                versions=versions(),
            ),
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
) -> Score:
    """Say how well a hypothesis survives causal scrubbing on a model.

    Args:
        model: a model on a task.
        hypothesis: a hypothesis, a `networkx.DiGraph`, a function from truth to graph, or a file.
        draws: passes over all inputs; "auto" doubles them until the verdict is decided or the interval of
            fidelity is narrow, sharing the error rate among the looks.
        seed: decides every draw; the same seed gives the same score, bit for bit on a CPU.
        margin: how far from 1 fidelity and faithfulness may be.
        device: "auto", "cpu", "cuda" or "mps".
        dtype: of the activations; losses are float64 whatever it is.
        resample_root: first redraw the reference by the root's feature.

    Returns:
        The score, with intervals, verdict, and everything that decided it.

    Raises:
        HypothesisError: the hypothesis is not valid on this model; every fault is named.
        ScrubError: an option is out of range, or the device is not there.
    """
    scorer = Scorer(model, device=device, dtype=dtype)
    return scorer.score(hypothesis, draws=draws, seed=seed, margin=margin, resample_root=resample_root)


def as_hypothesis(source: Any, model: Model | None = None) -> Hypothesis:
    """Return a hypothesis from anything that stands for one: itself, a graph, a function, or a file."""
    if isinstance(source, Hypothesis):
        return source
    truth = None if model is None else model.truth
    if isinstance(source, str | Path):
        return load_hypothesis(source, truth=truth)
    return from_graph(source(truth) if inspect.isfunction(source) else source)


def check_draws(draws: int | str) -> None:
    """Raise ScrubError unless draws is "auto" or a whole number from 2 to 100,000."""
    whole = isinstance(draws, int | np.integer) and not isinstance(draws, bool)
    if draws != "auto" and not (whole and 2 <= int(draws) <= 100_000):
        raise ScrubError(f"draws must be 'auto' or from 2 to 100,000, found {draws!r}")


def recovered(scrubbed: Interval, model_loss: float, baseline_loss: float) -> Interval:
    """Return (scrubbed - baseline) / (model - baseline); infinite where the two levels are equal."""
    gap = model_loss - baseline_loss
    if gap == 0:
        return Interval(value=float("nan"), low=float("-inf"), high=float("inf"))
    return scrubbed.mapped(1 / gap, -baseline_loss / gap)


def choose_device(device: str) -> torch.device:
    """Return the device asked for, or the best there is.

    Raises:
        ScrubError: no such device here.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    known = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not known.get(device.split(":")[0], False):
        there = ", ".join(name for name, available in known.items() if available)
        raise ScrubError(f"device {device!r} is not available; here are: {there}")
    return torch.device(device)


def versions() -> dict[str, str]:
    """Return the versions of the libraries that can move a score."""
    return {"scrubkit": __version__, "torch": torch.__version__, "numpy": np.__version__}
