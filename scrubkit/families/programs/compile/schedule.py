"""Schedule: in which block each variable is computed, and what is moved where.

Time runs in half blocks: the stream before block l is time 2l, between its attention and its MLP 2l + 1,
after it 2l + 2. Neurons of block l read at 2l + 1 and are ready at 2l + 2; a head reads at 2l and is ready at
2l + 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scrubkit.families.programs.compile.options import Options
from scrubkit.families.programs.graph import Program, Variable

TIMES = 11
"""Stream of the random generator."""
BY_HEAD = ("copy", "select")


@dataclass(frozen=True)
class Move:
    """A variable brought from its place to others by one head, into a code of its own.

    Attributes:
        block: the block whose attention does it.
        targets: the positions that need it, ascending.
    """

    block: int
    targets: tuple[int, ...]


@dataclass(frozen=True)
class Schedule:
    """When and where everything happens.

    Attributes:
        place: position of each variable.
        block: block that computes each variable, -1 for inputs.
        ready: time from which on a variable is in the stream at its place.
        moves: the variables that are read elsewhere.
        gathered: sums whose parents a head averages over positions, rather than moves one by one.
        n_layers: number of blocks.
    """

    place: Mapping[str, int]
    block: Mapping[str, int]
    ready: Mapping[str, int]
    moves: Mapping[str, Move]
    gathered: frozenset[str]
    n_layers: int


def schedule(program: Program, place: Mapping[str, int], options: Options) -> Schedule:
    """Give every variable a block, as early as can be or, with slack, at random, and find what moves."""
    gathered = frozenset(n for n in program.computed if _gathers(program, n, place, options))
    least = _blocks(program, place, gathered, {})
    depth = max(_output_depth(program, place, ready=_ready(program, least)), 1)
    n_layers = options.n_layers or depth + options.slack
    block = least
    if options.slack:
        latest = _latest(program, place, n_layers)
        block = _blocks(program, place, gathered, latest, np.random.default_rng([options.seed, TIMES]))
    ready = _ready(program, block)
    moves = _moves(program, place, gathered, ready)
    used = max([depth, *(b + 1 for b in block.values()), *(m.block + 1 for m in moves.values())])
    return Schedule(place, block, ready, moves, gathered, max(n_layers, used))


def needed_at(
    program: Program, name: str, place: Mapping[str, int], gathered: frozenset[str]
) -> Mapping[str, int]:
    """Return which parents a variable needs at its own position, with the distance in half blocks.

    The distance is from the time that a parent has to be there to the start of the variable's block.
    """
    variable = program.variables[name]
    if variable.via == "select":
        return {variable.parents[0]: 0}
    if variable.via == "copy" or name in gathered:
        return {}
    return dict.fromkeys(variable.parents, 1)


def _gathers(program: Program, name: str, place: Mapping[str, int], options: Options) -> bool:
    """Say whether a sum is a head's average: it has remote parents, and nothing else shares their codes."""
    variable = program.variables[name]
    if variable.via != "sum" or options.normalization is not None:
        return False
    if all(place[parent] == place[name] for parent in variable.parents):
        return False
    seats = {(program.variables[p].family, place[p]) for p in variable.parents}
    positions = {pos for _, pos in seats}
    families = {family for family, _ in seats}
    strangers = {
        (v.family, place[v.name]) for v in program.variables.values() if v.name not in variable.parents
    }
    if any((family, pos) in strangers for family in families for pos in positions):
        return False
    # A blank token is no value, yet it has a code in the tokens' block; it adds nothing to a sum.
    return True


def _earliest(
    program: Program, name: str, place: Mapping[str, int], gathered: frozenset[str], ready: Mapping[str, int]
) -> int:
    """Return the first block that can compute a variable."""
    variable = program.variables[name]
    near = needed_at(program, name, place, gathered)
    bounds = [0]
    for parent in variable.parents:
        time = ready[parent]
        if parent not in near:
            bounds.append(-(-time // 2))
        elif place[parent] == place[name]:
            bounds.append(-(-(time - near[parent]) // 2))
        else:
            arrives = 2 * -(-time // 2) + 1
            bounds.append(-(-(arrives - near[parent]) // 2))
    return max(bounds)


def _blocks(
    program: Program,
    place: Mapping[str, int],
    gathered: frozenset[str],
    latest: Mapping[str, int],
    rng: np.random.Generator | None = None,
) -> dict[str, int]:
    """Assign blocks in topological order; heads of one family share one block."""
    together = _families(program)
    block: dict[str, int] = {}
    ready: dict[str, int] = {}
    waiting: dict[str, int] = {}
    for _ in range(len(program.variables) + 1):
        block, ready = {}, {}
        for name, variable in program.variables.items():
            if variable.rule is None:
                block[name], ready[name] = -1, 0
                continue
            first = max(_earliest(program, name, place, gathered, ready), waiting.get(variable.family, 0))
            if rng is not None and name not in together:
                first = int(rng.integers(first, max(latest[name], first) + 1))
            block[name], ready[name] = first, _time(variable, first)
        wanted = {program.variables[n].family: block[n] for n in sorted(together, key=block.__getitem__)}
        if wanted == {f: b for f, b in waiting.items() if f in wanted}:
            break
        waiting = wanted
        rng = None if rng is None else np.random.default_rng(rng.integers(2**32))
    return block


def _families(program: Program) -> frozenset[str]:
    """Return the variables that one head computes together with others."""
    count: dict[str, int] = {}
    for variable in program.variables.values():
        if variable.via in BY_HEAD:
            count[variable.family] = count.get(variable.family, 0) + 1
    return frozenset(v.name for v in program.variables.values() if v.via in BY_HEAD and count[v.family] > 1)


def _time(variable: Variable, block: int) -> int:
    return 2 * block + (1 if variable.via in BY_HEAD else 2)


def _ready(program: Program, block: Mapping[str, int]) -> dict[str, int]:
    return {n: 0 if v.rule is None else _time(v, block[n]) for n, v in program.variables.items()}


def _output_depth(program: Program, place: Mapping[str, int], *, ready: Mapping[str, int]) -> int:
    """Return the number of blocks after which every variable is there and every output at its position."""
    ends = [-(-time // 2) for time in ready.values()]
    ends += [-(-ready[n] // 2) + 1 for pos, n in program.outputs.items() if place[n] != pos]
    return max(ends)


def _latest(program: Program, place: Mapping[str, int], n_layers: int) -> dict[str, int]:
    """Return a block for each variable that leaves its readers room, counting two blocks for a query."""
    tail = dict.fromkeys(program.variables, 0)
    for pos, name in program.outputs.items():
        tail[name] = int(place[name] != pos)
    for name in reversed(list(program.variables)):
        variable = program.variables[name]
        for parent in variable.parents:
            step = 2 if variable.via == "select" else 1
            tail[parent] = max(tail[parent], tail[name] + step)
    return {name: n_layers - 1 - tail[name] for name in program.variables}


def _moves(
    program: Program, place: Mapping[str, int], gathered: frozenset[str], ready: Mapping[str, int]
) -> dict[str, Move]:
    targets: dict[str, set[int]] = {}
    for name in program.computed:
        for parent in needed_at(program, name, place, gathered):
            if place[parent] != place[name]:
                targets.setdefault(parent, set()).add(place[name])
    for pos, name in program.outputs.items():
        if place[name] != pos:
            targets.setdefault(name, set()).add(pos)
    return {n: Move(-(-ready[n] // 2), tuple(sorted(targets[n]))) for n in program.variables if n in targets}
