"""Any of our models as a subject: its own forward pass, from tables of clean activations.

The result equals that of `BridgeSubject` on the same draws; what is saved is the work. Clean activations are
tables over the dataset, made at first use in tiles of one size and kept while they fit `TABLE_BYTES`; what
would not fit beside the tables in use is computed for the rows that are asked for. Before the first attention
a value depends on one token and its position alone, and its table has a row a token.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from scrubkit.core.architecture import LOGITS, Architecture, kind_of
from scrubkit.core.site import Part
from scrubkit.models.forward import ACTIVATIONS
from scrubkit.models.model import Model
from scrubkit.subjects.components import Components
from scrubkit.subjects.forward import Forward, needed
from scrubkit.subjects.sites import Sites, in_order
from scrubkit.subjects.subject import Edit

TILE = 1024
"""Rows that a table is made of at a time; fixed, so that the numbers never depend on who asks."""
TABLE_BYTES = 2**30
"""Memory that the tables of one model may take, beside the few that are in use at once."""
RECENT = 64
"""For how many look-ups after its own a table counts as in use; a piece of most scrubs makes fewer."""
_MOST_ROWS = 2**24
_MOST_RECENT = 128
_BEFORE_ATTENTION = ("hook_embed", "hook_pos_embed")
_PROJECTED = ("attn.hook_q", "attn.hook_k", "attn.hook_v")
_ENTERING = ("hook_resid_pre", "ln1.hook_scale", "ln1.hook_normalized")
_ENTERING += _PROJECTED

Made = TypeVar("Made")


class Network:
    """Weights on a device and clean activations of a model, looked up by row of the dataset.

    Args:
        model: the model; it is not changed.
        architecture: its architecture on its task.
        device: where tables live.
        dtype: of weights and activations.
    """

    def __init__(
        self, model: Model, architecture: Architecture, device: torch.device, dtype: torch.dtype
    ) -> None:
        self.architecture = architecture
        self.config = model.config
        self.tensors: Mapping[str, Tensor] = {
            name: value.to(device=device, dtype=dtype) for name, value in model.weights.tensors.items()
        }
        self.tokens = model.tokens.to(device)
        self.components = Components(self.W_E, model.task.decompositions)
        self.activation = ACTIVATIONS[model.config.act_fn]
        self.device = device
        self._recent: dict[Any, Any] = {}
        self._tables: dict[Any, Tensor] = {}
        self._used: dict[Any, int] = {}
        self._clock = 0
        self._matrices: dict[tuple[int, str], Tensor] = {}

    @property
    def W_E(self) -> Tensor:
        """Token embedding, (vocab, d_model)."""
        return self.tensors["embed.W_E"]

    @property
    def W_pos(self) -> Tensor:
        """Positional embedding, (pos, d_model)."""
        return self.tensors["pos_embed.W_pos"]

    @property
    def W_U(self) -> Tensor:
        """Unembedding, (d_model, class)."""
        return self.tensors["unembed.W_U"]

    @property
    def b_U(self) -> Tensor:
        """Bias of the logits."""
        return self.tensors["unembed.b_U"]

    def of(self, layer: int, name: str) -> Tensor:
        """Return a parameter of a block."""
        return self.tensors[f"blocks.{layer}.{name}"]

    def matrix(self, layer: int, which: str) -> Tensor:
        """Return W_Q, W_K or W_V as (d_model, head * d_head), or W_O as (head * d_head, d_model)."""
        key = (layer, which)
        if key not in self._matrices:
            weight = self.of(layer, f"attn.W_{which}")
            self._matrices[key] = (
                weight.flatten(0, 1) if which == "O" else weight.permute(1, 0, 2).flatten(1).contiguous()
            )
        return self._matrices[key]

    def project(self, read: Tensor, layer: int, which: str) -> Tensor:
        """Return queries, keys or values, (item, pos, head, d_head), of what attention reads."""
        flat = read @ self.matrix(layer, which)
        heads = self.architecture.n_heads
        return flat.unflatten(-1, (heads, -1)) + self.of(layer, f"attn.b_{which}")

    def centred(self, x: Tensor) -> Tensor:
        """Return what a normalization divides by its scale."""
        return x - x.mean(dim=-1, keepdim=True) if self.config.normalization == "LN" else x

    def scale(self, x: Tensor) -> Tensor:
        """Return the scale of a normalization."""
        return (self.centred(x).square().mean(dim=-1, keepdim=True) + self.config.eps).sqrt()

    def normed(self, x: Tensor, layer: int, which: str) -> Tensor:
        """Return what is read through a normalization, given its normalized value; else the stream itself."""
        if self.config.normalization is None:
            return x
        prefix = which if which == "ln_final" else f"blocks.{layer}.{which}"
        x = x * self.tensors[f"{prefix}.w"]
        return x + self.tensors[f"{prefix}.b"] if f"{prefix}.b" in self.tensors else x

    @cached_property
    def every(self) -> Int[Tensor, " input"]:
        """Every row of the dataset."""
        return torch.arange(len(self.tokens), device=self.device)

    def value(self, part: Part, rows: Int[Tensor, " item"]) -> Tensor:
        """Return the clean value of a part on rows of the dataset."""
        if self._by_token(part.hook):
            return self.select(self.hook(part.hook, part.positions, rows), part, rows)
        if not self._has_room(part.hook, part.positions, part):
            return self._computed(part.hook, part.positions, rows, lambda run: run.read(part))
        return self.table(part)[rows]

    def table(self, part: Part) -> Tensor:
        """Return the clean value of a part on every row of the dataset."""
        if self._is_full(part):
            return self._table(part.hook, part.positions)
        full = self._table(part.hook, part.positions)
        return self.keep(("part", part.key), lambda: self.select(full, part, self.every))

    def select(self, value: Tensor, part: Part, rows: Int[Tensor, " item"]) -> Tensor:
        """Take a part out of the clean tensor of its hook at its positions."""
        if self.components.is_term(part):
            return self.components.embedding(part)[self.tokens[rows][:, list(part.positions)]]
        if part.inner is not None and len(part.inner) < value.shape[2]:
            value = value.index_select(2, torch.tensor(part.inner, device=value.device))
        projector = self.components.projector(part, value)
        return value if projector is None else value @ projector

    def hook(self, name: str, positions: tuple[int, ...], rows: Int[Tensor, " item"]) -> Tensor:
        """Return the clean tensor of a hook at some positions."""
        if self._by_token(name):
            table, tokens = self._token_table(name), self.tokens[rows]
            return torch.stack([table[tokens[:, i], i] for i in positions], dim=1)
        if not self._has_room(name, positions):
            return self._computed(name, positions, rows, lambda run: run.hook(name))
        return self._table(name, positions)[rows]

    def _by_token(self, name: str) -> bool:
        """Say whether a hook's value depends on one token and its position alone."""
        hook = self.architecture.hooks[name]
        return name in _BEFORE_ATTENTION or (hook.layer == 0 and kind_of(name) in _ENTERING)

    def _token_table(self, name: str) -> Tensor:
        """Return a hook's value for every token at every position, (vocab, pos, ...)."""

        def make() -> Tensor:
            vocab = torch.arange(len(self.W_E), device=self.device)
            everywhere = tuple(range(self.architecture.n_ctx))
            need = needed(self.architecture, [Part(name, everywhere)])
            return Forward(self, vocab[:, None].expand(-1, len(everywhere)), None, [], need).hook(name)

        return self.keep(("token", name), make)

    def _bytes(self, name: str, positions: Sequence[int]) -> int:
        """Return how large the table of a hook at some positions is."""
        a = self.architecture
        widths = {"attn.hook_pattern": a.n_heads * a.n_ctx, LOGITS: a.d_vocab_out}
        axis = a.hooks[name].kind.axis
        inner = 1 if axis is None else a.size(axis) * (a.d_head if axis == "head" else 1)
        width = widths.get(kind_of(name), inner if axis else a.d_model)
        return len(self.tokens) * len(positions) * width * self.W_E.element_size()

    def bytes_of(self, part: Part) -> int:
        """Return how large the clean value of a part on every row is."""
        return int(self._bytes(part.hook, part.positions) * self._share(part))

    def _is_full(self, part: Part) -> bool:
        """Say whether a part is all that its hook has at its positions."""
        return part.whole and self._share(part) == 1

    def _share(self, part: Part) -> float:
        """Return the share of the heads or neurons of its hook that a part takes."""
        axis = self.architecture.hooks[part.hook].kind.axis
        if axis is None or part.inner is None:
            return 1.0
        return len(part.inner) / self.architecture.size(axis)

    def _has_room(self, name: str, positions: tuple[int, ...], part: Part | None = None) -> bool:
        """Say whether the tables of a hook, and of a part of it, are there or fit beside those in use.

        A table that is in use is never dropped for another: if the tables of one hypothesis do not fit, they
        would take turns, and each piece of a scrub would make all of them anew.
        """
        size = self._bytes(name, positions)
        wanted: dict[Any, int] = {("hook", name, positions): size}
        if part is not None and not self._is_full(part):
            wanted[("part", part.key)] = int(size * self._share(part))
        missing = {key: size for key, size in wanted.items() if key not in self._tables}
        if not missing:
            return True
        room = TABLE_BYTES - sum(missing.values())
        return self._held() <= room or self._held(in_use=True) <= room

    def _held(self, *, in_use: bool = False) -> int:
        """Return the bytes of all tables, or of those that were looked up a short while ago."""
        since = self._clock - RECENT if in_use else -1
        return sum(table.nbytes for key, table in self._tables.items() if self._used[key] >= since)

    def _table(self, name: str, positions: tuple[int, ...]) -> Tensor:
        """Return the clean tensor of a hook at some positions on every row, made in tiles."""

        def make() -> Tensor:
            tiles = [
                self._computed(name, positions, rows, lambda run: run.hook(name))
                for rows in self.every.split(TILE)
            ]
            return torch.cat(tiles)

        return self.keep(("hook", name, positions), make)

    def _computed(
        self, name: str, positions: Sequence[int], rows: Tensor, take: Callable[[Forward], Tensor]
    ) -> Tensor:
        """Compute the clean value of a hook for some rows, from the tables that are there."""
        need = needed(self.architecture, [Part(name, tuple(positions))])
        run = Forward(self, self.tokens[rows], None, [], need)
        for source in self.architecture.hooks:
            known = self._tables.get(("hook", source, need[source]))
            if known is not None:
                run.values[source] = known[rows]
            elif need[source] and kind_of(source) in _PROJECTED and self._by_token(source):
                run.values[source] = self.hook(source, need[source], rows)
        return take(run)

    def recent(self, key: Any, make: Callable[[], Made]) -> Made:
        """Return something small that is made from the weights; the last few dozen are kept.

        Args:
            key: what it is.
            make: makes it.
        """
        made = self._recent.pop(key) if key in self._recent else make()
        self._recent[key] = made
        while len(self._recent) > _MOST_RECENT:
            del self._recent[next(iter(self._recent))]
        return made

    def keep(self, key: Any, make: Callable[[], Tensor]) -> Tensor:
        """Return a table, made at first use; the ones unused longest go when they fill `TABLE_BYTES`."""
        made = self._tables
        self._clock += 1
        if key in made:
            made[key] = made.pop(key)
            self._used[key] = self._clock
            return made[key]
        table = make()
        made[key] = table
        self._used[key] = self._clock
        held = self._held()
        for oldest in list(made)[:-1]:
            if held <= TABLE_BYTES:
                break
            held -= made.pop(oldest).nbytes
            del self._used[oldest]
        return table


