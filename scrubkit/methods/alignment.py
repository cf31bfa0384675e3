"""What aligners share: the numbers of the network that may hold a variable, pairs of inputs, and training.

An interchange sets a variable to its value on a source input. An aligner chooses the map that does so: from
the values of some site on the base and on the source to the value that is set. It is trained to make the
answer the one that the causal model predicts: Geiger et al. 2024, arXiv:2303.02536.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from scrubkit import Bound, BoundNode, Hypothesis, Model, Task, bind
from scrubkit.methods.variables import predicted

FEWEST = 32
"""Pairs below which nothing is trained or judged."""
BATCH = 128
ENOUGH = 6
"""Batches in a row without a mistake that end the training."""
Values = Float[Tensor, "item width"]


@dataclass(frozen=True)
class Place:
    """Where a variable is looked for: all numbers of the sites of its nodes.

    Attributes:
        bound: the hypothesis on its model.
        nodes: the nodes that hold the variable.
    """

    bound: Bound
    nodes: tuple[BoundNode, ...]

    @classmethod
    def of(cls, bound: Bound, names: Sequence[str]) -> Place:
        """Return the place of a variable; raises ScrubError where the subject has no activations."""
        if bound.architecture is None:
            _ = bound.bridge  # says in words that a graph of functions has none
        return cls(bound, tuple(bound.nodes[name] for name in names))

    def read(self, rows: Int[Tensor, " item"]) -> Values:
        """Return the clean values on some inputs."""
        return torch.cat([node.read(rows).flatten(1) for node in self.nodes], dim=1)

    def output(self, rows: Int[Tensor, " item"], values: Values) -> Float[Tensor, "item answer class"]:
        """Return the logits on some inputs with the values set, with gradients where the values have them."""
        settings, start = {}, 0
        for node in self.nodes:
            like = node.read(rows[:1])
            own = values[:, start : start + like.numel()].unflatten(1, like.shape[1:])
            start += like.numel()
            if node.part.basis is not None:
                rows_of = torch.tensor(node.part.basis, dtype=own.dtype, device=own.device)
                own = own @ rows_of.T @ rows_of
            settings[node.part] = own
        return self.bound.run(rows, settings)[0]

    @cached_property
    def mean(self) -> Float[Tensor, " width"]:
        """The mean value over inputs."""
        return self._all.mean(dim=0)

    @cached_property
    def axes(self) -> Float[Tensor, "width axis"]:
        """Orthonormal directions in which the site varies at all, the strongest first."""
        return spanned(self._all - self.mean, 1.0)

    @cached_property
    def needed(self) -> Float[Tensor, "width axis"]:
        """Orthonormal directions in which the means of the variable's values differ."""
        classes = torch.from_numpy(self.nodes[0].classes)[self._rows].to(self._all.device)
        sums = self._all.new_zeros(int(classes.max()) + 1, self._all.shape[1]).index_add_(
            0, classes, self._all
        )
        counts = torch.bincount(classes, minlength=len(sums)).clamp(min=1)
        means = (sums / counts[:, None])[classes]
        return spanned(means - means.mean(dim=0), 1 - 1e-4)

    @cached_property
    def _rows(self) -> Int[Tensor, " item"]:
        n = self.bound.n_inputs
        return torch.arange(n) if n <= _MOST else torch.arange(_MOST) * n // _MOST

    @cached_property
    def _all(self) -> Values:
        return self.read(self._rows)


_MOST = 4096
"""Inputs from which means and directions are taken."""
_NOTHING = 1e-6
"""Singular values below this share of the largest are rounding."""


def spanned(values: Values, share: float) -> Float[Tensor, "width axis"]:
    """Return the leading principal directions that hold a share of the squares; at least one.

    Args:
        values: centred values.
        share: of the sum of squares; 1 keeps all that are not rounding.
    """
    _, sizes, directions = torch.linalg.svd(values.double(), full_matrices=False)
    kept = sizes > _NOTHING * sizes[0].clamp(min=1e-30)
    squares = sizes.square().cumsum(0) / sizes.square().sum().clamp(min=1e-60)
    before = torch.cat([squares.new_zeros(1), squares[:-1]])
    kept &= before < share
    rank = max(int(kept.sum()), 1)
    return directions[:rank].T.to(values.dtype).contiguous()


@dataclass(frozen=True)
class Pairs:
    """Pairs of inputs whose interchange has a predicted answer.

    Attributes:
        base: the inputs that are run.
        source: the inputs that the variable's values come from.
        goal: inputs whose right answer is the predicted one.
    """

    base: Int[Tensor, " pair"]
    source: Int[Tensor, " pair"]
    goal: Int[Tensor, " pair"]

    def __len__(self) -> int:
        return len(self.base)

    def at(self, index: Tensor) -> Pairs:
        """Return some of the pairs."""
        return Pairs(self.base[index], self.source[index], self.goal[index])


