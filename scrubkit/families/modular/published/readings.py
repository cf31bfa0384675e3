"""Whether a model solves its task, and whether the same tensors would solve it better read in another way.

A state dict that folds the heads into one axis does not say how many there are, and a wrong number gives a
model of the right shapes that often still answers rightly. Training made the loss small for one number, and
any other gives a larger one; so the number that was asked for has to be the one with the smallest loss. The
loss does not tell the activation function: that of modadd-p59 is 1.05e-7 as it is and 1.06e-7 read with GELU.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from einops import rearrange
from torch.nn.functional import cross_entropy

from scrubkit.errors import ModelError
from scrubkit.families.modular.task import modular
from scrubkit.models.forward import logits_by_tile
from scrubkit.models.model import Model

MAX_WORK = 10**12
"""Most multiplications over all inputs: about a minute on one thread."""

SOLVES = 0.99
"""Least accuracy over all inputs of a model that solves its task."""

BETTER = 0.5
"""A reading whose loss is under this share of the loss as asked for is the better one."""

ANYWAY = "import it all the same with --allow-inaccurate (from Python allow_inaccurate=True)"


@torch.no_grad()
def figures(model: Model) -> dict[str, float]:
    """Return a model's accuracy and its mean loss in nats over all inputs, some inputs at a time.

    Raises:
        ModelError: the model is too large for its task to be run on all inputs.
    """
    config, weights = model.config, model.weights.to(torch.float64)
    work = model.task.n_inputs * config.n_parameters
    if work > MAX_WORK:
        raise ModelError(
            f"takes {work:,} multiplications over the {model.task.n_inputs:,} inputs of its task, more than "
            f"the {MAX_WORK:,} that are run to measure its accuracy; only smaller models are read",
            title=model.name,
        )
    labels, (right, loss) = model.labels, (0, 0.0)
    for rows, found in logits_by_tile(weights, config, model.tokens, model.task.answer):
        right += int((found[:, 0].argmax(-1) == labels[rows]).sum())
        loss += float(cross_entropy(found[:, 0], labels[rows], reduction="sum"))
    return {"accuracy": right / len(labels), "loss": loss / len(labels)}


def require_solved(model: Model, *, folded: bool, title: str) -> None:
    """Refuse a model that fails on its task or that was read wrongly.

    Args:
        model: the model, with `figures` in its provenance.
        folded: the file does not say how many heads the model has.
        title: what errors call the file.

    Raises:
        ModelError: with what speaks against the model.
    """
    found = model.provenance.history
    faults = []
    if not found["accuracy"] >= SOLVES:
        faults.append(
            f"its accuracy on all {model.task.n_inputs:,} inputs of {model.task.name} mod "
            f"{modular(model).p} is {found['accuracy']:.4f}, under {SOLVES}: it may be of another task or "
            f"group, have another activation function, or not be trained to the end; {ANYWAY}"
        )
    if folded:
        losses = {m.config.n_heads: figures(m)["loss"] for m in other_heads(model)}
        best = min(losses, key=losses.__getitem__, default=0)
        if losses and losses[best] < BETTER * found["loss"]:
            faults.append(
                f"read with {model.config.n_heads} heads its loss is {found['loss']:.3g} nats, with {best} "
                f"it is {losses[best]:.3g}: it was trained with {best}; say --heads {best}, or {ANYWAY}"
            )
    if faults:
        raise ModelError(faults, title=title)


def other_heads(model: Model) -> Iterator[Model]:
    """Yield the model with its attention cut into every other number of equal heads."""
    w, config = model.weights, model.config
    width = config.n_heads * config.d_head
    for heads in range(1, min(width, 256) + 1):
        if width % heads or heads == config.n_heads:
            continue
        joint = "h d e -> d (h e)"
        cut = {
            name: rearrange(rearrange(getattr(w, name), joint), "d (h e) -> h d e", h=heads)
            for name in ("W_Q", "W_K", "W_V")
        }
        cut |= {name: getattr(w, name).reshape(heads, -1) for name in ("b_Q", "b_K", "b_V")}
        cut["W_O"] = w.W_O.reshape(heads, -1, config.d_model)
        sizes = {"n_heads": heads, "d_head": width // heads}
        yield model.with_(config=config.model_copy(update=sizes), weights=w.with_(**cut))
