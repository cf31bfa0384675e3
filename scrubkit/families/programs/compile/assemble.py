"""Assembly: a circuit becomes named tensors of one shape, under one code."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from scrubkit.errors import ProgramError
from scrubkit.families.programs.compile.circuit import Block
from scrubkit.families.programs.compile.codes import EPS, Code, least_d_model
from scrubkit.families.programs.compile.layout import POSITION, TOKEN, Layout, found_in
from scrubkit.families.programs.compile.options import Options
from scrubkit.families.programs.compile.schedule import Schedule
from scrubkit.families.programs.compile.weights import zeros
from scrubkit.families.programs.graph import Program
from scrubkit.models.config import ModelConfig

GELU_GAIN = 72.0
"""Pre-activations are 0 or at least 1/8 away from it, where GELU(g x) / g is ReLU to |x| Phi(-9) = 1e-20."""
LOGIT = 10.0
"""The logit of the answer; all others are 0."""


def choose_shape(
    program: Program, blocks: Sequence[Block], layout: Layout, d_vocab: int, options: Options
) -> ModelConfig:
    """Return the least shape that holds a circuit, with the sizes that were asked for.

    Raises:
        ProgramError: with every size that is too small, and the least that would do.
    """
    heads = [head for block in blocks for head in block.heads]
    least = {
        "n_layers": len(blocks),
        "d_model": least_d_model(layout, options),
        "n_heads": max([1, *(len(block.heads) for block in blocks)]),
        "d_head": max([1, *(max(h.query.shape[1], h.value.shape[1]) for h in heads)]),
        "d_mlp": max([1, *(sum(len(n.bias) for n in block.neurons) for block in blocks)]),
        "d_vocab": max(2, d_vocab),
        "d_vocab_out": max(2, *(1 + max(program.variables[n].domain) for n in program.outputs.values())),
    }
    faults = [
        f"{name}={value} is too small; this program needs {least[name]}"
        for name, value in options.sizes.items()
        if value < least[name]
    ]
    if options.normalization == "LN" and (options.d_model or 0) % 2:
        faults.append(f"d_model={options.d_model} must be even, since LayerNorm needs mirrored dimensions")
    if faults:
        raise ProgramError(faults, title=program.name)
    behaviour = {name: getattr(options, name) for name in ("act_fn", "normalization", "attention")}
    return ModelConfig(**{**least, **options.sizes, **behaviour, "n_ctx": program.n_ctx, "eps": EPS})


def assemble(
    program: Program,
    plan: Schedule,
    blocks: Sequence[Block],
    layout: Layout,
    code: Code,
    shape: ModelConfig,
    order: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Write a circuit into weights.

    Args:
        program: what is compiled.
        plan: its schedule.
        blocks: its heads and neurons.
        layout: the unencoded stream.
        code: how it lies in d_model dimensions.
        shape: the sizes.
        order: for ``heads.L`` and ``neurons.L`` of each block L, where the i-th part of the circuit goes.

    Returns:
        Float64 tensors by name.
    """
    w, root = zeros(shape), math.sqrt(shape.d_head)
    read, write = code.scale * code.read, code.write
    w["embed.W_E"][: len(layout.values[TOKEN])] = write[layout.dims(TOKEN)]
    w["pos_embed.W_pos"][:] = write[layout.dims(POSITION)]
    if layout.fillers:
        w["pos_embed.W_pos"] += write[list(layout.fillers.values())].sum(axis=0)
    for index, block in enumerate(blocks):
        at = f"blocks.{index}."
        for slot, head in zip(order[f"heads.{index}"], block.heads, strict=False):
            for part, reads in (("Q", root * head.query), ("K", head.key), ("V", head.value)):
                w[f"{at}attn.W_{part}"][slot, :, : reads.shape[1]] = read @ reads
                w[f"{at}attn.b_{part}"][slot, : reads.shape[1]] = code.offset @ reads
            w[f"{at}attn.W_O"][slot, : len(head.output)] = head.output @ write
        if block.neurons:
            gain = GELU_GAIN if shape.act_fn == "gelu" else 1.0
            reads = np.concatenate([n.reads for n in block.neurons], axis=1)
            here = order[f"neurons.{index}"][: reads.shape[1]]
            w[f"{at}mlp.W_in"][:, here] = read @ (gain * reads)
            bias = np.concatenate([n.bias for n in block.neurons]) + code.offset @ reads
            w[f"{at}mlp.b_in"][here] = gain * bias
            w[f"{at}mlp.W_out"][here] = np.concatenate([n.writes for n in block.neurons]) / gain @ write
    answers = _answers(program, plan, layout, shape)
    w["unembed.W_U"][:] = read @ answers
    w["unembed.b_U"][:] = code.offset @ answers
    return w


def _answers(program: Program, plan: Schedule, layout: Layout, shape: ModelConfig) -> np.ndarray:
    """Read every output's code into the logits."""
    unembed = np.zeros((layout.width, shape.d_vocab_out))
    for pos, name in program.outputs.items():
        domain = program.variables[name].domain
        unembed[layout.codes(found_in(program, plan, name, pos), domain), list(domain)] = LOGIT
    return unembed
