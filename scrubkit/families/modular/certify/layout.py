"""A model's activations laid out over the group: axis 0 is a, axis 1 is b, classes in the order of c.

The modular tasks differ only in how tokens and classes are named. Once activations are laid out by group
index the right class of the pair (a, b) is always a + b mod n, and every measurement is written once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from scrubkit.errors import ModelError
from scrubkit.families.modular.certify.spectra import sum_index
from scrubkit.families.modular.task import modular
from scrubkit.models.model import Model
from scrubkit.models.weights import Weights, run

MAX_BYTES = 6 * 2**30
"""Largest set of activations that is held at once."""


@dataclass(frozen=True)
class Layout:
    """Weights and activations of a model in float64, over all pairs of group indices.

    Classes that are never a label (class 0 of multiplication) come after the n classes of the group.

    Attributes:
        n: order of the group.
        weights: the parameters.
        tokens: token rows, ordered by the group index of a, then of b.
        token_a: token of each group index as first operand.
        token_b: token of each group index as second operand.
        classes: class of each group index, then the classes outside the group.
        logits: logits at the last position.
        post: neuron activations.
        resid_mid: residual stream before the neurons, what the skip path hands to the unembedding.
        pattern: attention of the last position over all positions.
        z: each head's mixed values.
        train: which pairs were trained on, None where that is not known.
    """

    n: int
    weights: Weights
    tokens: Int[Tensor, "input pos"]
    token_a: Int[Tensor, " n"]
    token_b: Int[Tensor, " n"]
    classes: Int[Tensor, " class"]
    logits: Float[Tensor, "n n class"]
    post: Float[Tensor, "n n neuron"]
    resid_mid: Float[Tensor, "n n d_model"]
    pattern: Float[Tensor, "n n head pos"]
    z: Float[Tensor, "n n head d_head"]
    train: Bool[Tensor, "n n"] | None

    @property
    def labels(self) -> Int[Tensor, "n n"]:
        """The right class of each pair, as an index into `classes`."""
        return sum_index(self.n)

    @property
    def group_logits(self) -> Float[Tensor, "n n n"]:
        """Logits of the classes of the group, in the order of c."""
        return self.logits[..., : self.n]

    @property
    def neuron_to_logit(self) -> Float[Tensor, "neuron n"]:
        """The map W_L = W_out W_U onto the classes of the group, centred over classes.

        A constant over classes changes no probability, so it is no part of the map.
        """
        w_l = self.weights.W_out @ self.weights.W_U[:, self.classes[: self.n]]
        return w_l - w_l.mean(1, keepdim=True)


def lay_out(model: Model, train_mask: Bool[np.ndarray, " input"] | None = None) -> Layout:
    """Run a model on all inputs in float64 and lay the activations out over the group.

    Args:
        model: the model.
        train_mask: which of the task's inputs were trained on, in the task's order.

    Returns:
        The layout.

    Raises:
        ModelError: the activations would not fit in memory, or the mask has the wrong length.
    """
    task = modular(model)
    group = task.group
    check_size(model)
    token_a, token_b = order_by(group.a, group.order), order_by(group.b, group.order)
    inside = order_by(group.c, group.order)
    outside = torch.tensor([c for c in range(model.config.d_vocab_out) if c not in set(inside.tolist())])
    classes = torch.cat([inside, outside.to(torch.int64)])
    a, b = torch.meshgrid(token_a, token_b, indexing="ij")
    equals = [torch.full_like(a, task.equals_token)] if task.equals else []
    tokens = torch.stack([a, b, *equals], dim=-1).reshape(-1, task.n_ctx)
    weights = model.weights.to(torch.float64, "cpu")
    with torch.no_grad():
        kept = run(weights, tokens)
    grids = {name: value.unflatten(0, (group.order, group.order)) for name, value in kept.items()}
    return Layout(
        n=group.order,
        weights=weights,
        tokens=tokens,
        token_a=token_a,
        token_b=token_b,
        classes=classes,
        logits=grids["logits"][..., classes],
        post=grids["post"],
        resid_mid=grids["resid_mid"],
        pattern=grids["pattern"],
        z=grids["z"],
        train=None if train_mask is None else lay_out_mask(model, train_mask, a, b),
    )


def order_by(index: Int[np.ndarray, " p"], n: int) -> Int[Tensor, " n"]:
    """Return the token of each group index 0 .. n - 1 from the group index of each token."""
    tokens = np.zeros(n, dtype=np.int64)
    tokens[index[index >= 0]] = np.nonzero(index >= 0)[0]
    return torch.from_numpy(tokens)


def lay_out_mask(model: Model, mask: np.ndarray, a: Tensor, b: Tensor) -> Bool[Tensor, "n n"]:
    """Return a mask over the task's inputs as a mask over pairs of group indices."""
    if mask.shape != (model.task.n_inputs,):
        raise ModelError(
            f"train_mask has shape {mask.shape}, expected one entry for each of {model.task.n_inputs} inputs",
            title=model.name,
        )
    operands = modular(model).operands
    first, count = int(operands[0]), len(operands)
    row = (a - first) * count + (b - first)
    return torch.from_numpy(mask.astype(bool))[row]


def check_size(model: Model) -> None:
    """Raise ModelError if the activations of all inputs would not fit in memory."""
    config = model.config
    width = (
        2 * config.d_vocab_out + 2 * config.d_mlp + 8 * config.d_model + 6 * config.n_heads * config.d_head
    )
    needed = 8 * model.task.n_inputs * width
    if needed > MAX_BYTES:
        raise ModelError(
            f"measuring all {model.task.n_inputs:,} inputs of p = {modular(model).p} takes about "
            f"{needed / 2**30:.0f} GiB, more than the {MAX_BYTES / 2**30:.0f} GiB allowed; certify a model "
            "with a smaller p or d_mlp",
            title=model.name,
        )
