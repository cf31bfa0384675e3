"""The library: named programs, each with its source, and the variables that explain it at several grains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import networkx as nx

from scrubkit.errors import ProgramError, nearest
from scrubkit.families.programs.claims import abstraction
from scrubkit.families.programs.graph import Program
from scrubkit.families.programs.library import machines, order, sequences
from scrubkit.families.programs.reading import read_program


@dataclass(frozen=True)
class Named:
    """A program of the library.

    Attributes:
        build: makes its graph; its docstring gives the source.
        grains: for each granularity, the variables that a true claim maps; ``None`` stands for all.
    """

    build: Callable[[], nx.DiGraph]
    grains: Mapping[str, tuple[str, ...] | None]

    @property
    def summary(self) -> str:
        """The first line of what it says of itself."""
        return (self.build.__doc__ or "").split("\n")[0]

    def program(self) -> Program:
        """Return the program."""
        return read_program(self.build())

    def claims(self) -> Mapping[str, nx.DiGraph]:
        """Return its true claims, by granularity."""
        program = self.program()
        return {
            grain: abstraction(
                program, program.variables if names is None else names, f"{program.name}-{grain}"
            )
            for grain, names in self.grains.items()
        }


def _grains(*coarse: str, **more: tuple[str, ...]) -> Mapping[str, tuple[str, ...] | None]:
    return {"full": None, "coarse": coarse, **more}


_XS = tuple(f"x{i}" for i in range(8))

LIBRARY: Mapping[str, Named] = {
    "max3": Named(order.max3, _grains("first", "x2")),
    "min4": Named(order.min4, _grains("left", "right", half=("left", "x2", "x3"))),
    "sort3": Named(order.sort3, _grains("low", "high", "x2", late=("low", "middle", "high", "x2"))),
    "greater-than": Named(
        order.greater_than,
        _grains("first_greater", "first_equal", "second_greater", half=("x0", "x2", "second_greater")),
    ),
    "reverse4": Named(sequences.reverse4, _grains("y0", "y1", "y2", "y3")),
    "histogram3": Named(sequences.histogram3, _grains("same01", "same02", "same12")),
    "most-frequent": Named(sequences.most_frequent, _grains("count0", "count1", "count2")),
    "induction5": Named(
        sequences.induction5, _grains("previous1", "previous2", "previous3", "x1", "x2", "x3", "x4")
    ),
    "indirect-object": Named(
        sequences.indirect_object,
        _grains("inhibited", "x0", "x1", early=("duplicate", "x0", "x1")),
    ),
    "parity5": Named(machines.parity5, _grains("parity")),
    "parity5-chain": Named(machines.parity5_chain, _grains("parity3", "x4", early=("parity1", *_XS[2:5]))),
    "addition-lookup": Named(machines.addition_lookup, _grains("sum_")),
    "addition-carry": Named(machines.addition_carry, _grains("carry", *_XS[:4])),
    "brackets6": Named(
        machines.brackets6,
        _grains("ever_below", "depth5", depths=tuple(f"depth{i}" for i in range(6))),
    ),
    "automaton5": Named(machines.automaton5, _grains("state3", "x4", early=("state1", *_XS[2:5]))),
    "s3-permutations": Named(machines.s3_permutations, _grains("pair", "x2")),
    "s3-cosets": Named(machines.s3_cosets, _grains("all_turns", "all_sides", early=("side", "turn", "x2"))),
}
"""Every named program."""


def named(name: str) -> Named:
    """Return a program of the library; raises ProgramError naming those there are."""
    if name not in LIBRARY:
        raise ProgramError(
            f"unknown program {name!r}{nearest(name, LIBRARY)}; there are {', '.join(LIBRARY)}"
        )
    return LIBRARY[name]
