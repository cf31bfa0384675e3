"""The forward pass and loss that training runs: the transformer's own function, in fewer operations.

Every tensor carries a leading axis of *runs* (models trained side by side, one a seed), so one model and
sixty-four are the same batched matrix products. Four rearrangements save work and change no result:

- only the last position is computed, for nothing else reaches the answer;
- keys and values are functions of a token and its position, hence tables of 2p + 1 rows that inputs index;
- the query is that of "=" alone, so a score is a row times one vector a head;
- maps that follow each other without a nonlinearity are multiplied first: the inputs meet ``W_O W_in``,
  ``W_O W_U`` and ``W_out W_U``, never the residual stream.

Attention and unembedding biases are no parameters here: they stay zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from scrubkit.models.record import ModelConfig
from scrubkit.models.weights import SHORT, Weights, zeros

UNTRAINED = ("b_Q", "b_K", "b_V", "b_O", "b_U")
"""Parameters that the mainline model does not have; they stay zero."""

FAINT = 1e-30
"""Gradients of one input's loss by one logit that are smaller are taken for zero. Beside those of other
inputs rounding loses them, and their products are below the smallest normal number, where processors are
slow."""

Parameters = Mapping[str, Float[Tensor, "run ..."]]


@dataclass(frozen=True)
class Rows:
    """Inputs of every run, as operands and labels; runs may hold different inputs, equally many."""

    a: Int[Tensor, "run input"]
    b: Int[Tensor, "run input"]
    label: Int[Tensor, "run input"]

    def of(self, runs: Int[Tensor, " chosen"]) -> Rows:
        """Return the rows of some of the runs."""
        return Rows(self.a[runs], self.b[runs], self.label[runs])


def trained_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the parameters that are trained, in the order of the flat vector."""
    return {name: config.shapes[full] for name, full in SHORT.items() if name not in UNTRAINED}


def n_parameters(config: ModelConfig) -> int:
    """Return the length of the flat vector of trained parameters."""
    return sum(math.prod(shape) for shape in trained_shapes(config).values())


def flatten(weights: Weights, config: ModelConfig) -> Float[Tensor, " parameter"]:
    """Return the trained parameters of one model as one vector."""
    named = weights.short()
    return torch.cat([named[name].reshape(-1) for name in trained_shapes(config)])


def views(flat: Float[Tensor, "run parameter"], config: ModelConfig) -> dict[str, Float[Tensor, "run ..."]]:
    """Return views into the flat parameters by name; writing to either is writing to both."""
    result, start = {}, 0
    for name, shape in trained_shapes(config).items():
        size = math.prod(shape)
        result[name] = flat[:, start : start + size].view(-1, *shape)
        start += size
    return result


def unflatten(flat: Float[Tensor, " parameter"], config: ModelConfig) -> Weights:
    """Return one run's parameters as float32 weights on the CPU, the untrained ones zero."""
    named = views(flat.detach()[None], config)
    return zeros(config).with_(
        **{name: value[0].to("cpu", torch.float32).clone() for name, value in named.items()}
    )


def forward(
    w: Parameters, a: Int[Tensor, "run input"], b: Int[Tensor, "run input"]
) -> Float[Tensor, "run input class"]:
    """Return the logits at the last position.

    With ``u`` the rows of the tables, ``s`` the pattern and ``z_h = sum_pos s_h(pos) V_h(pos)`` per head,
    ``logits = relu(z W_O W_in + c_in) W_out W_U + z W_O W_U + c_out``, where the constants hold what "="
    sends through the skip path and the MLP biases.

    Args:
        w: trained parameters by name, each with the axis of runs first.
        a: first operand of every input.
        b: second operand of every input.
    """
    p = w["W_E"].shape[1] - 1
    tokens, w_pos = w["W_E"][:, :p], w["W_pos"]
    equals = w["W_E"][:, p:] + w_pos[:, 2:3]
    rows = torch.cat([tokens + w_pos[:, 0:1], tokens + w_pos[:, 1:2], equals], dim=1)
    z, z_equals = _mixed_values(w, rows, _table_index(a, b, p))
    w_o = w["W_O"].flatten(1, 2)
    resid = equals + z_equals @ w_o
    before = resid @ w["W_in"] + w["b_in"][:, None]
    # In place: a fresh buffer of this size would be mapped and faulted in anew at every step.
    post = torch.baddbmm(before, z, w_o @ w["W_in"]).relu_()
    after = (resid + w["b_out"][:, None]) @ w["W_U"]
    skip = torch.baddbmm(after, z, w_o @ w["W_U"])
    return torch.baddbmm(skip, post, w["W_out"] @ w["W_U"])


