"""Figures of a scrubbed graph of functions: how far its output moves, and its loss where a label is given."""

from __future__ import annotations

from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from scrubkit.core.feature import parse as parse_feature
from scrubkit.errors import ScrubError
from scrubkit.scrubbing.figures import SAME
from scrubkit.subjects.function_graph import FunctionGraph


class GraphFigures:
    """The outputs of a graph on all its rows, and the levels that scores are measured against.

    Args:
        graph: the graph, with its label and loss where it has them.
    """

    labels = None
    n_classes = 0

    def __init__(self, graph: FunctionGraph) -> None:
        self.graph = graph
        self.n_inputs = graph.n_inputs
        mass = torch.ones(graph.n_inputs) if graph.weights is None else torch.from_numpy(graph.weights)
        self.mass = mass.double() / mass.double().sum()
        if graph.output is None:
            raise ScrubError("the graph needs one output: a node that is computed and that nothing reads")
        self.outputs = graph.clean(graph.output, torch.arange(graph.n_inputs))
        self.values: Float[Tensor, " row"] | None = None
        if graph.label is not None:
            found = parse_feature(graph.label).values(graph.columns, graph.constants, graph.tokens)
            if len(found) != 1:
                raise ScrubError(f"the label must be one number per input, found {len(found)}", title="label")
            self.values = torch.from_numpy(found[0].copy())
            self.losses = self.judged(self.outputs, self.values)
        flat = self.outputs.reshape(graph.n_inputs, -1).double()
        centred = flat - self.mass @ flat
        self.rounding = SAME * float(flat.square().sum(1) @ self.mass)
        change = float(2 * centred.square().sum(1) @ self.mass)
        self.permuted_change = change if change > self.rounding else 0.0
        self.permuted_kl = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """The figures that can be taken."""
        return ("squared_change",) if self.values is None else ("squared_change", "loss", "abs_loss_change")

    @cached_property
    def model_loss(self) -> float | None:
        """Mean loss of the graph's own outputs."""
        return None if self.values is None else float(self.losses @ self.mass)

    @cached_property
    def baseline_loss(self) -> float | None:
        """Expected loss of the outputs against an independently drawn label."""
        if self.values is None:
            return None
        labels, inverse = torch.unique(self.values, return_inverse=True)
        share = torch.zeros(len(labels), dtype=torch.float64).index_add_(0, inverse, self.mass)
        columns = [self.judged(self.outputs, label.expand(self.n_inputs)) @ self.mass for label in labels]
        return float(torch.stack(columns) @ share)

    def judged(self, outputs: Tensor, labels: Tensor) -> Float[Tensor, " row"]:
        """Return the loss of each row; raises ScrubError unless that is one finite number."""
        losses = torch.as_tensor(self.graph.loss(outputs, labels)).double()
        if losses.shape != labels.shape or not bool(torch.isfinite(losses).all()):
            raise ScrubError(
                f"loss(output, label) must give one finite number per row, {tuple(labels.shape)}; found "
                f"{tuple(losses.shape)}"
            )
        return losses

    def figures(
        self, outputs: Tensor, rows: Int[Tensor, " item"], *, loop: bool = True
    ) -> dict[str, Float[Tensor, " item"]]:
        """Return squared change of the output and, with a label, loss and its change for each item.

        Args:
            outputs: what the graph puts out.
            rows: the reference input of each item.
            loop: there is no compiled loop for graphs; see the measure of models.
        """
        change = (outputs.double() - self.outputs[rows].double()).reshape(len(rows), -1)
        found = {"squared_change": change.square().sum(1)}
        if self.values is not None:
            found["loss"] = self.judged(outputs, self.values[rows])
            found["abs_loss_change"] = (found["loss"] - self.losses[rows]).abs()
        return found
