"""A network as methods ask it: for chosen rows, once each, about parts of which every hypothesis has its own.

A network keeps a table of every part that it is asked for, which pays over many passes; here clean values are
looked up for the rows asked for. A run with parts set recomputes what they reach only where it has to:

- whole embeddings on clean rows are other tokens, and where every combination of tokens is a row, what is
  left is a clean run on another row;
- parts past the last nonlinear component move the logits by a sum of their shares;
- parts of the embedding in a block that can be folded need no product with W_Q, W_K or W_V.
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float, Int
from torch import Tensor

from scrubkit.core.architecture import EMBED, POS_EMBED
from scrubkit.core.site import Part
from scrubkit.subjects.first_block import FirstBlock
from scrubkit.subjects.linear import LinearReadout
from scrubkit.subjects.network import TILE, NetworkSubject
from scrubkit.subjects.sites import in_order
from scrubkit.subjects.subject import CleanEdit, Edit

Rows = Int[Tensor, " item"]
_SMALL = 2**20
"""Bytes of the largest value on the whole dataset that is kept a while."""


class ByRow(NetworkSubject):
    """A network that shares the tables of another.

    Args:
        subject: whose tables they are.
    """

    def __init__(self, subject: NetworkSubject) -> None:
        self.__dict__.update(subject.__dict__)
        self.linear = LinearReadout.of(subject)
        self.first = FirstBlock(subject.network)

    @classmethod
    def sharing(cls, subject: NetworkSubject) -> ByRow:
        """Return a network as methods ask it; one is made and kept by the network."""
        if subject.by_row is None:
            subject.by_row = cls(subject)
        return subject.by_row

    def read(
        self, others: Rows, edits: Sequence[Edit], holds: Sequence[Part], readers: Sequence[Part]
    ) -> list[Tensor]:
        """Run on the other inputs with holds clean and edits set, and read some parts."""
        if any(edit.direct for edit in edits):
            return super().read(others, edits, holds, readers)
        others = others.to(self.device)
        held = [CleanEdit(self, part, others) for part in holds]
        base, left = self._substituted(others, in_order(held, edits))
        if not left:
            return [self.clean(reader, base) for reader in readers]
        set_to = {edit.part: edit.rows.to(self.device) for edit in left if isinstance(edit, CleanEdit)}
        if len(set_to) == len(left) and all(self.first.applies(list(set_to), reader) for reader in readers):
            return [self.first.read(base, set_to, reader) for reader in readers]
        if all(self.linear.covers([(edit.part, False) for edit in left], reader) for reader in readers):
            return [self._moved(base, left, reader) for reader in readers]
        return super().read(base, left, (), readers)

    def _clean(self, part: Part, rows: Rows) -> Tensor:
        """Return the value of a part on unedited runs, as the network shapes it."""
        if self._few and self.network.bytes_of(part) <= _SMALL:
            every = self.network.every
            return self.network.recent(("value", part.key), lambda: self._selected(part, every))[rows]
        return self._selected(part, rows)

    def _selected(self, part: Part, rows: Rows) -> Tensor:
        return self.network.select(self.network.hook(part.hook, part.positions, rows), part, rows)

    @property
    def _few(self) -> bool:
        """Whether the dataset is so small that a value on all of it costs no more than on some."""
        return self.n_inputs <= TILE

    def _substituted(self, others: Rows, edits: Sequence[Edit]) -> tuple[Rows, list[Edit]]:
        """Turn whole embeddings on clean rows into other rows to run on; return the rest of the edits."""
        if self.combinations is None:
            return others, list(edits)
        columns: dict[int, Rows] = {}
        left = []
        for edit in edits:
            part = edit.part
            if not isinstance(edit, CleanEdit) or not part.whole or part.hook not in (EMBED, POS_EMBED):
                left.append(edit)
            elif part.hook == EMBED:  # positions are the same on every row
                columns |= dict.fromkeys(part.positions, edit.rows.to(self.device))
        return self.with_tokens(others, columns), left

    def _moved(self, base: Rows, edits: Sequence[Edit], reader: Part) -> Tensor:
        """Return the logits, or what is read of them, with each part's share exchanged for the new one."""
        logits = self.clean(reader, base)
        for edit in edits:
            if isinstance(edit, CleanEdit) and self._few:
                shares = self._shares(edit.part, reader)
                change = shares[edit.rows] - shares[base]
            else:
                value = edit.value.to(logits.dtype)
                change = self.linear.share(edit.part, value - self.clean(edit.part, base), reader)
            logits = logits + change.view_as(logits)
        return logits

    def _shares(self, part: Part, reader: Part) -> Float[Tensor, "input number"]:
        """Return what a part adds to what is read on every row of the dataset, which are few."""
        return self.network.recent(
            ("shares", part.key, reader.key),
            lambda: self.linear.share(part, self._clean(part, self.network.every), reader),
        )
