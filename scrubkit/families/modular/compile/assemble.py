"""Assembly: the named spaces of a circuit become dimensions, and its parts become weights."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch

from scrubkit.families.modular.compile.circuit import Circuit, Head
from scrubkit.models.record import ModelConfig
from scrubkit.models.weights import Weights, zeros

EQUALS = "equals"
"""The space in which the "=" token alone is 1: what a head's query reads."""


def anchor(d_vocab: int) -> Circuit:
    """Return the constant that queries read: the embedding of "=", the last token."""
    column = np.zeros((d_vocab, 1))
    column[-1] = 1
    return Circuit(spaces={EQUALS: 1}, embed={EQUALS: column})


def assemble(circuit: Circuit, config: ModelConfig) -> Weights:
    """Lay a circuit out as float64 weights; all that it leaves unused is zero.

    Args:
        circuit: the parts.
        config: a shape in which they fit.

    Returns:
        Weights with spaces, heads and neurons in order of declaration.
    """
    w, dims = zeros(config, torch.float64), circuit.dims()
    for name, block in circuit.embed.items():
        w.W_E[:, dims[name]] = torch.from_numpy(block)
    for name, block in circuit.position.items():
        w.W_pos[:, dims[name]] = torch.from_numpy(block)
    for name, block in circuit.unembed.items():
        w.W_U[dims[name]] = torch.from_numpy(block)
    for h, head in enumerate(circuit.heads):
        _place_head(w, h, head, dims)
    start = 0
    for group in circuit.neurons:
        here = slice(start, start + group.count)
        w.b_in[here] = torch.from_numpy(group.bias)
        for name, block in group.reads.items():
            w.W_in[dims[name], here] = torch.from_numpy(block)
        for name, block in group.writes.items():
            w.W_out[here, dims[name]] = torch.from_numpy(block)
        start += group.count
    return w


def _place_head(w: Weights, h: int, head: Head, dims: Mapping[str, slice]) -> None:
    """Write one head; its score is a product of one query and one key dimension."""
    d_head = w.W_V.shape[-1]
    if head.score:
        w.W_Q[h, dims[EQUALS], 0] = 1
    for name, block in head.score.items():
        w.W_K[h, dims[name], 0] = torch.from_numpy(block) * math.sqrt(d_head)
    for name, block in head.value.items():
        w.W_V[h, dims[name], : block.shape[1]] = torch.from_numpy(block)
    for name, block in head.output.items():
        w.W_O[h, : block.shape[0], dims[name]] = torch.from_numpy(block)
