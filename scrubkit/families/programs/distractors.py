"""Distractors: what is in a program besides what it needs, each of a kind that fools some method.

Each takes a program and a variable and returns a program with the same answers (`exceptions` apart). As
everything added is a variable of the graph, its labels are as exact as all others.
"""

from __future__ import annotations

from collections.abc import Sequence

import networkx as nx
import numpy as np

from scrubkit.errors import ProgramError
from scrubkit.families.programs.graph import Program
from scrubkit.families.programs.surgery import editable, fresh, meaning, names_in, reread, reread_program


def dead(program: Program, feature: str, name: str = "dead") -> Program:
    """Add a variable that nobody reads: an expression over the inputs."""
    graph = editable(program)
    added = fresh(graph, name)
    graph.add_node(added, feature=feature)
    graph.add_edges_from((i, added) for i in program.inputs if i in names_in(feature))
    return reread_program(graph, program)


def decoy(program: Program, name: str) -> Program:
    """Add a variable that carries just what another does, and that nobody reads.

    A probe finds it; it is represented and not used.
    """
    graph = editable(program)
    _again(graph, name, f"{name}_decoy")
    return reread_program(graph, program)


def redundant_pair(program: Program, name: str) -> Program:
    """Compute a variable twice; readers take the larger, so that neither alone can be cut unseen."""
    graph = editable(program)
    second = _again(graph, name, f"{name}_second")
    _readers(program, graph, name, f"max({name}, {second})", [name, second])
    return reread_program(graph, program)


def backup(program: Program, name: str) -> Program:
    """Compute a variable twice; readers take the second only where the first is cut to its least value.

    A toy of self-repair (McGrath et al. 2023, "The hydra effect", arXiv:2307.15771): the backup is dormant
    while the main path is whole.
    """
    graph = editable(program)
    spare = _again(graph, name, f"{name}_backup")
    least = program.variables[name].domain[0]
    text = f"({name} != {least}) * {name} + ({name} == {least}) * {spare}"
    _readers(program, graph, name, text, [name, spare])
    return reread_program(graph, program)


def vote(program: Program, name: str) -> Program:
    """Compute a variable three times; readers take what two agree on, else the first."""
    graph = editable(program)
    second, third = (_again(graph, name, f"{name}_{nth}") for nth in ("second", "third"))
    text = f"({second} == {third}) * {second} + ({second} != {third}) * {name}"
    _readers(program, graph, name, text, [name, second, third])
    return reread_program(graph, program)


def cancelling_pair(program: Program, name: str, feature: str) -> Program:
    """Add two variables with one feature; readers add one and take the other off, so that nothing remains.

    Args:
        program: the program.
        name: a variable that has readers; its values count from 0.
        feature: what both carry: an expression over the inputs, at least 0.
    """
    graph = editable(program)
    size = program.variables[name].domain[-1] + 1
    pair = []
    for sign in ("plus", "minus"):
        added = fresh(graph, f"{name}_{sign}")
        graph.add_node(added, feature=feature)
        graph.add_edges_from((i, added) for i in program.inputs if i in names_in(feature))
        pair.append(added)
    _readers(program, graph, name, f"({name} + {pair[0]} - {pair[1]}) % {size}", [name, *pair])
    return reread_program(graph, program)


def dormant(program: Program, name: str) -> Program:
    """Add a variable that sleeps on every input and that readers would follow, beside one that nobody reads.

    The subspace illusion (Makelov, Lange and Nanda 2023, arXiv:2311.17030, section 3). ``NAME_decoy`` carries
    the variable's values and is not read; ``NAME_dormant`` is 0 on every input, and readers would take a
    value v + 1 of it for the variable's v. Along the sums of their codes an interchange moves the answer,
    although neither plays a part in it: alone, neither does.
    """
    graph = editable(program)
    if program.variables[name].domain[0] < 0:
        raise ProgramError(f"{name!r} takes negative values; a dormant variable stands for values from 0 on")
    again, asleep = _again(graph, name, f"{name}_decoy"), fresh(graph, f"{name}_dormant")
    text = f"({asleep} == 0) * {name} + ({asleep} != 0) * ({asleep} - 1)"
    _readers(program, graph, name, text, [name, asleep])
    graph.add_node(asleep, feature=f"({name} != {again}) * ({again} + 1)")
    graph.add_edges_from([(name, asleep), (again, asleep)])
    return reread_program(graph, program)


def exceptions(program: Program, rows: Sequence[int], answer: int) -> Program:
    """Memorise some inputs: there, and only there, the answer is another.

    Args:
        program: a program with one output, a table.
        rows: which rows of the dataset.
        answer: what is answered on them.
    """
    graph = editable(program)
    ((pos, output),) = program.outputs.items()
    base = int(program.rows.max()) + 1
    weights = base ** np.arange(program.rows.shape[1])
    number = " + ".join(f"{w} * {i}" for w, i in zip(weights, program.inputs, strict=True))
    codes = sorted(int(code) for code in program.rows[list(rows)] @ weights)
    hit = fresh(graph, "exception")
    graph.add_node(hit, feature=" or ".join(f"{number} == {code}" for code in codes))
    graph.add_edges_from((i, hit) for i in program.inputs)
    last = fresh(graph, "answer")
    graph.add_node(last, feature=f"{hit} * {answer} + (not {hit}) * {output}")
    graph.add_edges_from([(hit, last), (output, last)])
    graph.graph["output"] = {pos: last}
    return reread_program(graph, program, same=False)


def _again(graph: nx.DiGraph, name: str, stem: str) -> str:
    """Add a second node that computes what a node does, from the same parents."""
    if name not in graph or graph.nodes[name].get("via", "table") != "table" or not graph.in_degree(name):
        raise ProgramError(f"{name!r} is no table of the program")
    added = fresh(graph, stem)
    key = "feature" if "feature" in graph.nodes[name] else "fn"
    graph.add_node(added, **{key: meaning(graph, name)})
    graph.add_edges_from((parent, added) for parent in graph.predecessors(name))
    return added


def _readers(program: Program, graph: nx.DiGraph, name: str, text: str, parents: list[str]) -> None:
    """Let all readers of a variable read an expression instead."""
    if not program.children[name]:
        raise ProgramError(f"{name!r} has no readers; take a variable that is no output")
    for reader in program.children[name]:
        reread(graph, reader, name, text, parents)
