"""Where each variable of a trained program is to be: a block of dimensions of the residual stream."""

from __future__ import annotations

from dataclasses import dataclass

from scrubkit.families.programs.graph import Program

WIDTH = 8
"""Most dimensions of one variable."""


@dataclass(frozen=True)
class Place:
    """The place of one variable, at the last position.

    Attributes:
        variable: its name.
        layer: block after which it is there.
        dims: dimensions of the residual stream that hold it, and are held to hold nothing else.
    """

    variable: str
    layer: int
    dims: tuple[int, ...]

    @property
    def site(self) -> str:
        """The place as a site."""
        return f"blocks.{self.layer}.hook_resid_post[pos=-1, subspace={self.variable}]"


def align(program: Program) -> tuple[Place, ...]:
    """Give every computed variable but the answer a place: as many blocks deep as its longest path is."""
    depth, start, found = {}, 0, []
    for name, variable in program.variables.items():
        depth[name] = 1 + max((depth[p] for p in variable.parents), default=-1)
        if variable.rule is None or name in program.outputs.values():
            continue
        width = min(variable.size, WIDTH)
        found.append(Place(name, depth[name] - 1, tuple(range(start, start + width))))
        start += width
    return tuple(found)


def n_layers(program: Program) -> int:
    """Return the number of blocks that the program's longest path takes."""
    return 1 + max((place.layer for place in align(program)), default=-1) + 1
