"""Interchange interventions on a stream, and the answers that a program gives under them.

Geiger et al. 2022, "Inducing causal structure for interpretable neural networks", arXiv:2112.00826.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from scrubkit.families.programs.graph import Program
from scrubkit.families.programs.train.align import Place
from scrubkit.models.config import ModelConfig
from scrubkit.models.forward import streams
from scrubkit.models.weights import Weights


def interchanged(
    w: Weights,
    config: ModelConfig,
    tokens: Int[Tensor, "row pos"],
    base: Int[Tensor, " item"],
    sources: Mapping[Place, Int[Tensor, " item"]],
) -> Float[Tensor, "item class"]:
    """Return the logits on base inputs with each place set to what it holds on a source input."""
    taken: dict[Place, Tensor] = {}
    for place, rows in sources.items():
        *_, (_, stream) = streams(w, config, tokens[rows], until=place.layer)
        taken[place] = stream[:, -1, list(place.dims)]

    def change(layer: int, stream: Tensor) -> Tensor:
        for place, value in taken.items():
            if place.layer == layer:
                stream = stream.clone()
                stream[:, -1, list(place.dims)] = value
        return stream

    *_, (_, stream) = streams(w, config, tokens[base], change=change)
    return stream[:, -1] @ w.W_U + w.b_U


def answers(
    program: Program,
    base: Int[np.ndarray, " item"],
    sources: Mapping[Place, Int[np.ndarray, " item"]],
) -> Int[np.ndarray, " item"]:
    """Return what the program answers on base inputs with variables at their values on sources."""
    given = {place.variable: program.indices[place.variable][rows] for place, rows in sources.items()}
    ((_, output),) = program.outputs.items()
    return np.array(program.variables[output].domain)[program.run(base, given)[output]]


def draw(
    rng: np.random.Generator, n_inputs: int, places: Sequence[Place], size: int
) -> tuple[Int[np.ndarray, " item"], dict[Place, Int[np.ndarray, " item"]]]:
    """Draw base inputs, and a source for each place."""
    return rng.integers(n_inputs, size=size), {p: rng.integers(n_inputs, size=size) for p in places}
