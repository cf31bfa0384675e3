"""Rewrites: the same answers by another mechanism.

Each takes a program and returns one with the same input-output function. A claim that is true of one and
false of the other, word for word, makes the two *twins* for it: the text cannot tell which model it is
about.
"""

from __future__ import annotations

import itertools

import numpy as np

from scrubkit.errors import ProgramError
from scrubkit.families.programs.express import substitute
from scrubkit.families.programs.graph import Program
from scrubkit.families.programs.lookup import Lookup
from scrubkit.families.programs.surgery import editable, expression, fresh, meaning, reread, reread_program


def inline(program: Program, name: str) -> Program:
    """Let every reader of a variable compute it itself; the variable is gone."""
    graph = editable(program)
    _inner(program, name)
    parents, inner = list(graph.predecessors(name)), meaning(graph, name)
    for reader in list(graph.successors(name)):
        reread(graph, reader, name, inner, parents)
    graph.remove_node(name)
    return reread_program(graph, program)


def recompute(program: Program, name: str, reader: str) -> Program:
    """Give one reader a variable of its own, computed again, instead of the shared one."""
    graph = editable(program)
    _inner(program, name)
    again = fresh(graph, f"{name}_again")
    graph.add_node(again, **{k: v for k, v in graph.nodes[name].items() if k in ("fn", "feature", "via")})
    graph.add_edges_from((parent, again) for parent in graph.predecessors(name))
    reread(graph, reader, name, again, [again])
    return reread_program(graph, program)


def split(program: Program, name: str) -> Program:
    """Carry a variable as two, its half rounded down and its remainder, computed apart."""
    graph = editable(program)
    variable = _inner(program, name)
    if variable.size < 3 or variable.domain[0] < 0:
        raise ProgramError(f"{name!r} has {variable.size} values from {variable.domain[0]} on; 3 are split")
    whole, parents = meaning(graph, name), list(graph.predecessors(name))
    parts = {fresh(graph, f"{name}_half"): "//", fresh(graph, f"{name}_rest"): "%"}
    for part, symbol in parts.items():
        if isinstance(whole, str):
            graph.add_node(part, feature=f"({whole}) {symbol} 2")
        else:
            graph.add_node(part, fn=_after(whole, symbol))
        graph.add_edges_from((parent, part) for parent in parents)
    half, rest = parts
    for reader in list(graph.successors(name)):
        reread(graph, reader, name, f"2 * {half} + {rest}", [half, rest])
    graph.remove_node(name)
    return reread_program(graph, program)


def pack(program: Program, one: str, other: str) -> Program:
    """Carry two variables as one, their pair."""
    graph = editable(program)
    first, second = _inner(program, one), _inner(program, other)
    if one in program.ancestors[other] or other in program.ancestors[one]:
        raise ProgramError(f"{one!r} and {other!r} cannot be packed: one is computed from the other")
    base = first.domain[-1] + 1
    if min(first.domain[0], second.domain[0]) < 0:
        raise ProgramError(f"{one!r} and {other!r} cannot be packed: they take negative values")
    pair = fresh(graph, f"{one}_{other}")
    meanings = [meaning(graph, name) for name in (one, other)]
    if not all(isinstance(m, str) for m in meanings):
        raise ProgramError(f"{one!r} and {other!r} cannot be packed: give both a feature, not fn")
    graph.add_node(pair, feature=f"({meanings[0]}) + {base} * ({meanings[1]})")
    graph.add_edges_from((parent, pair) for name in (one, other) for parent in graph.predecessors(name))
    for name, inner in ((one, f"{pair} % {base}"), (other, f"{pair} // {base}")):
        for reader in list(graph.successors(name)):
            reread(graph, reader, name, inner, [pair])
        graph.remove_node(name)
    return reread_program(graph, program)


