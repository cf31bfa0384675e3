"""Heads that move, average and select.

A head's score is linear in one-hot codes of the query's and the key's position and, for a selection, of
their values. Scores that must win lie at least `GAP` above all others, so that the softmax is exact to
e^-40 = 4e-18.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from scrubkit.errors import ProgramError
from scrubkit.families.programs.compile.circuit import Head
from scrubkit.families.programs.compile.layout import POSITION, Layout, average, found_in, moved
from scrubkit.families.programs.compile.schedule import BY_HEAD, Schedule
from scrubkit.families.programs.graph import Program, Variable
from scrubkit.families.programs.rules import Choice

GAP = 40.0


def heads(program: Program, plan: Schedule, layout: Layout, block: int) -> tuple[Head, ...]:
    """Return the heads of one block: moves, then averages, then copies and selections by family."""
    maker = _Maker(program, plan, layout)
    found = [maker.move(name) for name, move in plan.moves.items() if move.block == block]
    found += [maker.gather(n) for n in program.computed if n in plan.gathered and plan.block[n] == block]
    families: dict[str, list[Variable]] = {}
    for name in program.computed:
        variable = program.variables[name]
        if variable.via in BY_HEAD and plan.block[name] == block:
            families.setdefault(variable.family, []).append(variable)
    return tuple([*found, *(maker.family(members) for members in families.values())])


class _Maker:
    """Makes heads over one layout."""

    def __init__(self, program: Program, plan: Schedule, layout: Layout) -> None:
        self.program, self.plan, self.layout = program, plan, layout

    def move(self, name: str) -> Head:
        """Copy a variable from its place to its targets."""
        sources = {pos: [self.plan.place[name]] for pos in self.plan.moves[name].targets}
        return self._carry(name, sources, [self.program.variables[name]], moved(name))

    def gather(self, name: str) -> Head:
        """Average the one-hot codes of a sum's parents over their positions."""
        parents = self.program.variables[name].parents
        positions = sorted({self.plan.place[parent] for parent in parents})
        sources = {self.plan.place[name]: positions}
        return self._carry(name, sources, [self.program.variables[p] for p in parents], average(name))

    def family(self, members: Sequence[Variable]) -> Head:
        """Copy or select for all variables of a family at once."""
        if len({m.via for m in members}) > 1:
            names = ", ".join(m.name for m in members)
            raise ProgramError(
                f"family {members[0].family!r}: {names} are computed in different ways by one head"
            )
        if members[0].via == "copy":
            sources = {self.plan.place[m.name]: [self.plan.place[m.parents[0]]] for m in members}
            read = [self.program.variables[m.parents[0]] for m in members]
            return self._carry(members[0].family, sources, read, members[0].family)
        return self._select(members)

    def _carry(
        self, does: str, sources: Mapping[int, Sequence[int]], read: Sequence[Variable], into: str
    ) -> Head:
        """Attend to fixed positions; where none is given, to oneself."""
        query = np.zeros((self.layout.width, self.program.n_ctx))
        key = np.zeros_like(query)
        positions = self.layout.dims(POSITION)
        key[positions] = np.eye(self.program.n_ctx)
        for pos in range(self.program.n_ctx):
            query[positions[pos], list(sources.get(pos, [pos]))] = GAP
        value, output = self._copy([(v.family, v.domain) for v in read], into)
        return Head(does, query, key, value, output)

    def _copy(self, read: Sequence[tuple[str, tuple[int, ...]]], into: str) -> tuple[np.ndarray, np.ndarray]:
        """Carry values from some blocks into one, dimension by dimension."""
        layout, size = self.layout, len(self.layout.values[into])
        value, output = np.zeros((layout.width, size)), np.zeros((size, layout.width))
        for block, domain in read:
            value[layout.codes(block, domain), layout.codes(into, domain) - layout.start[into]] = 1
        output[np.arange(size), layout.dims(into)] = 1
        if into in layout.fillers:
            output[:, layout.fillers[into]] = -1
        return value, output

    def _select(self, members: Sequence[Variable]) -> Head:
        """Attend where the predicate holds, to the last (first) such source, else to the last (first)."""
        layout, n_ctx = self.layout, self.program.n_ctx
        rules = [m.rule for m in members if isinstance(m.rule, Choice)]
        self._check_alike(members, rules)
        rule, first = rules[0], members[0]
        key_block, key_domain = self._key(first, rule)
        query = np.zeros((layout.width, n_ctx + len(key_domain)))
        key = np.zeros_like(query)
        positions = layout.dims(POSITION)
        key[positions, np.arange(n_ctx)] = 1
        key[layout.codes(key_block, key_domain), n_ctx + np.arange(len(key_domain))] = 1
        longest = max(len(r.keys) for r in rules)
        match = GAP * longest
        asked = self._found(first.parents[0], self.plan.place[first.name])
        domain = self.program.variables[first.parents[0]].domain
        query[layout.codes(asked, domain), n_ctx:] = match * rule.matches
        targets = {self.plan.place[m.name]: self._order(m, r) for m, r in zip(members, rules, strict=True)}
        for pos in range(n_ctx):
            order = targets.get(pos, [pos])
            # A source outranks any position that is none, even one whose stray code matches.
            query[positions[pos], order] = match + GAP * (1 + np.arange(len(order)))
        value, output = self._values(members, rules)
        return Head(first.family, query, key, value, output)

    def _order(self, member: Variable, rule: Choice) -> list[int]:
        """Return the positions of a selection's sources, the preferred one last."""
        order = self._sources(member, rule)
        return order if rule.last else order[::-1]

    def _sources(self, member: Variable, rule: Choice) -> list[int]:
        """Return the position of each source; raises ProgramError unless it is one, and its own."""
        found = []
        for i, (key, value) in enumerate(zip(rule.keys, rule.values, strict=True)):
            at = {self.plan.place[member.parents[s]] for s in (key, value) if s >= 0}
            found.append(at | ({rule.positions[i]} if rule.positions else set()))
        if any(len(at) > 1 for at in found) or len({min(at) for at in found}) < len(found):
            raise ProgramError(
                f"{member.name!r}: each key must sit with its value, at a position of their own"
            )
        return [at.pop() for at in found]

    def _found(self, name: str, pos: int) -> str:
        """Return the block in which a variable is found at a position."""
        return found_in(self.program, self.plan, name, pos)

    def _key(self, member: Variable, rule: Choice) -> tuple[str, tuple[int, ...]]:
        if rule.keys[0] < 0:
            return POSITION, tuple(sorted(rule.positions))
        keys = [self.program.variables[member.parents[k]] for k in rule.keys]
        if len({k.family for k in keys}) > 1:
            raise ProgramError(f"{member.name!r}: keys must share one code; give their nodes one family")
        return keys[0].family, keys[0].domain

    def _values(self, members: Sequence[Variable], rules: Sequence[Choice]) -> tuple[np.ndarray, np.ndarray]:
        if rules[0].values[0] < 0:
            return self._copy([(POSITION, members[0].domain)], members[0].family)
        read = [
            self.program.variables[m.parents[v]]
            for m, r in zip(members, rules, strict=True)
            for v in r.values
        ]
        if len({v.family for v in read}) > 1:
            raise ProgramError(
                f"{members[0].name!r}: values must share one code; give their nodes one family"
            )
        return self._copy([(v.family, v.domain) for v in read], members[0].family)

    def _check_alike(self, members: Sequence[Variable], rules: Sequence[Choice]) -> None:
        """Raise ProgramError unless one head can serve all members."""
        queries = {self._found(m.parents[0], self.plan.place[m.name]) for m in members}
        if len(queries) > 1 or any((r.matches != rules[0].matches).any() for r in rules):
            names = ", ".join(m.name for m in members)
            raise ProgramError(
                f"family {members[0].family!r}: {names} ask by different codes or predicates; one head "
                "serves them all: give their queries one family, each at its own position"
            )
