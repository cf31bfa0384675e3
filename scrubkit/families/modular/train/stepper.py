"""One step of full-batch AdamW for all runs at once, over one flat parameter a run.

The update is written out rather than taken from torch because every run has its own learning rate: runs
trained side by side begin their decay at different steps. On CUDA the whole step, a few hundred small
kernels, is recorded once and replayed as a graph.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from scrubkit.families.modular.train.recipe import Recipe
from scrubkit.families.modular.train.state import State
from scrubkit.families.modular.train.step import Rows, cross_entropy, forward, views
from scrubkit.models.record import ModelConfig

GRAPH_WARMUP = 3
"""Steps run before a CUDA graph is recorded, as PyTorch asks for; their effect is undone."""


class Stepper:
    """Takes training steps on the tensors of a state.

    With ``g`` the gradient of the mean training loss, for step t and a run's learning rate ``lr``::

        theta <- (1 - lr wd) theta
        m <- beta1 m + (1 - beta1) g          v <- beta2 v + (1 - beta2) g^2
        theta <- theta - lr / (1 - beta1^t)  m / (sqrt(v / (1 - beta2^t)) + eps)
    """

    def __init__(self, state: State, rows: Rows, config: ModelConfig, recipe: Recipe) -> None:
        """Bind the state's tensors; a state whose runs have changed needs a new stepper."""
        self._state, self._rows, self._recipe = state, rows, recipe
        self._leaves = {k: v.detach().requires_grad_() for k, v in views(state.flat, config).items()}
        column = state.flat.new_zeros(len(state.runs), 1)
        self._keep, self._size = column.clone(), column.clone()
        self._correction = state.flat.new_ones(1, 1)
        self._graph = self._record() if state.flat.is_cuda else None

    def step(self, rates: Sequence[float]) -> None:
        """Take one step with a learning rate for each run, and count it in the state."""
        recipe, t = self._recipe, self._state.step + 1
        unbias = 1 - recipe.beta1**t
        rate = torch.tensor(rates, dtype=self._size.dtype)[:, None]
        self._keep.copy_(1 - rate * recipe.weight_decay)
        self._size.copy_(rate / unbias)
        self._correction.fill_(1 / math.sqrt(1 - recipe.beta2**t))
        if self._graph is None:
            self._update()
        else:
            self._graph.replay()
        self._state.step = t

    def _update(self) -> None:
        recipe, state = self._recipe, self._state
        losses = cross_entropy(forward(self._leaves, self._rows.a, self._rows.b), self._rows.label)
        gradients = torch.autograd.grad(losses.mean(dim=1).sum(), list(self._leaves.values()))
        with torch.no_grad():
            gradient = torch.cat([part.flatten(1) for part in gradients], dim=1)
            state.flat.mul_(self._keep)
            state.momentum.lerp_(gradient, 1 - recipe.beta1)
            state.second.mul_(recipe.beta2).addcmul_(gradient, gradient, value=1 - recipe.beta2)
            spread = state.second.sqrt().mul_(self._correction).add_(recipe.eps)
            state.flat.sub_(torch.div(state.momentum, spread).mul_(self._size))

    def _record(self) -> torch.cuda.CUDAGraph:
        """Record one step as a CUDA graph and put the state back as it was."""
        tensors = (self._state.flat, self._state.momentum, self._state.second)
        before = [tensor.detach().clone() for tensor in tensors]
        stream = torch.cuda.Stream(self._state.flat.device)
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(GRAPH_WARMUP):
                self._update()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._update()
        for tensor, value in zip(tensors, before, strict=True):
            tensor.copy_(value)
        return graph


@torch.no_grad()
def evaluate(
    flat: Float[Tensor, "run parameter"], config: ModelConfig, rows: Rows
) -> tuple[Float[Tensor, " run"], Float[Tensor, " run"]]:
    """Return each run's mean loss in nats per input and its accuracy on the given inputs."""
    logits = forward(views(flat, config), rows.a, rows.b)
    right = (logits.argmax(dim=-1) == rows.label).float()
    return cross_entropy(logits, rows.label).mean(dim=1), right.mean(dim=1)
