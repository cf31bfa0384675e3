"""Places: a program with every move of a compiled model as a variable of its own.

A variable that is read at another position than its own is copied there by a head. With each copy as a
node, every site of the weights that the truth names is a node of one graph, and claims about heads are
decided on it too.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scrubkit.families.programs.compile.compile import Compiled
from scrubkit.families.programs.graph import Program, Variable
from scrubkit.families.programs.rules import Table


def copy_name(variable: str, pos: int) -> str:
    """Name a variable's copy at a position."""
    return f"{variable}@{pos}"


def with_moves(model: Compiled) -> Program:
    """Return the model's program with its moves as copies.

    Selections keep reading keys and values at home, where their head reads them, and sums that a head
    averages their parents.
    """
    place = {name: model.truth.where(name)[0].pos for name in model.program.variables}
    variables: dict[str, Variable] = {}
    for name, variable in model.program.variables.items():
        copied = {
            c.variable for c in model.truth.coded if c.pos == place[name] and c.pos != place[c.variable]
        }
        near = variable.parents[:1] if variable.via == "select" else variable.parents
        if variable.via == "copy" or name in model.truth.gathered:
            near = ()
        parents = tuple(
            copy_name(p, place[name]) if p in near and p in copied else p for p in variable.parents
        )
        variables[name] = replace(variable, parents=parents)
        for coded in model.truth.where(name)[1:]:
            label = copy_name(name, coded.pos)
            rule = Table(np.arange(variable.size))
            variables[label] = Variable(label, variable.domain, (name,), rule, "copy", coded.pos, label)
    outputs = {
        pos: name if place[name] == pos else copy_name(name, pos)
        for pos, name in model.program.outputs.items()
    }
    return replace(model.program, variables=variables, outputs=outputs)
