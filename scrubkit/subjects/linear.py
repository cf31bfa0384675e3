"""The linear end of a network: what parts add to the logits, as tables over the dataset.

Past the last nonlinear component the logits are a sum. So are they, from farther back, along direct paths.
Replacing a part is then taking its old share away and adding the new one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import embedding_bag

from scrubkit.core.architecture import LOGITS, full_name, kind_of
from scrubkit.core.site import Part, overlap
from scrubkit.subjects.network import TABLE_BYTES, NetworkSubject

_STREAM = ("hook_attn_out", "hook_mlp_out", "hook_resid_mid", "hook_resid_post")


@dataclass(frozen=True)
class Piece:
    """Some blocks of a table of shares, each with a row for every row of the dataset.

    Attributes:
        parts: what is set: the first block has the logits without these.
        looked_up: those of them whose contributions follow, a block each.
        reader: the part of the logits that is read.
    """

    parts: tuple[Part, ...]
    looked_up: tuple[Part, ...]
    reader: Part

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return 1 + len(self.looked_up)

    @property
    def key(self) -> Any:
        """Equal where the blocks are."""
        return (*(tuple(part.key for part in some) for some in (self.parts, self.looked_up)), self.reader.key)


@dataclass(frozen=True)
class Folded:
    """Logits as sums of table rows that are not added up yet.

    Attributes:
        table: what is added up.
        index: the rows of each item.
        shape: answer positions and classes.
        pieces: what the table is made of.
    """

    table: Float[Tensor, "row answer_class"]
    index: Int[Tensor, "item slot"]
    shape: tuple[int, int]
    pieces: tuple[Piece, ...] = ()

    def added_up(self) -> Float[Tensor, "item answer class"]:
        """Return the logits."""
        return embedding_bag(self.index, self.table, mode="sum").unflatten(1, self.shape)


class LinearReadout:
    """The logits of a network as a sum of shares.

    Args:
        subject: the network.
    """

    def __init__(self, subject: NetworkSubject) -> None:
        self.subject = subject
        self.network = subject.network
        a = subject.architecture
        self.answer = a.answer
        self.n_classes = a.d_vocab_out
        last = a.n_layers - 1
        late = ("mlp.hook_post", "hook_mlp_out") if a.d_mlp else ("attn.hook_z", "hook_attn_out")
        past = ("attn.hook_z", "hook_attn_out", "hook_resid_mid") if a.d_mlp else ()
        named = lambda kinds: tuple(full_name(kind, last, a.n_layers) for kind in kinds)  # noqa: E731
        linear = not a.normalization and a.n_layers > 0
        self.additive = named(late) if linear else ()
        self.final = (*named(("hook_resid_post",)), LOGITS) if linear else ()
        self.direct_only = named(past) if linear else ()
        self._made: dict[Any, Tensor] = {}

    @classmethod
    def of(cls, subject: NetworkSubject) -> LinearReadout:
        """Return the readout of a network; one is made and kept by the subject."""
        if subject.readout is None:
            subject.readout = cls(subject)
        return subject.readout

    def covers(self, settings: Sequence[tuple[Part, bool]], reader: Part) -> bool:
        """Say whether the logits with some parts set, each directly or not, are a sum of shares.

        The parts of one hook are, and so are MLP outputs together with what reaches the logits past the MLP:
        directly, or since nothing of the MLP is left to compute. What is set further on swallows a direct
        path, so the two never go together.
        """
        if reader.hook != LOGITS or reader.positions != self.answer:
            return False
        whole = [part for part, direct in settings if not direct]
        past = [part for part, direct in settings if direct]
        if not past and any(self._all_of_the_last(part) for part in whole):
            past = [part for part in whole if part.hook in self.direct_only]
            whole = [part for part in whole if part.hook not in self.direct_only]
        for parts, allowed in (
            (whole, (*self.additive, *self.final)),
            (past, (*self.additive, *self.final, *self.direct_only)),
        ):
            hooks = {part.hook for part in parts}
            if len(hooks) > 1 or not hooks <= set(allowed):
                return False
        if whole and past and not (whole[0].hook in self.additive and past[0].hook in self.direct_only):
            return False
        parts = [*whole, *past]
        if any(overlap(one, two) for i, one in enumerate(parts) for two in parts[i + 1 :]):
            return False
        return (len(parts) + 1) * self._bytes <= TABLE_BYTES

    def _all_of_the_last(self, part: Part) -> bool:
        """Say whether a part is all that the last nonlinear component adds to the logits."""
        if part.hook not in self.additive or not part.whole or not set(self.answer) <= set(part.positions):
            return False
        axis = self.subject.architecture.hooks[part.hook].kind.axis
        return part.inner is None or axis is None or len(part.inner) == self.subject.architecture.size(axis)

    def room_for(self, pieces: Sequence[Piece]) -> bool:
        """Say whether a table of some pieces leaves room for what it is made of."""
        return 2 * sum(piece.n_blocks for piece in pieces) * self._bytes <= TABLE_BYTES

    @property
    def _bytes(self) -> int:
        n_numbers = self.subject.n_inputs * len(self.answer) * self.n_classes
        return n_numbers * self.network.W_U.element_size()

    def share(
        self, part: Part, value: Tensor, reader: Part | None = None
    ) -> Float[Tensor, "item answer_class"]:
        """Return what a part's value adds to the logits, or to what is read of them, without biases."""
        kept = [i for i, position in enumerate(part.positions) if position in self.answer]
        value = value[:, kept]
        if kind_of(part.hook) == "attn.hook_z":
            value = value.flatten(2)
        weight = self._map(part, reader)
        value = value if weight is None else value @ weight
        places = [self.answer.index(part.positions[i]) for i in kept]
        if len(places) == len(self.answer):
            return value.flatten(1)
        result = value.new_zeros(len(value), len(self.answer), self.n_classes)
        result[:, places] = value
        return result.flatten(1)

    def _map(self, part: Part, reader: Part | None) -> Float[Tensor, "width class"] | None:
        """Return the map from a part's numbers straight to what is read; None where they are that."""
        kind, layer = kind_of(part.hook), self.subject.architecture.n_layers - 1
        network = self.network
        projector = None if reader is None else network.components.projector(reader, network.W_U)
        if kind not in ("mlp.hook_post", "attn.hook_z", *_STREAM):
            return projector

        def make() -> Tensor:
            weight = network.W_U
            if kind == "mlp.hook_post":
                weight = network.of(layer, "mlp.W_out") @ weight
            elif kind == "attn.hook_z":
                weight = (network.matrix(layer, "O") @ weight).unflatten(
                    0, (network.architecture.n_heads, -1)
                )
            return weight if projector is None else weight @ projector

        read = None if reader is None or projector is None else reader.key
        whole = self._keep(("map", part.hook, read), make)
        return whole if part.inner is None else whole[list(part.inner)].reshape(-1, self.n_classes)

    def contribution(self, part: Part) -> Float[Tensor, "input answer_class"]:
        """Return what a part adds to the logits on every row of the dataset."""
        return self._keep(("share", part.key), lambda: self.share(part, self.network.table(part)))

    def table(self, pieces: tuple[Piece, ...]) -> Float[Tensor, "row answer_class"]:
        """Return the table of some pieces, one after another."""
        if len(pieces) == 1:
            return self._blocks(pieces[0])
        return self._keep(
            ("pieces", tuple(piece.key for piece in pieces)),
            lambda: torch.cat([self._blocks(piece) for piece in pieces]),
        )

    def _blocks(self, piece: Piece) -> Float[Tensor, "row answer_class"]:
        def make() -> Tensor:
            rest = self.network.table(self.subject.output).flatten(1)
            for part in piece.parts:
                rest = rest - self.contribution(part)
            made = torch.cat([rest, *(self.contribution(part) for part in piece.looked_up)])
            return made if piece.reader.whole else self._select(made, piece.reader)

        return self._keep(("blocks", piece.key), make)

    def _select(self, logits: Float[Tensor, "row answer_class"], reader: Part) -> Tensor:
        """Return the part of the logits that is read."""
        projector = self.network.components.projector(reader, logits)
        return (
            logits
            if projector is None
            else (logits.unflatten(1, (len(self.answer), self.n_classes)) @ projector).flatten(1)
        )

    def _keep(self, key: Any, make: Callable[[], Tensor]) -> Tensor:
        """Return a table, made at first use; the ones unused longest go when they fill `TABLE_BYTES`."""
        return self.network.keep(("readout", *key), make)
