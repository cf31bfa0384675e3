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
from scrubkit.models.weights import Weights, shapes, zeros

UNTRAINED = ("b_Q", "b_K", "b_V", "b_O", "b_U")
"""Parameters that the mainline model does not have; they stay zero."""

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
    return {name: shape for name, shape in shapes(config).items() if name not in UNTRAINED}


def n_parameters(config: ModelConfig) -> int:
    """Return the length of the flat vector of trained parameters."""
    return sum(math.prod(shape) for shape in trained_shapes(config).values())


def flatten(weights: Weights, config: ModelConfig) -> Float[Tensor, " parameter"]:
    """Return the trained parameters of one model as one vector."""
    named = weights.named()
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
    runs, n_tokens, _ = w["W_E"].shape
    p = n_tokens - 1
    equals = w["W_E"][:, p:] + w["W_pos"][:, 2:3]
    rows = torch.cat(
        [w["W_E"][:, :p] + w["W_pos"][:, 0:1], w["W_E"][:, :p] + w["W_pos"][:, 1:2], equals], dim=1
    )
    z = _mixed_values(w, rows, equals, _table_index(a, b, p))
    w_o = w["W_O"].flatten(1, 2)
    before = equals @ w["W_in"] + w["b_in"][:, None]
    # In place: a fresh buffer of this size would be mapped and faulted in anew at every step.
    post = torch.baddbmm(before, z, w_o @ w["W_in"]).relu_()
    after = (equals + w["b_out"][:, None]) @ w["W_U"]
    skip = torch.baddbmm(after, z, w_o @ w["W_U"])
    return torch.baddbmm(skip, post, w["W_out"] @ w["W_U"])


def _table_index(a: Int[Tensor, "run input"], b: Int[Tensor, "run input"], p: int) -> tuple[Tensor, Tensor]:
    """Return where the rows of operands a and b lie in the tables of all runs laid end to end."""
    start = torch.arange(a.shape[0], device=a.device)[:, None] * (2 * p + 1)
    return (start + a).flatten(), (start + p + b).flatten()


def _mixed_values(
    w: Parameters,
    rows: Float[Tensor, "run row d_model"],
    equals: Float[Tensor, "run 1 d_model"],
    index: tuple[Tensor, Tensor],
) -> Float[Tensor, "run input head_d_head"]:
    """Return z of all heads side by side: values mixed by the pattern of "=" over the three positions."""
    runs, heads, d_model, d_head = w["W_Q"].shape
    query = torch.einsum("rd,rhde->rhe", equals[:, 0], w["W_Q"])
    scores = rows @ torch.einsum("rhde,rhe->rdh", w["W_K"], query) / math.sqrt(d_head)
    values = rows @ w["W_V"].transpose(1, 2).reshape(runs, d_model, heads * d_head)
    on_a, on_b = (scores.flatten(0, 1).index_select(0, i).view(runs, -1, heads) for i in index)
    pattern = torch.stack([on_a, on_b, scores[:, -1:].expand_as(on_a)]).softmax(dim=0)
    # The pattern sums to one, so "=" enters as a constant and the tables hold differences from it.
    difference = (values - values[:, -1:]).flatten(0, 1)
    v_a, v_b = (difference.index_select(0, i).view(runs, -1, heads, d_head) for i in index)
    z = pattern[0, ..., None] * v_a + pattern[1, ..., None] * v_b
    return z.flatten(2) + values[:, -1:]


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
        gradient = weight.mul_(wrong / total).scatter_(-1, index, -wrong)
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