def associate(program: Program, outer: str) -> Program:
    """Turn f(g(a, b), c) into f'(a, g'(b, c)): another pair is joined first.

    g' keeps of (b, c) what f needs of it, which for an associative f = g is f(b, c) again.
    """
    graph = editable(program)
    variable = _table(program, outer)
    for middle in variable.parents:
        if len(program.children[middle]) == 1 and program.variables[middle].via == "table":
            a, b, *more = program.variables[middle].parents
            others = [p for p in variable.parents if p != middle]
            if not more and len(others) == 1 and others[0] not in (a, b):
                break
    else:
        raise ProgramError(f"{outer!r} is no f(g(a, b), c) whose inner variable has no other reader")
    c = others[0]
    sizes = [program.variables[name].size for name in (a, b, c)]
    grid = np.indices(sizes).reshape(3, -1)
    inner = program.variables[middle].rule.apply(list(grid[:2]))  # pyright: ignore
    given = {middle: inner, c: grid[2]}
    whole = variable.rule.apply([given[p] for p in variable.parents]).reshape(sizes)  # pyright: ignore
    # Two (b, c) are one value of the new variable where the answer is the same for every a.
    columns = whole.reshape(sizes[0], -1)
    kinds, kind = np.unique(columns, axis=1, return_inverse=True)
    domains = {name: program.variables[name].domain for name in (a, b, c)}
    graph.remove_node(middle)
    joined = fresh(graph, f"{b}_{c}")
    graph.add_node(joined, fn=Lookup({b: domains[b], c: domains[c]}, kind.reshape(sizes[1:])))
    graph.add_edges_from([(b, joined), (c, joined)])
    graph.remove_edge(c, outer)
    graph.add_edges_from([(a, outer), (joined, outer)])
    values = np.array(variable.domain)[kinds]
    keep = {k: v for k, v in graph.nodes[outer].items() if k not in ("fn", "feature")}
    graph.nodes[outer].clear()
    graph.nodes[outer].update(keep, fn=Lookup({a: domains[a], joined: range(kinds.shape[1])}, values))
    return reread_program(graph, program)


def distribute(program: Program, outer: str) -> Program:
    """Turn f(g(a, b), c) into g(f(a, c), f(b, c)), where that is the same, as for products over sums."""
    graph = editable(program)
    variable = _table(program, outer)
    for middle, c in itertools.permutations(variable.parents, 2):
        inner = program.variables[middle]
        if len(variable.parents) != 2 or inner.via != "table" or len(inner.parents) != 2:
            continue
        f, g = meaning(graph, outer), meaning(graph, middle)
        if not isinstance(f, str) or not isinstance(g, str) or len(program.children[middle]) > 1:
            continue
        terms = []
        for part in inner.parents:
            term = fresh(graph, f"{part}_{c}")
            graph.add_node(term, feature=f)
            graph.add_edges_from([(part, term), (c, term)])
            graph.nodes[term]["feature"] = substitute(f, {middle: part})
            terms.append(term)
        graph.remove_edges_from([(middle, outer), (c, outer)])
        graph.remove_node(middle)
        graph.nodes[outer]["feature"] = substitute(g, dict(zip(inner.parents, terms, strict=True)))
        graph.add_edges_from((term, outer) for term in terms)
        return reread_program(graph, program)
    raise ProgramError(f"{outer!r} is no f(g(a, b), c) of two features")


def swap_places(program: Program, one: str, other: str) -> Program:
    """Compute two variables each where the other is; both must have a position of their own."""
    graph = editable(program)
    places = [program.variables[name].pos for name in (one, other)]
    if None in places or places[0] == places[1]:
        raise ProgramError(f"{one!r} and {other!r} need positions, pos=..., that differ; found {places}")
    graph.nodes[one]["pos"], graph.nodes[other]["pos"] = places[1], places[0]
    return reread_program(graph, program)


def _inner(program: Program, name: str):
    """Return a table variable that is no output."""
    variable = _table(program, name)
    if name in program.outputs.values():
        raise ProgramError(f"{name!r} is an output and stays")
    return variable


def _table(program: Program, name: str):
    if name not in program.computed or program.variables[name].via != "table":
        tables = [n for n in program.computed if program.variables[n].via == "table"]
        raise ProgramError(f"{name!r} is no table of the program; there are {', '.join(tables)}")
    return program.variables[name]


def _after(fn, symbol: str):
    step = expression(f"v {symbol} 2")
    return lambda **values: step(v=fn(**values))
