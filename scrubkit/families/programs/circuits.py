"""Minimal circuits of a program: which parents suffice for each variable, and which edges for the answers.

A set S of a variable's parents *suffices* if the variable keeps its value when the others hold, together,
what they hold on any other row: for all rows x and x', f(S(x), rest(x')) = f(x). It is minimal if no smaller
part of it suffices. Of three voters that agree any two suffice; of a pair that cancels neither is needed. A
minimal *circuit* takes one minimal set for every variable that it keeps, from the answers back, so there may
be several. (That faithful circuits are not unique: Meloux et al. 2025, arXiv:2502.20914.)
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product

import numpy as np
from jaxtyping import Int

from scrubkit.families.programs.graph import Program

MAX_CIRCUITS = 64
"""Most circuits of a program that are listed."""
MAX_PARENTS = 12
"""A variable of more parents is said to need all of them: there would be over 4,096 sets to try."""

GRID = 2**16
"""Combinations of what is kept and of what is not that are tried at once."""

Edge = tuple[str, str]


def minimal_circuits(program: Program) -> tuple[tuple[Edge, ...], ...]:
    """Return the minimal circuits of a program, the first `MAX_CIRCUITS` where there are more.

    Args:
        program: any program.

    Returns:
        Each as its edges (parent, variable), in the order of the program.
    """
    choices = {name: sufficient_parents(program, name) for name in program.computed}
    found: dict[tuple[Edge, ...], None] = {}
    for kept in _kept(program, choices):
        edges = tuple((p, name) for name in program.computed if name in kept for p in kept[name])
        found.setdefault(edges)
        if len(found) == MAX_CIRCUITS:
            break
    return tuple(found)


def _kept(
    program: Program, choices: dict[str, list[tuple[str, ...]]]
) -> Iterator[dict[str, tuple[str, ...]]]:
    """Yield the variables of each circuit, with the parents that it takes for each."""
    waiting: list[tuple[dict[str, tuple[str, ...]], tuple[str, ...]]] = [
        ({}, tuple(dict.fromkeys(program.outputs.values())))
    ]
    while waiting:
        kept, open_ = waiting.pop()
        left = [name for name in open_ if name in choices and name not in kept]
        if not left:
            yield kept
            continue
        waiting += [
            (kept | dict(zip(left, taken, strict=True)), tuple(p for parents in taken for p in parents))
            for taken in reversed(list(product(*(choices[name] for name in left))))
        ]


def sufficient_parents(program: Program, name: str) -> list[tuple[str, ...]]:
    """Return the minimal sets of a computed variable's parents that suffice, small ones first.

    Args:
        program: any program.
        name: of a variable that is computed.
    """
    parents = program.variables[name].parents
    if len(parents) > MAX_PARENTS:
        return [parents]
    found: list[tuple[int, ...]] = []
    for size in range(len(parents) + 1):
        for some in combinations(range(len(parents)), size):
            if not any(set(less) <= set(some) for less in found) and _suffices(program, name, some):
                found.append(some)
    return [tuple(parents[i] for i in some) for some in found]


def _suffices(program: Program, name: str, some: tuple[int, ...]) -> bool:
    """Return whether a variable is the same whatever row its other parents are taken from, together."""
    variable = program.variables[name]
    assert variable.rule is not None
    rest = tuple(i for i in range(len(variable.parents)) if i not in some)
    kept, others = _combinations(program, name, some), _combinations(program, name, rest)
    step = max(1, GRID // others.shape[1])
    for start in range(0, kept.shape[1], step):
        own = np.repeat(kept[:, start : start + step], others.shape[1], axis=1)
        given = dict(zip(some, own, strict=True))
        given |= zip(rest, np.tile(others, own.shape[1] // others.shape[1]), strict=True)
        values = variable.rule.apply([given[i] for i in range(len(variable.parents))])
        values = values.reshape(-1, others.shape[1])
        if (values != values[:, :1]).any():
            return False
    return True


def _combinations(
    program: Program, name: str, which: tuple[int, ...]
) -> Int[np.ndarray, "parent combination"]:
    """Return every combination of indices that some parents of a variable take, together, on the rows."""
    parents = [program.variables[name].parents[i] for i in which]
    if not parents:
        return np.zeros((0, 1), dtype=int)
    sizes = [program.variables[parent].size for parent in parents]
    codes = np.unique(np.ravel_multi_index([program.indices[parent] for parent in parents], sizes))
    return np.stack(np.unravel_index(codes, sizes))
