"""Twins: models of one behaviour and one shape, of which the same text is true and false.

A base program computes two parts of its input, joins them in two ways, and joins these. It has *slots*,
named by what they are and not by what they hold: a0, a1, a2 hold the two parts, one of them twice; b0, b1
the joins. Switches keep every answer and change the mechanism:

- which slot holds which part, and which join;
- whether the second copy of a part is read never, rarely, half the time, or always by one of the joins;
- whether one slot holds both joins, packed, and the other a join that nobody reads.

The claims that are true of one variant, and near misses of them, are asked of all. For each text as many
variants of which it is true are kept as variants of which it is false: nothing can be told from the text,
nor from the answers.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import networkx as nx
import numpy as np

from scrubkit.errors import ProgramError
from scrubkit.families.programs.claims import abstraction
from scrubkit.families.programs.graph import Program, read_program
from scrubkit.families.programs.label import Label, holds, label
from scrubkit.families.programs.near_misses import near_misses

VALUES = 3
_PARTS = (
    "({} + {}) % 3", "({} + 2 * {}) % 3", "max({}, {})", "min({}, {})", "abs({} - {})", "{} * {} % 3",
    "(2 * {} + {} + 1) % 3",
)  # fmt: skip
_READ = {"never": "0 > 1", "rarely": "{f} == 0 and {g} == 2", "half": "{g} == 1", "always": "1 > 0"}
"""When the second copy of the first part is read in place of the first."""


@dataclass(frozen=True)
class Switches:
    """One variant.

    Attributes:
        parts: the slots of the first part, the second part and the first part's copy.
        joins: the slots of the two joins.
        read: when the copy is read.
        packed: whether the first of the joins' slots holds both.
    """

    parts: tuple[str, str, str]
    joins: tuple[str, str]
    read: str
    packed: bool

    @property
    def name(self) -> str:
        """A name for the variant."""
        return f"{''.join(s[1] for s in self.parts + self.joins)}-{self.read}{'-packed' * self.packed}"


@dataclass(frozen=True)
class Twin:
    """One case: a claim about one variant.

    Attributes:
        variant: which program of the family.
        text: identifies the claim's text; cases of one text differ in the variant alone.
        claim: what is claimed, of slots.
        label: what the source graph says.
    """

    variant: str
    text: str
    claim: nx.DiGraph
    label: Label


def all_switches() -> list[Switches]:
    """Return every combination of switches."""
    return [
        Switches((f, g, copy), (join, other), read, packed)
        for f, g, copy in itertools.permutations(("a0", "a1", "a2"))
        for join, other in itertools.permutations(("b0", "b1"))
        for read in _READ
        for packed in (False, True)
    ]


def family(seed: int, variants: int = 16) -> Mapping[str, Program]:
    """Draw a base program and variants of it, all with the same answers.

    Args:
        seed: decides the base and the variants.
        variants: how many of the 96.

    Raises:
        ProgramError: too many variants are asked for.
    """
    every = all_switches()
    if not 2 <= variants <= len(every):
        raise ProgramError(f"{variants} variants are asked for; there are 2 to {len(every)}", title="twins")
    rng = np.random.default_rng([seed, VALUES])
    while True:
        texts = [str(t) for t in rng.choice(_PARTS, size=5)]
        base = _variant(texts, every[0])
        if _sound(base):
            break
    chosen = [every[i] for i in sorted(rng.choice(len(every), size=variants, replace=False))]
    return {switches.name: _variant(texts, switches) for switches in chosen}


def _variant(texts: list[str], on: Switches) -> Program:
    f, g, copy = on.parts
    first, second, join, other, last = texts
    graph = nx.DiGraph(name=on.name, output="out")
    graph.add_nodes_from(["x0", "x1", "x2", "x3"], values=range(VALUES))
    held = {f: (first, "x0", "x1"), g: (second, "x2", "x3"), copy: (first, "x0", "x1")}
    for slot in sorted(held):
        text, *parents = held[slot]
        _add(graph, slot, text.format(*parents), parents)
    when = _READ[on.read].format(f=f, g=g)
    mixed = f"(({when}) * {copy} + (not ({when})) * {f})"
    read = {"never": f, "always": copy}.get(on.read, mixed)
    joins = [f"({join.format(read, g)})", f"({other.format(f, g)})"]
    parents = [[p for p in (f, g, copy) if p in joins[i]] for i in (0, 1)]
    if on.packed:
        _add(graph, on.joins[0], f"{joins[0]} + {VALUES} * {joins[1]}", list(dict.fromkeys(sum(parents, []))))
        _add(graph, on.joins[1], joins[1], parents[1])
        m, n = f"({on.joins[0]} % {VALUES})", f"({on.joins[0]} // {VALUES})"
    else:
        for slot in sorted(on.joins):
            which = on.joins.index(slot)
            _add(graph, slot, joins[which], parents[which])
        m, n = on.joins
    _add(graph, "out", last.format(m, n), [on.joins[0]] if on.packed else list(on.joins))
    return read_program(graph)


def _add(graph: nx.DiGraph, name: str, feature: str, parents: list[str]) -> None:
    graph.add_node(name, feature=feature)
    graph.add_edges_from((parent, name) for parent in parents)


def _sound(program: Program) -> bool:
    """Say whether all variables of the base differ and every input matters to the answer."""
    names = [n for n in program.variables if n != "a2"]
    kinds = {tuple(np.unique(program.values[n], return_inverse=True)[1]) for n in names}
    answers = program.labels.reshape([VALUES] * 4)
    matter = all((np.diff(answers, axis=axis) != 0).any() for axis in range(4))
    return matter and len(kinds) == len(names) and all(program.variables[n].size == VALUES for n in names)


def pool(programs: Mapping[str, Program]) -> Mapping[str, nx.DiGraph]:
    """Return the claims that are asked of all, by text: what is true of a variant, and near misses of it."""
    found: dict[str, nx.DiGraph] = {}
    for program in programs.values():
        for claim in _own(program):
            for one in (claim, *(miss for _, miss in near_misses(program, claim))):
                found.setdefault(_text(one), one)
    return found


def _own(program: Program) -> Iterator[nx.DiGraph]:
    """Yield claims that are true of a program: by its parts, by its joins, and by both."""
    used = program.ancestors["out"]
    parts, joins = ([n for n in program.computed if n[0] == kind and n in used] for kind in "ab")
    yield abstraction(program, parts, "parts")
    yield abstraction(program, joins, "joins")
    yield abstraction(program, [*parts, *joins], "both")


def _text(claim: nx.DiGraph) -> str:
    """Return what a claim says, node by node and edge by edge."""
    nodes = sorted((node, sorted(attributes.items())) for node, attributes in claim.nodes(data=True))
    return repr((nodes, sorted(claim.edges)))


def twins(programs: Mapping[str, Program], per_text: int = 2) -> list[Twin]:
    """Return cases in which every text is as often true as false.

    Args:
        programs: variants with the same answers.
        per_text: most true, and most false, cases of one text.

    Returns:
        Cases, text by text. Variants are chosen so that each has about as many true as false claims.
    """
    lean = dict.fromkeys(programs, 0)
    cases = []
    for text, claim in pool(programs).items():
        true = {name: holds(program, claim) for name, program in programs.items()}
        sides = [[name for name, t in true.items() if t is side] for side in (True, False)]
        count = min(per_text, *map(len, sides))
        for side, sign in ((0, 1), (1, -1)):
            for name in sorted(sides[side], key=lambda n, sign=sign: sign * lean[n])[:count]:
                lean[name] += sign
                cases.append(Twin(name, text, claim, label(programs[name], claim)))
    return cases
