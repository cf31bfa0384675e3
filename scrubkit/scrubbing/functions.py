"""`scrubkit.scrub`: a hypothesis on a graph of functions, with a label and a loss of one's own."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from scrubkit.scrubbing.score import Margins, Score
from scrubkit.scrubbing.scoring import Scorer
from scrubkit.subjects.function_graph import FunctionGraph, Loss

AUTO_DRAWS = 64


def scrub(
    graph: FunctionGraph,
    hypothesis: Any,
    *,
    label: str | Callable[[Any], Any],
    loss: Loss,
    exact: bool = True,
    resample_root: str | bool | None = None,
    draws: int = AUTO_DRAWS,
    seed: int = 0,
    margins: Margins = Margins(),  # noqa: B008 - frozen
) -> Score:
    """Scrub a hypothesis on a function graph.

    Args:
        graph: the computation and its dataset.
        hypothesis: a hypothesis or `networkx.DiGraph` whose sites are nodes of the graph.
        label: what the output should be, as an expression over the inputs or a callable on rows of them.
        loss: ``loss(output, label)``, one number per row; a score to maximise works as well.
        exact: give the expectation itself by enumeration; otherwise the mean over draws, with intervals.
        resample_root: redraw the reference first, by the root's feature (True) or by this feature.
        draws: passes over the dataset when not exact.
        seed: decides the draws.
        margins: for the verdict, which rests on fidelity and, as behaviour, on the loss recovered.

    Returns:
        The score. ``loss_recovered`` is (scrubbed - baseline) / (model - baseline) with the baseline of
        outputs against independently permuted labels; ``fidelity`` compares outputs with the model's own.

    Raises:
        HypothesisError: the hypothesis does not fit the graph.
        ScrubError: an enumeration is too large, or label or loss give something else than numbers.
    """
    labelled = copy.copy(graph)
    labelled.label, labelled.loss = label, loss
    return Scorer(labelled, device="cpu").score(
        hypothesis,
        draws=draws,
        seed=seed,
        margin=margins,
        resample_root=resample_root or False,
        exact=exact,
    )
