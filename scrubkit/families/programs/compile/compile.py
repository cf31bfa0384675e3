"""The compiler: program to place to schedule to layout to circuit to weights, checked as built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np

from scrubkit.families.programs.compile.assemble import assemble, choose_shape
from scrubkit.families.programs.compile.attention import heads
from scrubkit.families.programs.compile.check import Errors, measure, refuse_unsound
from scrubkit.families.programs.compile.circuit import Block
from scrubkit.families.programs.compile.codes import Code, encode
from scrubkit.families.programs.compile.layout import lay_out
from scrubkit.families.programs.compile.neurons import neurons
from scrubkit.families.programs.compile.noise import add_noise
from scrubkit.families.programs.compile.options import Options, read_options
from scrubkit.families.programs.compile.place import place
from scrubkit.families.programs.compile.schedule import schedule
from scrubkit.families.programs.compile.truth import Truth, known_truth
from scrubkit.families.programs.compile.weights import Tensors
from scrubkit.families.programs.graph import Program
from scrubkit.families.programs.reading import read_program
from scrubkit.models.config import ModelConfig

ORDER = 13
"""Stream of the random generator."""


@dataclass(frozen=True, repr=False)
class Compiled:
    """A program as weights.

    Attributes:
        program: what was compiled.
        options: how.
        config: the transformer's sizes.
        weights: float64 tensors under TransformerLens's names and in its orientation.
        code: how variables lie in the residual stream.
        truth: what is known of the weights.
        errors: how far they are from the program, measured on every row.
    """

    program: Program
    options: Options
    config: ModelConfig
    weights: Tensors
    code: Code
    truth: Truth
    errors: Errors

    def __repr__(self) -> str:
        s = self.config
        return f"Compiled({self.program.name!r}, {s.n_layers} layers, d_model {s.d_model}, d_mlp {s.d_mlp})"


def compile_program(graph: nx.DiGraph | Program, **options: Any) -> Compiled:
    """Compile a program into a transformer whose every variable is known.

    Args:
        graph: a program, or its graph.
        options: fields of `Options`.

    Returns:
        The weights, their truth, and how far they are from the program.

    Raises:
        ProgramError: the program or the options are not sound, or do not fit each other; says what would.
    """
    chosen = read_options(options)
    program = read_program(graph)
    plan = schedule(program, place(program, chosen), chosen)
    d_vocab = max(program.d_vocab, chosen.d_vocab or 0)
    layout = lay_out(program, plan, chosen, d_vocab)
    blocks = [
        Block(
            heads(program, plan, layout, index),
            neurons(program, plan, layout, index, sharp=chosen.sharp),
        )
        for index in range(plan.n_layers)
    ]
    shape = choose_shape(program, blocks, layout, d_vocab, chosen)
    code = encode(layout, shape.d_model, chosen)
    order = _order(shape, chosen)
    weights = assemble(program, plan, blocks, layout, code, shape, order)
    if chosen.noise:
        weights = add_noise(weights, chosen.noise, chosen.seed)
    truth = known_truth(program, plan, blocks, layout, code, order)
    errors, by_variable = measure(program, weights, shape, code, truth)
    refuse_unsound(program, errors, by_variable, _cure(chosen))
    return Compiled(program, chosen, shape, weights, code, truth, errors)


def _order(shape: ModelConfig, options: Options) -> dict[str, np.ndarray]:
    """Return where the parts of each block go: in order, or shuffled."""
    rng = np.random.default_rng([options.seed, ORDER])
    sizes = {"heads": shape.n_heads, "neurons": shape.d_mlp}
    return {
        f"{kind}.{block}": rng.permutation(size) if options.permute else np.arange(size)
        for block in range(shape.n_layers)
        for kind, size in sizes.items()
    }


def _cure(options: Options) -> str:
    if options.codes == "superposed":
        return f"ratio {options.ratio} is too high for this program; take a lower one, or another seed"
    if options.noise:
        return f"noise {options.noise} is too much for this program; take less"
    return "give outputs at several positions one family, so that they share a code"
