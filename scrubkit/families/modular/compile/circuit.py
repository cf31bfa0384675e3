"""A circuit: a network written down part by part, before it has a width.

The residual stream of a circuit is a set of *named spaces* ("embed:14", "plane:14", "position"), and
every part reads and writes spaces by name. Parts can therefore be added - a planted distractor is
only a few more spaces, heads and neurons - and only assembly turns names into dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from scrubkit.models.record import Statement

Block = Float[np.ndarray, "..."]
"""Part of a weight matrix: the rows or columns that belong to one named space."""


@dataclass(frozen=True, slots=True)
class Head:
    """One attention head of the last position.

    Attributes:
        role: what the head does, in one word.
        score: by space, what a position's residual adds to its attention score; empty for a uniform pattern.
        value: by space, the rows of W_V, (width, value dim).
        output: by space, the columns of W_O, (value dim, width).
        pattern: feature that the pattern carries.
        z: feature that the head's value carries.
        frequency: frequency that the head serves, if it serves one.
        structural: the pattern is what it is whatever the noise on the weights.
        causal: the logits depend on the head.
    """

    role: str
    score: Mapping[str, Block]
    value: Mapping[str, Block]
    output: Mapping[str, Block]
    pattern: str
    z: str
    frequency: int | None = None
    structural: bool = False
    causal: bool = True


@dataclass(frozen=True, slots=True)
class Neurons:
    """A group of neurons with one purpose.

    Attributes:
        role: "cluster" for the neurons that do the work, else the name of a planted distractor.
        reads: by space, the rows of W_in, (width, neuron).
        bias: b_in.
        writes: by space, the columns of W_out, (neuron, width).
        feature: feature that the group carries, through what its readers receive.
        frequency: frequency that the group serves, if it serves one.
        exact: the group carries the feature to rounding error.
        causal: the logits depend on the group.
    """

    role: str
    reads: Mapping[str, Block]
    bias: Float[np.ndarray, " neuron"]
    writes: Mapping[str, Block]
    feature: str
    frequency: int | None = None
    exact: bool = False
    causal: bool = True

    @property
    def count(self) -> int:
        """Number of neurons."""
        return len(self.bias)


@dataclass(frozen=True, slots=True)
class Term:
    """One summand of the formula: alpha cos(w_k(s - c)), for pizza times |cos(w_k d / 2)|."""

    frequency: int
    alpha: float
    pizza: bool


@dataclass(frozen=True, slots=True)
class Bonus:
    """What a memorised pair adds to the formula: `amount` on the logit of `label`, for one input."""

    a: int
    b: int
    label: int
    amount: float


@dataclass(frozen=True, slots=True)
class Circuit:
    """Parts of a network and the formula that they compute.

    Attributes:
        spaces: width of each named space of the residual stream.
        embed: by space, the columns of W_E, (token, width).
        position: by space, the columns of W_pos, (pos, width).
        unembed: by space, the rows of W_U, (width, class).
        heads: the attention heads that are in use.
        neurons: the groups of neurons that are in use.
        terms: the formula.
        bonuses: what memorised pairs add to it.
        operands: by frequency, the circles that the last position holds after attention, each a map of
            spaces to (width, 2); their sum is E_a + E_b.
        carries: statements about sites that are neither one head nor one group of neurons.
    """

    spaces: Mapping[str, int] = field(default_factory=dict)
    embed: Mapping[str, Block] = field(default_factory=dict)
    position: Mapping[str, Block] = field(default_factory=dict)
    unembed: Mapping[str, Block] = field(default_factory=dict)
    heads: tuple[Head, ...] = ()
    neurons: tuple[Neurons, ...] = ()
    terms: tuple[Term, ...] = ()
    bonuses: tuple[Bonus, ...] = ()
    operands: Mapping[int, tuple[Mapping[str, Block], ...]] = field(default_factory=dict)
    carries: tuple[Statement, ...] = ()

    def plus(self, other: Circuit) -> Circuit:
        """Return both circuits as one; spaces of the same name are the same space."""
        return Circuit(
            spaces={**self.spaces, **other.spaces},
            embed={**self.embed, **other.embed},
            position={**self.position, **other.position},
            unembed={**self.unembed, **other.unembed},
            heads=self.heads + other.heads,
            neurons=self.neurons + other.neurons,
            terms=self.terms + other.terms,
            bonuses=self.bonuses + other.bonuses,
            operands={**self.operands, **other.operands},
            carries=self.carries + other.carries,
        )

    def with_heads(self, heads: tuple[Head, ...]) -> Circuit:
        """Return the circuit with other heads."""
        return replace(self, heads=heads)

    @property
    def d_model(self) -> int:
        """Residual dimensions in use."""
        return sum(self.spaces.values())

    @property
    def d_head(self) -> int:
        """Width of the widest head in use."""
        return max((block.shape[1] for head in self.heads for block in head.value.values()), default=1)

    @property
    def n_neurons(self) -> int:
        """Neurons in use."""
        return sum(group.count for group in self.neurons)

    def dims(self) -> dict[str, slice]:
        """Return where each space lies before any change of basis, in order of declaration."""
        slices, start = {}, 0
        for name, width in self.spaces.items():
            slices[name] = slice(start, start + width)
            start += width
        return slices
