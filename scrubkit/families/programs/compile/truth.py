"""The truth of a compiled program: where each variable is coded, and what computes and moves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from scrubkit.errors import ProgramError
from scrubkit.families.programs.compile.circuit import Block
from scrubkit.families.programs.compile.codes import Code
from scrubkit.families.programs.compile.layout import Layout, moved
from scrubkit.families.programs.compile.schedule import Schedule
from scrubkit.families.programs.graph import Program


@dataclass(frozen=True)
class Coded:
    """One place where a variable can be read.

    Attributes:
        variable: its name.
        space: the named subspace of the residual stream that holds its code.
        pos: the position.
        time: half blocks after the embedding from which on it is there, to the end: 2l is before block l,
            2l + 1 between its attention and its MLP.
        read: dimensions of the unencoded stream, one a value, in order of the variable's domain.
    """

    variable: str
    space: str
    pos: int
    time: int
    read: Int[np.ndarray, " value"]

    @property
    def hook(self) -> str:
        """The first hook that holds it."""
        block, half = divmod(self.time, 2)
        return f"blocks.{block}.hook_resid_{'mid' if half else 'pre'}"


@dataclass(frozen=True)
class Truth:
    """What is known of the weights.

    Attributes:
        coded: every place where a variable can be read; the first of a variable is its home.
        spaces: orthonormal basis of each named subspace of the residual stream.
        neurons: for each variable that neurons compute, their block and indices.
        heads: for each block and head in use, what it moves, averages for, or computes.
        gathered: sums whose parents a head averages over their positions.
    """

    coded: tuple[Coded, ...]
    spaces: Mapping[str, Float[np.ndarray, "d_model dim"]]
    neurons: Mapping[str, tuple[int, Int[np.ndarray, " neuron"]]]
    heads: Mapping[tuple[int, int], str]
    gathered: frozenset[str]

    def where(self, variable: str) -> tuple[Coded, ...]:
        """Return the places of one variable, its home first."""
        return tuple(place for place in self.coded if place.variable == variable)

    def site(self, name: str) -> str:
        """Return the subspace (for an input at home the embedding) of a variable or its copy ``v@pos``.

        Raises:
            ProgramError: there is no such place; says which there are.
        """
        found = self.find(name, "subspace")
        if found is None:
            known = ", ".join(dict.fromkeys(place.variable for place in self.coded))
            raise ProgramError(f"no place {name!r}; variables are {known}, copies v@pos where v is moved to")
        return found

    def find(self, name: str, kind: str) -> str | None:
        """Return the site of a variable or copy of a kind, ``subspace``, ``neurons`` or ``head``, if any."""
        variable, _, pos = name.partition("@")
        places = self.where(variable)
        found = [p for p in places if str(p.pos) == pos] if pos else places[:1]
        if not found:
            return None
        place = found[0]
        if place.time == 0:
            return f"hook_embed[pos={place.pos}]" if kind == "subspace" else None
        block, half = divmod(place.time - 1, 2)
        if kind == "subspace":
            hook = "post" if half else "mid"
            return f"blocks.{block}.hook_resid_{hook}[pos={place.pos}, subspace={place.space}]"
        if kind == "neurons" and half:
            indices = ",".join(map(str, self.neurons[variable][1]))
            return f"blocks.{block}.mlp.hook_post[pos={place.pos}, neurons={indices}]"
        heads = [h for (b, h), does in self.heads.items() if b == block and does in (variable, place.space)]
        if kind == "head" and not half:
            return f"blocks.{block}.attn.hook_z[pos={place.pos}, head={heads[0]}]"
        return None


def known_truth(
    program: Program,
    plan: Schedule,
    blocks: Sequence[Block],
    layout: Layout,
    code: Code,
    order: Mapping[str, np.ndarray],
) -> Truth:
    """Write down what the compiler did."""
    coded = []
    for name, variable in program.variables.items():
        read = layout.codes(variable.family, variable.domain)
        coded.append(Coded(name, variable.family, plan.place[name], plan.ready[name], read))
        if name in plan.moves:
            move = plan.moves[name]
            read = layout.codes(moved(name), variable.domain)
            coded += [Coded(name, moved(name), pos, 2 * move.block + 1, read) for pos in move.targets]
    neurons, heads = {}, {}
    for index, block in enumerate(blocks):
        start = 0
        for group in block.neurons:
            stop = start + len(group.bias)
            neurons[group.computes] = (index, np.sort(order[f"neurons.{index}"][start:stop]))
            start = stop
        for slot, head in zip(order[f"heads.{index}"], block.heads, strict=False):
            heads[index, int(slot)] = head.does
    spaces = {name: _basis(code, layout.dims(name)) for name in layout.values}
    return Truth(tuple(coded), spaces, neurons, heads, plan.gathered)


def _basis(code: Code, dims: Int[np.ndarray, " dim"]) -> Float[np.ndarray, "d_model dim"]:
    """Return an orthonormal basis of the span of some codes: themselves where they are orthogonal."""
    codes = code.write[dims]
    if not code.offset.any():
        return (codes / np.linalg.norm(codes, axis=1, keepdims=True)).T
    _, sizes, rows = np.linalg.svd(codes, full_matrices=False)
    return rows[sizes > 1e-9].T
