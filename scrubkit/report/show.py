"""Figures and pages of any result, by its type."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from scrubkit.errors import ScrubError
from scrubkit.harness.report import Report
from scrubkit.hypothesis import Hypothesis
from scrubkit.models.model import Model
from scrubkit.models.record import Certificate
from scrubkit.report import plots
from scrubkit.report.certificate_page import certificate_page
from scrubkit.report.examined import Examined, examine
from scrubkit.report.hypothesis_page import hypothesis_page
from scrubkit.report.model_page import model_page
from scrubkit.report.page import page as report_page
from scrubkit.report.place import write_report
from scrubkit.report.score_page import score_page
from scrubkit.scrubbing.explain import Explanation
from scrubkit.scrubbing.score import Score
from scrubkit.scrubbing.scoring import Scorer


def plot(found: Any) -> go.Figure:
    """Return a figure of a score, an explanation, a certificate, a report, a hypothesis or a model."""
    if isinstance(found, Score):
        return plots.of_score(found)
    if isinstance(found, Explanation):
        return plots.of_explanation(found)
    if isinstance(found, Certificate):
        return plots.of_certificate(found)
    if isinstance(found, Report):
        return plots.of_report(found)
    if isinstance(found, Hypothesis):
        return plots.of_hypothesis(found)
    return plots.of_model(found)


def to_html(found: Any, path: Path, **more: Any) -> Path:
    """Write the page of a score, an explanation, a certificate, a report, a hypothesis or a model.

    Args:
        found: the result.
        path: the file.
        more: what else the page shows; see `scrubkit.shown.Shown.to_html`.

    Raises:
        ScrubkitError: the file cannot be written, or the model or the hypothesis is another.
    """
    if isinstance(found, Score | Explanation):
        text = _of_claim(found, **more)
    elif isinstance(found, Certificate):
        text = certificate_page(found, **more)
    elif isinstance(found, Report):
        text = _of_report(found, **more)
    elif isinstance(found, Hypothesis):
        text = hypothesis_page(found, **more)
    else:
        text = model_page(found, **more)
    write_report(path, text)
    return path


def _of_claim(
    found: Score | Explanation, *, model: Any = None, hypothesis: Any = None, task: Any = None
) -> str:
    explanation = found if isinstance(found, Explanation) else None
    score = found.score if isinstance(found, Explanation) else found
    if (model is None) != (hypothesis is None):
        raise ScrubError("give both model= and hypothesis=, or neither", title="to_html")
    kind = "scrubkit score" if explanation is None else "scrubkit explain"
    if model is None:
        return score_page([Examined(score, explanation=explanation)], kind=kind)
    scorer = Scorer(model, task=task)
    one = examine(scorer, hypothesis, score, explanation=explanation, draws=0 if explanation else 4)
    known = model if isinstance(model, Model) else None
    return score_page([one], n_inputs=scorer.levels.n_inputs, kind=kind, model=known)


def _of_report(found: Report, *, checks: Sequence[Any] = ()) -> str:
    return report_page(found, checks)
