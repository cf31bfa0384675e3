"""How well a checkpoint does its task, over all inputs, some at a time."""

from __future__ import annotations

import math

import torch
from torch.nn.functional import cross_entropy

from scrubkit.errors import ModelError
from scrubkit.models.model import Model
from scrubkit.models.weights import run

AT_ONCE = 2**22
"""Activations that are computed at once."""
MAX_WORK = 10**12
"""Most multiplications, over all inputs: about a minute on one thread."""


@torch.no_grad()
def measure(model: Model, *, title: str) -> dict[str, float]:
    """Return the accuracy and the loss in nats, means over all inputs.

    Raises:
        ModelError: the model is too large for its task to be run on all inputs.
    """
    weights = model.weights.to(torch.float64)
    work = model.task.n_inputs * sum(math.prod(tensor.shape) for tensor in weights.named().values())
    if work > MAX_WORK:
        raise ModelError(
            f"takes {work:,} multiplications over the {model.task.n_inputs:,} inputs of its task, more than "
            f"the {MAX_WORK:,} that are run to measure its accuracy; only smaller models are read",
            title=title,
        )
    config = model.config
    width = (
        config.d_mlp
        + config.d_vocab_out
        + config.n_ctx * (config.d_model + 4 * config.n_heads * config.d_head)
    )
    rows = max(1, AT_ONCE // width)
    right, loss = 0, 0.0
    for tokens, labels in zip(model.tokens.split(rows), model.labels.split(rows), strict=True):
        logits = run(weights, tokens)["logits"]
        right += int((logits.argmax(-1) == labels).sum())
        loss += float(cross_entropy(logits, labels, reduction="sum"))
    return {"accuracy": right / len(model.labels), "loss": loss / len(model.labels)}