def _table_index(
    a: Int[Tensor, "run input"], b: Int[Tensor, "run input"], p: int
) -> Int[Tensor, " operand_run_input"]:
    """Return where the rows of all a, then of all b, lie in the tables of all runs laid end to end."""
    start = torch.arange(a.shape[0], device=a.device)[:, None] * (2 * p + 1)
    return torch.stack([start + a, start + p + b]).flatten()


def _mixed_values(
    w: Parameters, rows: Float[Tensor, "run row d_model"], index: Int[Tensor, " operand_run_input"]
) -> tuple[Float[Tensor, "run input head_d_head"], Float[Tensor, "run 1 head_d_head"]]:
    """Return z of all heads side by side, in two parts: what the operands add, and the values of "=".

    The pattern sums to one and is unchanged by a constant added to the scores, so the tables hold
    differences from the row of "=", whose score is then zero.
    """
    runs, heads, d_model, d_head = w["W_Q"].shape
    query = torch.einsum("rd,rhde->rhe", rows[:, -1], w["W_Q"]) / math.sqrt(d_head)
    w_v = w["W_V"].transpose(1, 2).reshape(runs, d_model, heads * d_head)
    # Values and scores side by side, so that inputs look up both at once.
    table = rows @ torch.cat([w_v, torch.einsum("rhde,rhe->rdh", w["W_K"], query)], dim=2)
    of_inputs = (table - table[:, -1:]).flatten(0, 1).index_select(0, index)
    values, scores = of_inputs.view(2, runs, -1, table.shape[2]).split([heads * d_head, heads], dim=3)
    pattern = torch.cat([scores, torch.zeros_like(scores[:1])]).softmax(dim=0)
    z = (pattern[:2, ..., None] * values.unflatten(3, (heads, d_head))).sum(dim=0)
    return z.flatten(2), table[:, -1:, : heads * d_head]


class _CrossEntropy(torch.autograd.Function):
    """Cross-entropy as ``log(1 + sum_{c != y} exp(z_c - z_y))``, exact far below float32's epsilon.

    The usual ``logsumexp(z) - z_y`` cancels: in float32 it cannot hold a loss under 1e-7. Here neither the
    loss nor any gradient is a difference of nearly equal numbers.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, label: Tensor) -> Tensor:
        index = label[..., None]
        others = (logits - logits.gather(-1, index)).scatter_(-1, index, -torch.inf)
        top = others.amax(dim=-1, keepdim=True)
        weight = torch.exp(others - top)
        total = weight.sum(dim=-1, keepdim=True)
        odds = top + total.log()
        wrong = torch.sigmoid(odds)
        share = torch.threshold_(weight.mul_(wrong / total), FAINT, 0.0)
        gradient = share.scatter_(-1, index, -wrong)
        ctx.save_for_backward(gradient)
        return torch.nn.functional.softplus(odds)[..., 0]

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * grad_outputs[0][..., None], None


def cross_entropy(
    logits: Float[Tensor, "run input class"], label: Int[Tensor, "run input"]
) -> Float[Tensor, "run input"]:
    """Return the loss of every input in nats, precise for losses far under 1e-7."""
    return _CrossEntropy.apply(logits, label)  # pyright: ignore[reportReturnType]
