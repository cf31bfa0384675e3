"""Neurons that look things up.

A table has a neuron for each combination c of its k parents' values: ReLU(sum of the k one-hots - (k - 1)),
which is 1 on c and 0 elsewhere. A sum S has neurons ReLU(S - t), whose second differences are 1 at one value
of S and 0 at all others. Each neuron also reads the one-hot of its position, so that it is silent at every
other. All pre-activations are whole numbers, on which ReLU is exact.

*Sharp* neurons come in pairs instead, 4 ReLU(x + 5/8) - 4 ReLU(x + 3/8): a step that is exactly 0 or 1 while
x is within 3/8 of a whole number. They take interference and rounding away at each layer, where plain
neurons hand it on.
"""

from __future__ import annotations

import numpy as np

from scrubkit.families.programs.compile.circuit import Neurons
from scrubkit.families.programs.compile.layout import POSITION, Layout, average, found_in
from scrubkit.families.programs.compile.schedule import Schedule
from scrubkit.families.programs.graph import Program
from scrubkit.families.programs.rules import Table, Total

STEP = ((5 / 8, 4.0), (3 / 8, -4.0))
"""Offsets and weights of the two neurons of a step between -1 and 0."""


def neurons(
    program: Program, plan: Schedule, layout: Layout, block: int, *, sharp: bool
) -> tuple[Neurons, ...]:
    """Return the neurons of one block, variable by variable."""
    makers = {"table": _table, "sum": _sum}
    return tuple(
        makers[program.variables[name].via](program, plan, layout, name, sharp)
        for name in program.computed
        if plan.block[name] == block and program.variables[name].via in makers
    )


def _table(program: Program, plan: Schedule, layout: Layout, name: str, sharp: bool) -> Neurons:
    variable, pos = program.variables[name], plan.place[name]
    assert isinstance(variable.rule, Table)
    answers = variable.rule.answers
    count = answers.size
    combination = np.indices(answers.shape).reshape(answers.ndim, count)
    reads, each = np.zeros((layout.width, count)), np.arange(count)
    for parent, index in zip(variable.parents, combination, strict=True):
        block = found_in(program, plan, parent, pos)
        reads[layout.codes(block, program.variables[parent].domain)[index], each] = 1
    reads[layout.dims(POSITION)[pos]] = 1
    writes = np.zeros((count, layout.width))
    writes[each, layout.codes(variable.family, variable.domain)[answers.ravel()]] = 1
    # With the position there are k + 1 one-hots; all of them make 0, from where a unit is one step.
    return _finish(name, reads, np.full(count, -answers.ndim - 1.0), writes, layout, variable.family, sharp)


def _sum(program: Program, plan: Schedule, layout: Layout, name: str, sharp: bool) -> Neurons:
    variable, pos = program.variables[name], plan.place[name]
    assert isinstance(variable.rule, Total)
    low, answers = variable.rule.low, variable.rule.answers
    # Plain neurons give ReLU(S - t + 1) from low on, with 1 and -2 and 1 for one value; steps give 1 and -1.
    weights = (1, -1) if sharp else (1, -2, 1)
    thresholds = low + np.arange(len(answers) + (not sharp))
    reads = np.repeat(_total(program, plan, layout, name)[:, None], len(thresholds), axis=1)
    # Elsewhere the sum may be anything that its codes can make: the position decides first.
    silence = 2 * sum(np.abs(terms).max() for terms in variable.rule.terms) + abs(low) + 2.0
    reads[layout.dims(POSITION)[pos]] = silence
    writes = np.zeros((len(thresholds), layout.width))
    codes = layout.codes(variable.family, variable.domain)[answers]
    for shift, weight in enumerate(weights):
        rows = np.arange(len(answers)) + shift
        inside = rows < len(thresholds)
        np.add.at(writes, (rows[inside], codes[inside]), weight)
    return _finish(name, reads, -thresholds - silence, writes, layout, variable.family, sharp)


def _finish(
    name: str,
    reads: np.ndarray,
    bias: np.ndarray,
    writes: np.ndarray,
    layout: Layout,
    block: str,
    sharp: bool,
) -> Neurons:
    """Turn units that step between -1 and 0 into neurons, and take the filler away with what they write."""
    if block in layout.fillers:
        writes[:, layout.fillers[block]] = -writes[:, layout.dims(block)].sum(axis=1)
    if not sharp:
        return Neurons(name, reads, bias + 1, writes)
    return Neurons(
        name,
        np.concatenate([reads for _ in STEP], axis=1),
        np.concatenate([bias + offset for offset, _ in STEP]),
        np.concatenate([weight * writes for _, weight in STEP]),
    )


def _total(program: Program, plan: Schedule, layout: Layout, name: str) -> np.ndarray:
    """Return the direction of the stream along which a sum can be read."""
    direction = np.zeros(layout.width)
    parents = program.variables[name].parents
    if name in plan.gathered:
        block = average(name)
        count = len({plan.place[parent] for parent in parents})
        direction[layout.dims(block)] = count * np.array(layout.values[block], dtype=float)
        return direction
    for parent in parents:
        domain = program.variables[parent].domain
        block = found_in(program, plan, parent, plan.place[name])
        direction[layout.codes(block, domain)] += np.array(domain)
    return direction
