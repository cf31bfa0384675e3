"""Placement: at which position of the sequence each variable is computed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from scrubkit.errors import ProgramError
from scrubkit.families.programs.compile.options import Options
from scrubkit.families.programs.graph import Program, Variable

PLACES = 10
"""Stream of the random generator."""


def place(program: Program, options: Options) -> Mapping[str, int]:
    """Return the position of every variable.

    A variable's own ``pos`` is kept. Under a causal mask a variable sits no earlier than what it reads, and
    no later than what reads it, the outputs last.

    Raises:
        ProgramError: with every variable that would have to read a later position.
    """
    rng = np.random.default_rng([options.seed, PLACES])
    latest = _latest(program) if options.causal else dict.fromkeys(program.variables, program.n_ctx - 1)
    found: dict[str, int] = {}
    faults = []
    for name, variable in program.variables.items():
        earliest = max((found[parent] for parent in variable.parents), default=0)
        floor = earliest if options.causal else 0
        if variable.pos is not None:
            found[name] = variable.pos
        elif options.placement == "last":
            found[name] = latest[name]
        elif options.placement == "inputs":
            found[name] = min(earliest, latest[name])
        else:
            found[name] = int(rng.integers(min(floor, latest[name]), latest[name] + 1))
        if options.causal and found[name] < floor:
            faults.append(_fault(variable, found))
    faults += [
        f"output {name!r} at position {pos} is computed at {found[name]}, and a causal mask hides that"
        for pos, name in program.outputs.items()
        if options.causal and found[name] > pos
    ]
    if faults:
        raise ProgramError(
            [*faults, "take attention='bidirectional', or place what is read no later than its readers"],
            title=program.name,
        )
    return found


def _latest(program: Program) -> dict[str, int]:
    """Return the last position at which each variable is of use under a causal mask."""
    latest = dict.fromkeys(program.variables, program.n_ctx - 1)
    for pos, name in program.outputs.items():
        latest[name] = min(latest[name], pos)
    for name in reversed(list(program.variables)):
        variable = program.variables[name]
        here = latest[name] if variable.pos is None else variable.pos
        for parent in variable.parents:
            latest[parent] = min(latest[parent], here)
    return latest


def _fault(variable: Variable, found: Mapping[str, int]) -> str:
    seen = ", ".join(f"{parent!r} at {found[parent]}" for parent in variable.parents)
    return f"{variable.name!r} at position {found[variable.name]} reads {seen}, and a causal mask hides it"
