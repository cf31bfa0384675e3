"""Scrubbing any DAG of functions, with any label and any loss."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from scrubkit.core.feature import parse as parse_feature
from scrubkit.errors import ScrubError
from scrubkit.hypothesis import Hypothesis, from_graph
from scrubkit.scrubbing.evaluate import scrub_rows
from scrubkit.scrubbing.exact import enumerate_outputs
from scrubkit.scrubbing.options import check_draws, recovered, versions
from scrubkit.scrubbing.plan import Plan, bind
from scrubkit.scrubbing.sampling import Draws, by_feature
from scrubkit.scrubbing.score import Interval, Margins, Score, Settings
from scrubkit.scrubbing.scoring import CONFIDENCE
from scrubkit.scrubbing.verdict import decide, exactly, over_draws, relative
from scrubkit.subjects.function_graph import FunctionGraph
from scrubkit.version import __version__

AUTO_DRAWS = 64
Loss = Callable[[Tensor, Tensor], Tensor]


def scrub(
    graph: FunctionGraph,
    hypothesis: Hypothesis | Any,
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
        loss: ``loss(output, label)``, one number a row; a score to maximise works as well.
        exact: give the expectation itself by enumeration; otherwise the mean over draws, with intervals.
        resample_root: redraw the reference first, by the root's feature (True) or by this feature.
        draws: passes over the dataset when not exact.
        seed: decides the draws.
        margins: for the verdict, which rests on fidelity alone where outputs are numbers, and on the loss
            recovered as faithfulness.

    Returns:
        The score. ``loss_recovered`` is (scrubbed - baseline) / (model - baseline) with the baseline of
        outputs against independently permuted labels; ``fidelity`` compares outputs with the model's own.

    Raises:
        HypothesisError: the hypothesis does not fit the graph.
        ScrubError: an enumeration is too large, or label or loss give something else than numbers.
    """
    began = time.perf_counter()
    check_draws(draws)
    checked = hypothesis if isinstance(hypothesis, Hypothesis) else from_graph(hypothesis)
    plan = _bind(checked, graph, resample_root)
    judge = _Judge(graph, plan.root.part, label, loss)
    measured = judge.exact(plan) if exact else judge.sampled(plan, draws, seed)
    fidelity = relative(measured["squared_change"], judge.permuted_change)
    share = recovered(measured["loss"], judge.model_loss, judge.baseline_loss)
    verdict, reasons = decide(fidelity, share, margins, testable=plan.testable)
    return Score(
        hypothesis=checked.name,
        hypothesis_hash=checked.hash,
        model=graph.title,
        model_hash="",
        task="",
        verdict=verdict,
        reasons=tuple(reason.replace("faithfulness", "loss recovered") for reason in reasons),
        model_loss=judge.model_loss,
        scrubbed_loss=measured["loss"],
        baseline_loss=judge.baseline_loss,
        loss_recovered=share,
        abs_loss_change=measured["abs_loss_change"],
        fidelity=fidelity,
        bits=dict(plan.bits),
        self_draw_rate=plan.self_draw_rate,
        settings=Settings(
            method=f"causal scrubbing, scrubkit {__version__}",
            engine="reference",
            draws=0 if exact else draws,
            stopping="fixed",
            seed=seed,
            margins=margins,
            confidence=CONFIDENCE,
            exact=exact,
            resample_root=plan.root_exchange is not None,
            dtype="float64",
            device="cpu",
            versions=versions(),
        ),
        seconds=time.perf_counter() - began,
    )


def _bind(hypothesis: Hypothesis, graph: FunctionGraph, resample_root: str | bool | None) -> Plan:
    if not isinstance(resample_root, str):
        return bind(hypothesis, graph, resample_root=bool(resample_root))
    plan = bind(hypothesis, graph)
    values = parse_feature(resample_root).values(graph.columns, graph.constants)
    return replace(plan, root_exchange=by_feature(values, weights=graph.weights))


class _Judge:
    """Losses of outputs against labels over a weighted dataset, in float64."""

    def __init__(
        self, graph: FunctionGraph, output: str, label: str | Callable[[Any], Any], loss: Loss
    ) -> None:
        self.graph = graph
        self.loss = loss
        values = parse_feature(label).values(graph.columns, graph.constants, graph.tokens)
        if len(values) != 1:
            raise ScrubError(f"the label must be one number an input, found {len(values)}", title="label")
        self.labels = torch.from_numpy(values[0].copy())
        mass = torch.ones(graph.n_inputs) if graph.weights is None else torch.from_numpy(graph.weights)
        self.mass = mass.double() / mass.double().sum()
        self.outputs = graph.clean(output, torch.arange(graph.n_inputs))
        self.losses = self.judged(self.outputs, self.labels)
        self.model_loss = float(self.losses @ self.mass)
        self.baseline_loss = self._baseline()
        flat = self.outputs.reshape(graph.n_inputs, -1).double()
        centred = flat - self.mass @ flat
        self.permuted_change = float(2 * centred.square().sum(1) @ self.mass)

    def judged(self, outputs: Tensor, labels: Tensor) -> Float[Tensor, " row"]:
        """Return the loss of each row; raises ScrubError unless that is one finite number."""
        losses = torch.as_tensor(self.loss(outputs, labels)).double()
        if losses.shape != labels.shape or not bool(torch.isfinite(losses).all()):
            raise ScrubError(
                f"loss(output, label) must give one finite number a row, {tuple(labels.shape)}; found "
                f"{tuple(losses.shape)}"
            )
        return losses

    def _baseline(self) -> float:
        """Expected loss of the outputs against an independently drawn label."""
        values, inverse = torch.unique(self.labels, return_inverse=True)
        frequency = torch.zeros(len(values), dtype=torch.float64).index_add_(0, inverse, self.mass)
        columns = [self.judged(self.outputs, value.expand(len(self.labels))) @ self.mass for value in values]
        return float(torch.stack(columns) @ frequency)

    def figures(self, outputs: Tensor, rows: Tensor) -> dict[str, Float[Tensor, " row"]]:
        """Return loss, change of loss and squared change of output for each row."""
        losses = self.judged(outputs, self.labels[rows])
        change = (outputs.double() - self.outputs[rows].double()).reshape(len(rows), -1)
        return {
            "loss": losses,
            "abs_loss_change": (losses - self.losses[rows]).abs(),
            "squared_change": change.square().sum(1),
        }

    def exact(self, plan: Plan) -> dict[str, Interval]:
        """Return the expectation of every figure over all joint draws."""
        totals: dict[str, float] = {}
        for x, outcome in enumerate(enumerate_outputs(self.graph, plan)):
            rows = torch.full((len(outcome.values),), x)
            for name, values in self.figures(outcome.values, rows).items():
                mean = float(values @ outcome.probabilities * self.mass[x])
                totals[name] = totals.get(name, 0.0) + mean
        return {name: exactly(total) for name, total in totals.items()}

    def sampled(self, plan: Plan, draws: int, seed: int) -> dict[str, Interval]:
        """Return the mean of every figure over draws, with intervals."""
        n_inputs = self.graph.n_inputs
        items = Draws(seed, n_inputs, range(draws * n_inputs), torch.device("cpu"))
        found = self.figures(scrub_rows(self.graph, plan, items), items.rows)
        return {
            name: over_draws(values.view(draws, n_inputs) @ self.mass, 1 - CONFIDENCE)
            for name, values in found.items()
        }
