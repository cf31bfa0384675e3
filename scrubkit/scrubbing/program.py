"""A plan ready to run on one of our models: draws are indices, and most of a scrub is looking up rows.

Values are kept as rows of clean tables as long as they can be. Three facts make that go far:

- setting the whole embedding at a position is the same as changing the token there, so a run with all tokens
  set is another clean run;
- past the last nonlinear component, the way to the logits is linear, so a part's share of the logits is a
  table, and replacing parts is adding rows of tables;
- a leaf whose stand-ins all have the same value needs no draw.

What is left is recomputed from the first changed hook on. The result equals `evaluate.scrub_rows` on the same
draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from scrubkit.core.architecture import EMBED, POS_EMBED
from scrubkit.core.site import Part, contains
from scrubkit.scrubbing.evaluate import ROOT_STREAM
from scrubkit.scrubbing.plan import Plan, TreeNode
from scrubkit.scrubbing.sampling import Draws, Resampling
from scrubkit.subjects.first_block import FirstBlock
from scrubkit.subjects.linear import Folded, LinearReadout, Piece
from scrubkit.subjects.network import NetworkSubject
from scrubkit.subjects.subject import Edit


@dataclass(frozen=True)
class Rows:
    """The clean value of a part on some rows, not looked up yet."""

    part: Part
    rows: Int[Tensor, " item"]


@dataclass(frozen=True)
class Setting:
    """A part that is set: to clean rows, a computed value, or a sum that is not added up yet."""

    part: Part
    value: Rows | Tensor | Folded
    direct: bool = False


class Program:
    """A plan on a network, with its resamplings on the device."""

    def __init__(self, subject: NetworkSubject, plan: Plan) -> None:
        self.subject = subject
        self.plan = plan
        self.readout = LinearReadout.of(subject)
        self.first = FirstBlock(subject.network)
        self.anyone = plan.anyone.to(subject.device)
        self.root_resampling = plan.root_resampling.to(subject.device) if plan.root_resampling else None
        moved: dict[int, Resampling] = {}
        self.resamplings: dict[int, Resampling | None] = {}
        for tree_node in plan.root.walk():
            resampling = tree_node.resampling
            if resampling is None or self._pinned(tree_node, resampling):
                self.resamplings[tree_node.index] = None
            else:
                moved.setdefault(id(resampling), resampling.to(subject.device))
                self.resamplings[tree_node.index] = moved[id(resampling)]
        self._kept: dict[int, list[int]] = {}
        self._ways: dict[int, Callable[[Tensor, list[Setting], Part], Rows | Tensor | Folded]] = {}

    def _pinned(self, tree_node: TreeNode, resampling: Resampling) -> bool:
        """Say whether a leaf on the embedding has one value among all stand-ins of each input."""
        if tree_node.children or tree_node.part.hook != EMBED:
            return False
        tokens = torch.from_numpy(self.subject.tokens)[:, list(tree_node.part.positions)]
        along = tokens[resampling.order]
        changes = torch.cat([torch.zeros(1, dtype=torch.long), (along[1:] != along[:-1]).any(1).cumsum(0)])
        last = resampling.start + resampling.count - 1
        constant = changes[resampling.start] == changes[last]
        own = (along[resampling.start] == tokens).all(dim=1)
        return bool((constant & own).all())

    def outputs(self, draws: Draws) -> Float[Tensor, "item answer class"]:
        """Return the scrubbed logits for each item of the draws."""
        found = self.folded(draws)
        return found.added_up() if isinstance(found, Folded) else found

    def folded(self, draws: Draws) -> Float[Tensor, "item answer class"] | Folded:
        """Return the scrubbed logits, not added up where they are nothing but sums of table rows."""
        rows = draws.rows
        if self.root_resampling is not None:
            rows = draws.stand_ins(self.root_resampling, rows, ROOT_STREAM)
        found = self._value(self.plan.root, rows, draws)
        return found if isinstance(found, Folded) else self._computed(found)

    def _computed(self, value: Rows | Tensor | Folded) -> Tensor:
        if isinstance(value, Folded):
            return value.added_up()
        return self.subject.clean(value.part, value.rows) if isinstance(value, Rows) else value

    def _draw(self, tree_node: TreeNode, rows: Int[Tensor, " item"], draws: Draws) -> Int[Tensor, " item"]:
        resampling = self.resamplings[tree_node.index]
        return rows if resampling is None else draws.stand_ins(resampling, rows, 2 * tree_node.index)

    def _value(self, tree_node: TreeNode, rows: Int[Tensor, " item"], draws: Draws) -> Rows | Tensor | Folded:
        if not tree_node.children:
            return Rows(tree_node.part, rows)
        others = self._others(tree_node, rows, draws)
        settings = [Setting(part, Rows(part, others)) for part in tree_node.holds]
        for child in tree_node.children:
            if child.unimportant:
                value: Rows | Tensor | Folded = Rows(child.part, others)
            else:
                value = self._value(child, self._draw(child, rows, draws), draws)
            settings.append(Setting(child.part, value, child.direct))
        base, settings = self._substitute_tokens(others, self._uncovered(tree_node, settings))
        if not settings:
            return Rows(tree_node.part, base)
        if tree_node.index not in self._ways:
            self._ways[tree_node.index] = self._way(settings, tree_node.part)
        return self._ways[tree_node.index](base, settings, tree_node.part)

    def _uncovered(self, tree_node: TreeNode, settings: list[Setting]) -> list[Setting]:
        """Return the settings of which something is left; which they are is the same for all draws."""
        if tree_node.index not in self._kept:
            covering = [s.part for s in settings if not s.direct]
            self._kept[tree_node.index] = [
                i for i, s in enumerate(settings) if not any(contains(part, s.part) for part in covering)
            ]
        return [settings[i] for i in self._kept[tree_node.index]]

    def _way(
        self, settings: Sequence[Setting], reader: Part
    ) -> Callable[[Tensor, list[Setting], Part], Rows | Tensor | Folded]:
        """Return how a node is evaluated, which is the same for all draws."""
        if self.readout.covers([(s.part, s.direct) for s in settings], reader):
            return self._fold
        return self._in_first_block if self._first_block(settings, reader) else self._run

    def _in_first_block(self, base: Int[Tensor, " item"], settings: list[Setting], reader: Part) -> Tensor:
        taken = {s.part: s.value.rows for s in settings if isinstance(s.value, Rows)}
        return self.first.read(base, taken, reader)

    def _run(self, base: Int[Tensor, " item"], settings: list[Setting], reader: Part) -> Tensor:
        edits = [Edit(s.part, self._computed(s.value), s.direct) for s in settings]
        return self.subject.run(base, edits, (), reader)

    def _first_block(self, settings: Sequence[Setting], reader: Part) -> bool:
        """Say whether only parts of the embedding are set, from clean rows, in a block that can be folded."""
        if any(s.direct or not isinstance(s.value, Rows) for s in settings):
            return False
        return self.first.applies([s.part for s in settings], reader)

    def _others(self, tree_node: TreeNode, rows: Int[Tensor, " item"], draws: Draws) -> Int[Tensor, " item"]:
        if tree_node.other == "exact" or not tree_node.reads_other:
            return rows
        return draws.stand_ins(self.anyone, rows, tree_node.other_stream)

    def _substitute_tokens(
        self, others: Int[Tensor, " item"], settings: list[Setting]
    ) -> tuple[Int[Tensor, " item"], list[Setting]]:
        """Turn settings of whole embeddings into other base rows; return the rest of the settings.

        That takes a dataset in which every combination of tokens is a row.
        """
        if self.subject.combinations is None:
            return others, settings
        columns: dict[int, Int[Tensor, " item"]] = {}
        rest = []
        for setting in settings:
            part, value = setting.part, setting.value
            if part.hook == EMBED and part.whole and isinstance(value, Rows) and not setting.direct:
                columns |= dict.fromkeys(part.positions, value.rows)
            elif part.hook != POS_EMBED or not part.whole:
                # Positions have the same value on every input, so setting them changes nothing.
                rest.append(setting)
        return self.subject.with_tokens(others, columns), rest

    def _fold(
        self, base: Int[Tensor, " item"], settings: Sequence[Setting], reader: Part
    ) -> Float[Tensor, "item answer class"] | Folded:
        """Add up table rows: what is read of the logits without the parts, on the base, and of each part.

        A part on clean rows has its share in a table; a value that is a sum of table rows brings its own.
        """
        looked_up = [(s.part, s.value.rows) for s in settings if isinstance(s.value, Rows)]
        own = Piece(tuple(s.part for s in settings), tuple(part for part, _ in looked_up), reader)
        sums = [s.value for s in settings if isinstance(s.value, Folded)] if reader.whole else []
        pieces = (own, *(piece for value in sums for piece in value.pieces))
        if sums and not self.readout.room_for(pieces):
            pieces, sums = (own,), []
        n_inputs = self.subject.n_inputs
        columns = [row + i * n_inputs for i, row in enumerate([base, *(rows for _, rows in looked_up)])]
        done = own.n_blocks
        for value in sums:
            columns += torch.unbind(value.index + done * n_inputs, dim=1)
            done += sum(piece.n_blocks for piece in value.pieces)
        shape = (len(self.readout.answer), self.readout.n_classes)
        folded = Folded(self.readout.table(pieces), torch.stack(columns, dim=1), shape, pieces)
        if len(looked_up) + len(sums) == len(settings):
            return folded
        logits = folded.added_up().flatten(1)
        for setting in settings:
            if isinstance(setting.value, Tensor) or (isinstance(setting.value, Folded) and not sums):
                logits = logits + self.readout.share(setting.part, self._computed(setting.value), reader)
        return logits.unflatten(1, shape)