def draw_pairs(
    bound: Bound, nodes: tuple[BoundNode, ...], size: int, generator: torch.Generator, *, held_out: bool
) -> Pairs:
    """Draw pairs for training, or others that are held out for the judge.

    Of all pairs of inputs a fixed half is for training and the other half for the judge.

    Args:
        bound: the hypothesis.
        nodes: the nodes that hold the variable.
        size: how many to draw; those without a predicted answer are left out.
        generator: source of randomness, on the CPU.
        held_out: draw from the judge's half.

    Returns:
        The pairs, with the answer that each has to give.
    """
    base, source = (bound.others(torch.arange(4 * size), generator) for _ in range(2))
    # A multiplicative hash of the pair: which half it is in says nothing about either input.
    code = (base * 0x9E3779B1 + source * 0x85EBCA77) & 0xFFFFFFFF
    mine = ((code >> 15) % 2 == int(held_out)) & (base != source)
    base, source = base[mine][:size], source[mine][:size]
    goal = predicted(bound, nodes, base, source)
    told = goal >= 0
    return Pairs(base[told], source[told], goal[told])


class Map(Protocol):
    """A trainable map from base and source values to the value that is set.

    Attributes:
        parameters: what is trained.
    """

    parameters: list[Tensor]

    def __call__(self, base: Values, source: Values, progress: float) -> Values:
        """Return the value to set; `progress` goes from 0 to 1 over the training."""
        ...


def train(
    place: Place,
    pairs: Pairs,
    found: Map,
    *,
    steps: int,
    rate: float,
    generator: torch.Generator,
    to_the_end: bool = False,
) -> None:
    """Train a map to make the answers right, until they are or the steps are spent.

    Args:
        place: where the values live.
        pairs: what to train on.
        found: the map; its parameters are changed.
        steps: batches at most.
        rate: learning rate of Adam, decayed to nothing along a line.
        generator: order of the batches.
        to_the_end: take all steps, for maps that change with progress.
    """
    optimizer = torch.optim.Adam(found.parameters, lr=rate)
    right, values = 0, _reader(place)
    for step in range(steps):
        batch = pairs.at(torch.randint(len(pairs), (BATCH,), generator=generator))
        goal = place.bound.right[batch.goal].to(place.bound.device)
        with torch.enable_grad():
            new = found(values(batch.base), values(batch.source), step / steps)
            output = place.output(batch.base, new)
            loss = functional.cross_entropy(output.flatten(0, 1).double(), goal.flatten())
            gradients = torch.autograd.grad(loss, found.parameters, allow_unused=True)
        right = right + 1 if bool((output.argmax(dim=-1) == goal).all()) else 0
        if right >= ENOUGH and not to_the_end:
            return
        for parameter, gradient in zip(found.parameters, gradients, strict=True):
            parameter.grad = gradient
        for group in optimizer.param_groups:
            group["lr"] = rate * (1 - step / steps)
        optimizer.step()


@dataclass(frozen=True)
class Search:
    """One search for a variable: the hypothesis on its model, the place, and the pairs to train on."""

    bound: Bound
    place: Place
    pairs: Pairs

    @classmethod
    def of(
        cls,
        model: Model,
        hypothesis: Hypothesis,
        variable: Sequence[str],
        *,
        task: Task,
        generator: torch.Generator,
        device: str,
        size: int,
    ) -> Search:
        """Begin a search.

        Args:
            model: where the variable is looked for.
            hypothesis: says what it is.
            variable: names of the nodes that hold it.
            task: the inputs.
            generator: source of randomness, on the CPU.
            device: where the model is run.
            size: how many pairs to draw.

        Returns:
            The search, its pairs drawn from the half for training.

        Raises:
            ScrubError: the subject has no activations.
        """
        bound = bind(model, hypothesis, task=task, device=device)
        place = Place.of(bound, variable)
        return cls(bound, place, draw_pairs(bound, place.nodes, size, generator, held_out=False))

    def train(
        self, found: Map, *, steps: int, rate: float, generator: torch.Generator, to_the_end: bool = False
    ) -> None:
        """Train a map, as `train` does, where there are pairs enough; else it stays as it is.

        Args:
            found: the map; its parameters are changed.
            steps: batches at most.
            rate: learning rate of Adam.
            generator: order of the batches.
            to_the_end: take all steps.
        """
        if len(self.pairs) >= FEWEST:
            train(
                self.place,
                self.pairs,
                found,
                steps=steps,
                rate=rate,
                generator=generator,
                to_the_end=to_the_end,
            )


def _reader(place: Place) -> Callable[[Int[Tensor, " item"]], Values]:
    """Return a function that reads clean values; they are kept where all inputs are few."""
    if place.bound.n_inputs > _MOST:
        return place.read
    known = place.read(torch.arange(place.bound.n_inputs))
    return lambda rows: known[rows.to(known.device)]
