"""A program as a stored model: `scrubkit.compile_graph`."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

import networkx as nx
import torch

from scrubkit.core.task import Task
from scrubkit.families.programs.compile import Compiled, compile_program
from scrubkit.families.programs.compile.options import Options
from scrubkit.families.programs.graph import Program
from scrubkit.families.programs.reading import read_program
from scrubkit.families.programs.truth import stored_truth
from scrubkit.models.model import Model
from scrubkit.models.record import Provenance
from scrubkit.models.weights import from_mapping


def compile_graph(graph: nx.DiGraph | Program, *, name: str = "", **options: Any) -> Model:
    """Compile a program into a model whose every variable is known.

    Args:
        graph: a DAG of finite-valued functions; see `scrubkit.families.programs.graph`.
        name: what reports call the model; by default the program's name.
        options: fields of `scrubkit.families.programs.compile.Options`: placement, codes, normalization, ...

    Returns:
        A model on the task of the program's inputs and answers. Its truth gives each variable's site.

    Raises:
        ProgramError: the graph is not a program, an option makes no sense, or they do not fit each other.

    Examples:
        >>> g = nx.DiGraph([("a", "s"), ("b", "s")], name="sum")
        >>> g.add_nodes_from("ab", values=range(3))
        >>> g.nodes["s"]["feature"] = "(a + b) % 3"
        >>> compile_graph(g).truth.site("s")
        'blocks.0.hook_resid_post[pos=1, subspace=s]'
    """
    return to_model(compile_program(graph, **options), name=name)


def to_model(made: Compiled, *, name: str = "") -> Model:
    """Return a compiled program as a model, its weights in float32."""
    config, title = made.config, name or made.program.name
    tensors = {key: torch.from_numpy(value) for key, value in made.weights.items()}
    recipe = {f.name: getattr(made.options, f.name) for f in fields(Options)}
    return Model(
        title,
        program_task(made.program, d_vocab=config.d_vocab, d_vocab_out=config.d_vocab_out),
        config,
        from_mapping(tensors, config, title=title),
        Provenance(kind="compiled", seed=made.options.seed, recipe=recipe, history=asdict(made.errors)),
        stored_truth(made),
    )


def program_task(
    graph: nx.DiGraph | Program, *, d_vocab: int | None = None, d_vocab_out: int | None = None
) -> Task:
    """Return the task of a program: its rows, its answers, its inputs as variables."""
    program = read_program(graph)
    return Task(
        program.name,
        tokens=program.tokens,
        labels=program.labels,
        variables={name: program.values[name] for name in program.inputs},
        answer=sorted(program.outputs),
        d_vocab=d_vocab or program.d_vocab,
        d_vocab_out=d_vocab_out,
    )