class NetworkSubject(Sites):
    """One of our models with its clean activations on a device; shared by all hypotheses about it.

    Args:
        model: the model; it is not changed.
        device: where activations live and draws are made.
        dtype: dtype of the activations; losses are taken in float64 whatever it is.
    """

    def __init__(
        self, model: Model, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> None:
        sites = Sites.of(model)
        super().__init__(model.task, sites.architecture, model.truth, sites.title)
        self.model = model
        self.device = torch.device(device)
        self.dtype = dtype
        self.network = Network(model, self.architecture, self.device, dtype)
        self.readout: Any = None
        self.by_row: Any = None

    def kept_ids(
        self, part: Part, make: Callable[[], Int[np.ndarray, " input"]]
    ) -> Int[np.ndarray, " input"]:
        """Return numbers of all inputs that belong to a part, made at first use and kept with the tables."""
        return self.network.keep(("ids", part.key), lambda: torch.from_numpy(make())).numpy()

    def clean(self, part: Part, rows: Int[Tensor, " item"]) -> Tensor:
        """Return the value of a part on unedited runs."""
        return _heads_first(part, self._clean(part, rows.to(self.device)))

    def _clean(self, part: Part, rows: Int[Tensor, " item"]) -> Tensor:
        """Return the same as the network shapes it."""
        return self.network.value(part, rows)

    def run(
        self, others: Int[Tensor, " item"], edits: Sequence[Edit], holds: Sequence[Part], reader: Part
    ) -> Tensor:
        """Run on the other inputs with holds clean and edits set, and read one part."""
        return self.read(others, edits, holds, [reader])[0]

    def read(
        self,
        others: Int[Tensor, " item"],
        edits: Sequence[Edit],
        holds: Sequence[Part],
        readers: Sequence[Part],
    ) -> list[Tensor]:
        """Run on the other inputs with holds clean and edits set, and read some parts."""
        others = others.to(self.device)
        held = [Edit(part, self._clean(part, others)) for part in holds]
        edits = [Edit(edit.part, _heads_first(edit.part, edit.value), edit.direct) for edit in edits]
        whole = in_order(held, [edit for edit in edits if not edit.direct])
        need = self._needed(tuple(readers))
        tokens = self.network.tokens[others]
        first = Forward(self.network, tokens, others, whole, need)
        direct = [edit for edit in edits if edit.direct]
        if not direct:
            return [_heads_first(reader, first.read(reader)) for reader in readers]
        hooks = self.architecture.hooks
        found = []
        for reader in readers:
            inside = hooks[reader.hook].component
            run = Forward(
                self.network, tokens, others, in_order(whole, direct), need, first=first, inside=inside
            )
            found.append(_heads_first(reader, run.read(reader)))
        return found

    def _needed(self, readers: tuple[Part, ...]) -> Mapping[str, tuple[int, ...]]:
        key = tuple((part.hook, part.positions) for part in readers)
        if key not in self._need:
            self._need[key] = needed(self.architecture, readers)
        return self._need[key]

    @cached_property
    def combinations(self) -> tuple[dict[int, Int[Tensor, " input"]], Int[Tensor, " input"]] | None:
        """How to find the row that combines the tokens of others; None unless every combination is a row.

        For each position that varies, what each row's token there adds to the number of a combination; and
        the row of each number.
        """
        tokens = self.network.tokens
        seen = {i: column.unique() for i, column in enumerate(tokens.T)}
        size = math.prod(len(values) for values in seen.values())
        if self.inputs.weights is not None or size != len(tokens) or size > _MOST_ROWS:
            return None
        shares, step = {}, 1
        for position, values in seen.items():
            if len(values) > 1:
                shares[position] = torch.searchsorted(values, tokens[:, position].contiguous()) * step
                step *= len(values)
        number = sum(shares.values(), torch.zeros(size, dtype=torch.long, device=self.device))
        rows = torch.full((size,), -1, device=self.device)
        rows[number] = torch.arange(size, device=self.device)
        return None if bool((rows < 0).any()) else (shares, rows)

    def with_tokens(
        self, others: Int[Tensor, " item"], columns: Mapping[int, Int[Tensor, " item"]]
    ) -> Int[Tensor, " item"]:
        """Return the rows that have the tokens of some rows, but at some positions those of others.

        Args:
            others: the rows.
            columns: for each position whose token changes, the row that it is taken from.
        """
        assert self.combinations is not None
        shares, row_of = self.combinations
        if not columns.keys() & shares.keys():
            return others
        first = next(iter(columns.values()))
        if columns.keys() >= shares.keys() and all(rows is first for rows in columns.values()):
            return first
        numbers = [share[columns.get(position, others)] for position, share in shares.items()]
        return row_of[sum(numbers[1:], numbers[0])]

    @cached_property
    def _need(self) -> dict[Any, Mapping[str, tuple[int, ...]]]:
        return {}


def _heads_first(part: Part, value: Tensor) -> Tensor:
    """Exchange query and head of an attention pattern, and leave every other value as it is.

    A network keeps the position on the second axis of everything; TransformerLens shapes a pattern
    (item, head, query, key), and so do subjects.
    """
    return value.transpose(1, 2) if kind_of(part.hook) == "attn.hook_pattern" else value
