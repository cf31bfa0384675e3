"""The first block after edits of the embedding, by tables over tokens.

Where nothing normalizes what attention reads, and the query stands on a token that never changes, keys and
values are sums over what is set in the embedding, and the scores of a head are sums of numbers: each depends
on one token alone. Then no product with W_Q, W_K or W_V is left to take, and W_O and the columns of W_in that
are read become one matrix.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import embedding_bag

from scrubkit import kernels
from scrubkit.core.architecture import EMBED
from scrubkit.core.site import Part, overlap
from scrubkit.subjects.forward import Forward, needed
from scrubkit.subjects.network import Network

_Z, _PRE, _POST = "blocks.0.attn.hook_z", "blocks.0.mlp.hook_pre", "blocks.0.mlp.hook_post"


@dataclass(frozen=True)
class Tables:
    """What tokens add to scores and values.

    Attributes:
        scores: share in the scores of each head.
        values: share in the values of all heads.
        offsets: first row of each term's table, the terms of a position side by side.
        ends: where the terms of each position end.
        sources: for each term, its position and the part that is set, None for what is left as it is.
    """

    scores: Float[Tensor, "row head"]
    values: Float[Tensor, "row head_width"]
    offsets: tuple[int, ...]
    ends: tuple[int, ...]
    sources: tuple[tuple[int, Part | None], ...]


class FirstBlock:
    """Runs a network in which only parts of the embedding are set.

    Args:
        network: weights and clean activations.
    """

    def __init__(self, network: Network) -> None:
        self.network = network

    def applies(self, parts: Sequence[Part], reader: Part) -> bool:
        """Say whether a run with some parts set, none of them directly, can be read this way."""
        if not parts or any(part.hook != EMBED or part.basis is not None for part in parts):
            return False
        query = self._query(reader)
        if query is None or any(query in part.positions for part in parts):
            return False
        return not any(overlap(one, two) for i, one in enumerate(parts) for two in parts[i + 1 :])

    def _query(self, reader: Part) -> int | None:
        """Return the one position that must attend for a part to be read; None where there are more."""

        def find() -> int | None:
            network = self.network
            if network.config.normalization is not None or _Z not in network.architecture.hooks:
                return None
            attending = needed(network.architecture, [reader])[_Z]
            alone = len(attending) == 1 and bool((network.tokens[:, attending[0]].diff() == 0).all())
            return attending[0] if alone else None

        return self.network.recent(("query", reader.hook, reader.positions), find)

    def read(
        self, rows: Int[Tensor, " item"], settings: Mapping[Part, Int[Tensor, " item"]], reader: Part
    ) -> Tensor:
        """Run on some rows with parts of the embedding taken from others, and read a part."""
        network = self.network
        query = self._query(reader)
        assert query is not None
        z = self._attended(rows, settings, query)
        if reader.hook in (_PRE, _POST) and reader.basis is None:
            weight, bias = self._to_neurons(query, reader.inner)
            pre = (z @ weight + bias)[:, None]
            return pre if reader.hook == _PRE else network.activation(pre)
        need = needed(network.architecture, [reader])
        run = Forward(network, network.tokens[rows], rows, [], need, given={_Z: self._split(z)})
        return run.read(reader)

    def _split(self, z: Tensor) -> Tensor:
        return z.unflatten(1, (1, self.network.architecture.n_heads, -1))

    def _attended(
        self, rows: Int[Tensor, " item"], settings: Mapping[Part, Int[Tensor, " item"]], query: int
    ) -> Float[Tensor, "item head_width"]:
        """Return what the heads collect at the query."""
        tables, tokens = self._tables(tuple(settings), query), self.network.tokens
        found = [
            tokens[rows if part is None else settings[part], position] + offset
            for (position, part), offset in zip(tables.sources, tables.offsets, strict=True)
        ]
        index = torch.stack(found, dim=1)
        if self.network.device.type != "cpu" or not kernels.available():
            return self._collect(tables, index)
        from scrubkit.kernels.attention import attended
        from scrubkit.kernels.jit import spread

        z = tables.values.new_empty(len(rows), tables.values.shape[1])
        arrays = [x.numpy() for x in (tables.scores, tables.values, index, torch.tensor(tables.ends))]
        spread(lambda low, high: attended(*arrays, low, high, z.numpy()), len(rows))
        return z

    def _collect(self, tables: Tables, index: Int[Tensor, "item term"]) -> Float[Tensor, "item head_width"]:
        """Return what the heads collect, by torch."""
        terms = [index[:, a:b] for a, b in zip((0, *tables.ends), tables.ends, strict=False)]
        pattern = torch.stack([embedding_bag(t, tables.scores, mode="sum") for t in terms]).softmax(dim=0)
        values = [embedding_bag(t, tables.values, mode="sum") for t in terms]
        heads = self.network.architecture.n_heads
        split = [
            share[..., None] * value.unflatten(1, (heads, -1))
            for share, value in zip(pattern, values, strict=True)
        ]
        return sum(split[1:], split[0]).flatten(1)

    def _tables(self, parts: tuple[Part, ...], query: int) -> Tables:
        key = ("first", query, tuple(part.key for part in parts))
        return self.network.recent(key, lambda: self._made(parts, query))

    def _made(self, parts: tuple[Part, ...], query: int) -> Tables:
        """Make the tables: at each position the parts that are set there, and the rest."""
        network, a = self.network, self.network.architecture
        terms: list[Tensor] = []
        sources: list[tuple[int, Part | None]] = []
        ends = []
        for position in range(query + 1 if a.causal else a.n_ctx):
            rest = network.W_E + network.W_pos[position]
            for part in parts:
                if position in part.positions:
                    term = network.W_E if part.whole else network.components.embedding(part)
                    rest = rest - term
                    terms.append(term)
                    sources.append((position, part))
            terms.append(rest)
            sources.append((position, None))
            ends.append(len(terms))
        return Tables(*self._folded(terms, ends, query), tuple(ends), tuple(sources))

    def _folded(
        self, terms: Sequence[Tensor], ends: Sequence[int], query: int
    ) -> tuple[Tensor, Tensor, tuple[int, ...]]:
        """Return what terms add to scores and values, biases with the last term of each position."""
        network = self.network
        stacked = torch.cat(list(terms))
        step = len(network.W_E)
        offsets = tuple(range(0, len(stacked), step))
        entering = network.W_E[network.tokens[0, query]] + network.W_pos[query]
        q = network.project(entering[None], 0, "Q")[0]
        keys = (stacked @ network.matrix(0, "K")).unflatten(1, q.shape)
        scores = torch.einsum("rhe,he->rh", keys, q)
        values = stacked @ network.matrix(0, "V")
        for end in ends:
            last = slice((end - 1) * step, end * step)
            scores[last] += (network.of(0, "attn.b_K") * q).sum(dim=-1)
            values[last] += network.of(0, "attn.b_V").flatten()
        return scores / math.sqrt(q.shape[-1]), values, offsets

    def _to_neurons(self, query: int, neurons: tuple[int, ...] | None) -> tuple[Tensor, Tensor]:
        """Return the map from what the heads collect to some neurons before the activation."""
        network = self.network

        def make() -> tuple[Tensor, Tensor]:
            chosen = slice(None) if neurons is None else list(neurons)
            weight, bias = network.of(0, "mlp.W_in")[:, chosen], network.of(0, "mlp.b_in")[chosen]
            stream = network.W_E[network.tokens[0, query]] + network.W_pos[query] + network.of(0, "attn.b_O")
            return network.matrix(0, "O") @ weight, stream @ weight + bias

        return network.recent(("to neurons", query, neurons), make)
