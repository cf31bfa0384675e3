"""Layout: which dimensions of the unencoded residual stream code what.

Before any code is chosen the stream is thought of as one dimension a value: blocks for tokens and
positions, one block a variable (or family of variables) at home, one for what is moved, one for averages.
Under a normalisation each block but the first two has a *filler*, a dimension that is 1 until the block is
written, so that the norm never changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from scrubkit.families.programs.compile.options import Options
from scrubkit.families.programs.compile.schedule import Schedule
from scrubkit.families.programs.graph import Program

TOKEN, POSITION = "token", "position"


@dataclass(frozen=True)
class Layout:
    """Blocks of dimensions.

    Attributes:
        values: for each block, the values that its dimensions stand for.
        start: first dimension of each block.
        fillers: dimension of each block's filler; empty without normalisation.
        width: number of dimensions in all.
    """

    values: Mapping[str, tuple[int, ...]]
    start: Mapping[str, int]
    fillers: Mapping[str, int]
    width: int

    def dims(self, block: str) -> Int[np.ndarray, " value"]:
        """Return a block's dimensions."""
        return self.start[block] + np.arange(len(self.values[block]))

    def codes(self, block: str, domain: tuple[int, ...]) -> Int[np.ndarray, " value"]:
        """Return the dimension of each value of a domain in a block."""
        return self.start[block] + np.searchsorted(self.values[block], domain)

    @property
    def total(self) -> int:
        """The constant squared norm of the stream under a normalisation: token, position, every block."""
        return 2 + len(self.fillers)


def moved(name: str) -> str:
    """Name the block into which a variable is moved."""
    return f"{name}.moved"


def average(name: str) -> str:
    """Name the block that holds the average a sum is looked up from."""
    return f"{name}.average"


def found_in(program: Program, plan: Schedule, name: str, pos: int) -> str:
    """Name the block in which a reader at a position finds a variable: at home, or moved."""
    return program.variables[name].family if plan.place[name] == pos else moved(name)


def lay_out(program: Program, plan: Schedule, options: Options, d_vocab: int) -> Layout:
    """Give every block its dimensions, in order of computation."""
    values: dict[str, tuple[int, ...]] = {TOKEN: tuple(range(d_vocab)), POSITION: tuple(range(program.n_ctx))}
    for name in program.computed:
        family = program.variables[name].family
        mine = {*values.get(family, ()), *program.variables[name].domain}
        values[family] = tuple(sorted(mine))
    for name in plan.moves:
        values[moved(name)] = program.variables[name].domain
    for name in sorted(plan.gathered):
        parents = program.variables[name].parents
        values[average(name)] = tuple(sorted({v for p in parents for v in program.variables[p].domain}))
    own = [block for block in values if block not in (TOKEN, POSITION)]
    values |= {block: _roomy(values[block], options.room) for block in own}
    start, width = {}, 0
    for block, domain in values.items():
        start[block] = width
        width += len(domain)
    fillers = {}
    if options.normalization is not None:
        written = [block for block in values if block not in (TOKEN, POSITION)]
        fillers = {block: width + i for i, block in enumerate(written)}
    return Layout(values, start, fillers, width + len(fillers))


def _roomy(values: tuple[int, ...], room: int) -> tuple[int, ...]:
    """Add values that never occur, above all others, until there are as many as asked for."""
    top = max(values)
    return values + tuple(top + 1 + i for i in range(room - len(values)))
