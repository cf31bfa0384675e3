"""What a scrub does to each input: where on the dataset a hypothesis holds and where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from scrubkit.scrubbing.options import as_hypothesis
from scrubkit.scrubbing.passes import cpu_tiles
from scrubkit.scrubbing.plan import Plan, bind
from scrubkit.scrubbing.sampling import Draws
from scrubkit.scrubbing.scoring import Scorer

STREAM = -(2**32)
"""Stream of the random numbers that permute the labels; no tree node has it."""


@dataclass(frozen=True)
class PerInput:
    """Figures of every input.

    Attributes:
        seed: of the draws, those of a score with the same seed.
        passes: how many draws each mean is over.
        mass: share of each input in every mean.
        logit_change: mean |z_scrubbed - z|^2 over E|z_permuted - z|^2; its mean over inputs is 1 - fidelity.
        losses: scrubbed loss in each pass, nats; None where the task has no labels.
        model_losses: the model's own.
        baseline_losses: the model's outputs against labels drawn from other inputs.
        variables: value of each variable of the task on each input.
        features: the same of each feature of the hypothesis that is one number, by its text, and of the
            label.
    """

    seed: int
    passes: int
    mass: Float[np.ndarray, " input"]
    logit_change: Float[np.ndarray, " input"]
    losses: Float[np.ndarray, "draw input"] | None = None
    model_losses: Float[np.ndarray, " input"] | None = None
    baseline_losses: Float[np.ndarray, " input"] | None = None
    variables: Mapping[str, np.ndarray] = field(default_factory=dict)
    features: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def loss_change(self) -> Float[np.ndarray, " input"] | None:
        """Mean scrubbed loss less the model's own, nats."""
        if self.losses is None or self.model_losses is None:
            return None
        return self.losses.mean(axis=0) - self.model_losses


@torch.no_grad()
def per_input(scorer: Scorer, hypothesis: Any, *, seed: int = 0, passes: int = 4) -> PerInput:
    """Return what a scrub does to each input.

    Args:
        scorer: the scorer of the model.
        hypothesis: a hypothesis, a `networkx.DiGraph`, a function from truth to graph, or a file.
        seed: decides every draw; those of a score with the same seed.
        passes: draws of each input.

    Raises:
        HypothesisError: the hypothesis is not valid on this model.
    """
    plan = bind(as_hypothesis(hypothesis, scorer.known), scorer.subject)
    levels, device, n = scorer.levels, scorer.target.device, scorer.levels.n_inputs
    outputs = scorer.quick_outputs(plan)
    labelled = "loss" in levels.names
    changes, losses = np.zeros((passes, n)), np.zeros((passes, n))
    for tile, wanted in cpu_tiles(range(passes * n), n):
        draws = Draws(seed, n, tile, device)
        found = levels.figures(outputs(draws), draws.rows)
        here = slice(wanted.start - tile.start, wanted.stop - tile.start)
        items = np.arange(wanted.start, wanted.stop)
        changes.reshape(-1)[items] = found["squared_change"][here].cpu().numpy()
        if labelled:
            losses.reshape(-1)[items] = found["loss"][here].cpu().numpy()
    scale = levels.permuted_change if levels.permuted_change > 0 else 1.0
    return PerInput(
        seed=seed,
        passes=passes,
        mass=levels.mass.cpu().numpy(),
        logit_change=changes.mean(axis=0) / scale,
        losses=losses if labelled else None,
        model_losses=levels.losses.cpu().numpy() if labelled else None,
        baseline_losses=_against_other_labels(levels, seed).cpu().numpy() if labelled else None,
        variables=_variables(scorer.subject),
        features=_features(plan) | _label(levels),
    )


def _label(levels: Any) -> dict[str, np.ndarray]:
    """Return the label where it is one class."""
    if levels.labels is None or levels.labels.shape[1] != 1:
        return {}
    return {"label": levels.labels[:, 0].cpu().numpy()}


def _variables(subject: Any) -> dict[str, np.ndarray]:
    """Return the variables of the inputs, or their tokens where no variable is named."""
    found = {str(name): np.asarray(values) for name, values in subject.columns.items()}
    tokens = np.asarray(subject.tokens)
    return found or {f"token {i}": tokens[:, i] for i in range(tokens.shape[1])}


def _features(plan: Plan) -> dict[str, np.ndarray]:
    """Return the features that are one number of each input, by their text."""
    nodes = plan.hypothesis.nodes
    return {
        node.feature.text: values[0]
        for name, values in plan.features.items()
        if (node := nodes[name]).feature is not None and len(values) == 1 and values[0].ndim == 1
    }


def _against_other_labels(levels: Any, seed: int) -> Float[Tensor, " input"]:
    """Return the loss of the model's outputs against the label of an independently drawn input."""
    n, device = levels.n_inputs, levels.mass.device
    draws = Draws(seed, n, range(n), torch.device("cpu"))
    bounds = levels.mass.cpu().cumsum(0)
    uniform = draws.numbers(STREAM).double() / 2.0**62
    others = torch.searchsorted(bounds, uniform * bounds[-1]).clamp(max=n - 1).to(device)
    if levels.labels is None:
        return levels.judged(levels.outputs, levels.values[others])
    found = []
    for rows in torch.arange(n, device=device).split(4096):
        log = levels.own(rows).logits.log_softmax(dim=-1)
        labels = levels.labels[others[rows]]
        found.append(-log.gather(2, labels[..., None])[..., 0].mean(dim=-1))
    return torch.cat(found)
