"""Circuit: heads and neurons over the unencoded residual stream, before sizes and codes are chosen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Head:
    """One attention head.

    Attributes:
        does: the variable that it moves, averages for, or computes (a family's name where it serves several).
        query: stream to match space; key: the same; their product is the score after scaling.
        value: stream to what is carried; output: what is carried to the stream.
    """

    does: str
    query: Float[np.ndarray, "width match"]
    key: Float[np.ndarray, "width match"]
    value: Float[np.ndarray, "width carry"]
    output: Float[np.ndarray, "carry width"]


@dataclass(frozen=True)
class Neurons:
    """The neurons of one variable.

    Attributes:
        computes: the variable.
        reads: stream to pre-activations; bias: added to them; writes: activations to the stream.
    """

    computes: str
    reads: Float[np.ndarray, "width neuron"]
    bias: Float[np.ndarray, " neuron"]
    writes: Float[np.ndarray, "neuron width"]


@dataclass(frozen=True)
class Block:
    """The parts of one transformer block, in order."""

    heads: tuple[Head, ...]
    neurons: tuple[Neurons, ...]
