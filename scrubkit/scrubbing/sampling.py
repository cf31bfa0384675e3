"""Draws: which input takes whose place.

A draw is a row of the dataset, never an activation. Random numbers come from a counter: the number for
(seed, pass, tree node, input) is a hash of these four, so any subset of a pass can be drawn alone, in any
order and on any device, with the same result. The hash is the finaliser of SplitMix64 (Steele, Lea and Flood
2014, "Fast splittable pseudorandom number generators", section 4).
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from scrubkit import kernels
from scrubkit.core.feature import class_ids

_MASK64 = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
KEPT_BYTES = 2**26
"""Memory that the resamplings of earlier hypotheses may take."""
_MOST_KEPT = 1024
_MOST_PAIRS = 2**22
"""Pairs of values whose distance is taken at a time."""


@dataclass(frozen=True)
class Resampling:
    """Which inputs may stand in for each input.

    The inputs that may stand in for x are ``order[start[x] : start[x] + count[x]]``, each with a probability
    proportional to its weight.

    Attributes:
        order: rows of the dataset; windows of it are the sets.
        start: first entry of each input's window.
        count: length of each input's window, at least 1.
        cumulative: running sum of weights along ``order`` with a leading 0, None for equal weights.
    """

    order: Int[Tensor, " entry"]
    start: Int[Tensor, " input"]
    count: Int[Tensor, " input"]
    cumulative: Float[Tensor, " entry_plus_1"] | None = None

    def draw(self, rows: Int[Tensor, " draw"], numbers: Int[Tensor, " draw"]) -> Int[Tensor, " draw"]:
        """Return a stand-in for each row, chosen by a random number in [0, 2^62)."""
        start, count = self.start[rows], self.count[rows]
        if self.cumulative is None:
            return self.order[start + numbers % count]
        low, high = self.cumulative[start], self.cumulative[start + count]
        goal = low + (high - low) * (numbers.double() / 2.0**62)
        entry = torch.searchsorted(self.cumulative, goal, right=True) - 1
        return self.order[torch.minimum(torch.maximum(entry, start), start + count - 1)]

    def to(self, device: torch.device | str) -> Resampling:
        """Return a copy on another device."""
        cumulative = None if self.cumulative is None else self.cumulative.to(device)
        return Resampling(self.order.to(device), self.start.to(device), self.count.to(device), cumulative)

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        tensors = (self.order, self.start, self.count, self.cumulative)
        return sum(tensor.nbytes for tensor in tensors if tensor is not None)

    @cached_property
    def self_draw_rate(self) -> float:
        """How often a draw gives the reader's own input back, under equal weights."""
        return float((1 / self.count.double()).mean())

    @cached_property
    def known_bits(self) -> dict[bytes, float]:
        """Bits of nodes that are drawn so, by a digest of what they depend on; see `bits.node_bits`."""
        return {}

    @cached_property
    def bits(self) -> float:
        """Mean over inputs of log2 of the number of stand-ins."""
        return float(self.count.double().log2().mean())

    def members(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the stand-ins of one input and their probabilities."""
        low = int(self.start[row])
        window = slice(low, low + int(self.count[row]))
        rows = self.order[window].cpu().numpy()
        if self.cumulative is None:
            return rows, np.full(len(rows), 1 / len(rows))
        mass = self.cumulative[window.start : window.stop + 1].diff().cpu().numpy()
        return rows, mass / mass.sum()


def everything(n_inputs: int, weights: np.ndarray | None = None) -> Resampling:
    """Return the resampling in which any input may stand in for any other."""
    return _KEPT.find(
        ("everything", n_inputs, digest_of([weights])),
        lambda: fixed(np.arange(n_inputs), n_inputs, weights),
    )


def fixed(rows: np.ndarray, n_inputs: int, weights: np.ndarray | None = None) -> Resampling:
    """Return the resampling that draws from the same rows for every input."""
    zero = np.zeros(n_inputs, dtype=np.int64)
    return _resampling(np.asarray(rows), zero, zero + len(rows), weights)


def by_feature(
    components: Sequence[np.ndarray],
    tolerance: Sequence[float | None] = (),
    period: Sequence[float | None] = (),
    weights: np.ndarray | None = None,
) -> Resampling:
    """Return the resampling of inputs on which a feature agrees.

    Args:
        components: the feature's value on each input, an array for each component.
        tolerance: for each component, how far exchangeable inputs may differ; None or absent: not at all.
        period: for each component, the period of a circular value.
        weights: weight of each input.
    """
    key = ("feature", digest_of([*components, weights]), tuple(tolerance), tuple(period))
    return _KEPT.find(key, lambda: _by_feature(components, tolerance, period, weights))


def _by_feature(
    components: Sequence[np.ndarray],
    tolerance: Sequence[float | None],
    period: Sequence[float | None],
    weights: np.ndarray | None,
) -> Resampling:
    padded = [*tolerance, *[None] * (len(components) - len(tolerance))]
    periods = [*period, *[None] * (len(components) - len(period))]
    near = [(c, t, w) for c, t, w in zip(components, padded, periods, strict=True) if t is not None]
    exact = [c for c, t in zip(components, padded, strict=True) if t is None]
    ids = class_ids(exact) if exact else np.zeros(len(components[0]), dtype=np.int64)
    if not near:
        sizes = np.bincount(ids)
        order = _in_order(ids, len(sizes))
        return _resampling(order, (np.cumsum(sizes) - sizes)[ids], sizes[ids], weights)
    return _windows(ids, near, weights)


def _in_order(ids: np.ndarray, n_ids: int) -> np.ndarray:
    """Return the inputs ordered by their ids; short numbers are sorted by their digits, which is quicker."""
    return np.argsort(ids.astype(np.uint16) if n_ids <= 2**16 else ids, kind="stable")


def _windows(
    ids: np.ndarray, near: Sequence[tuple[np.ndarray, float, float | None]], weights: np.ndarray | None
) -> Resampling:
    """List the stand-ins of each input where some components need only be near."""
    values = np.stack([component.astype(float) for component, _, _ in near], axis=1)
    # Inputs with the same values share one window, which keeps the lists short.
    keys, group = np.unique(np.column_stack([ids, values.round(9)]), axis=0, return_inverse=True)
    group = group.reshape(-1)
    members = np.argsort(group, kind="stable")
    first = np.searchsorted(group[members], np.arange(len(keys) + 1))
    block_starts = np.flatnonzero(np.diff(keys[:, 0], prepend=-np.inf))
    blocks = zip(block_starts, [*block_starts[1:], len(keys)], strict=True)
    found = [pair for low, high in blocks for pair in _near(keys, near, int(low), int(high))]
    reader, close = (np.concatenate(side) for side in zip(*found, strict=True))
    sizes = np.diff(first)
    order = members[ranges(first[close], sizes[close])]
    counts = np.bincount(reader, weights=sizes[close], minlength=len(keys)).astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    return _resampling(order, starts[group], counts[group], weights)


def _near(
    keys: np.ndarray, near: Sequence[tuple[np.ndarray, float, float | None]], low: int, high: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the pairs of keys in a block that are near each other in all components, ascending."""
    block = keys[low:high, 1:]
    step = max(1, _MOST_PAIRS // len(block))
    for start in range(0, len(block), step):
        close = np.ones((len(block[start : start + step]), len(block)), dtype=bool)
        for i, (_, reach, wrap) in enumerate(near):
            distance = np.abs(block[start : start + step, i, None] - block[:, i])
            if wrap is not None:
                distance %= wrap
                distance = np.minimum(distance, wrap - distance)
            close &= distance <= reach + 1e-9
        reader, found = np.nonzero(close)
        yield reader + low + start, found + low


def ranges(starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the numbers of some ranges, one after another."""
    ends = np.cumsum(sizes)
    return np.arange(ends[-1]) + np.repeat(starts - (ends - sizes), sizes)


def _resampling(
    order: np.ndarray, start: np.ndarray, count: np.ndarray, weights: np.ndarray | None
) -> Resampling:
    cumulative = None
    if weights is not None:
        cumulative = torch.from_numpy(np.concatenate([[0.0], np.cumsum(weights[order], dtype=float)]))
    return Resampling(_rows(order), _rows(start), _rows(count), cumulative)


def _rows(values: np.ndarray) -> Int[Tensor, " entry"]:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.int64))


class _Kept:
    """The last resamplings: hypotheses about the models of one task have many in common."""

    def __init__(self) -> None:
        self._made: dict[Hashable, Resampling] = {}
        self._size = 0
        self._lock = threading.Lock()

    def find(self, key: Hashable, make: Callable[[], Resampling]) -> Resampling:
        """Return a resampling by what decides it; the ones unused longest go when they fill the room."""
        with self._lock:
            found = self._taken(key)
        found = make() if found is None else found
        with self._lock:
            self._taken(key)  # another thread may have made it as well
            self._made[key] = found
            self._size += found.nbytes
            while self._size > KEPT_BYTES or len(self._made) > _MOST_KEPT:
                self._taken(next(iter(self._made)))
        return found

    def _taken(self, key: Hashable) -> Resampling | None:
        """Take a resampling out; None where it is not there."""
        found = self._made.pop(key, None)
        self._size -= 0 if found is None else found.nbytes
        return found


_KEPT = _Kept()


def digest_of(arrays: Sequence[np.ndarray | None]) -> bytes:
    """Return a digest of some arrays, equal where they are."""
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(b"none" if array is None else f"{array.dtype}{array.shape}".encode())
        digest.update(b"" if array is None else np.ascontiguousarray(array).data)
    return digest.digest()


@dataclass(frozen=True)
class Draws:
    """A slice of the draws of a scrub: item i is input ``i % n_inputs`` in pass ``i // n_inputs``.

    Attributes:
        seed: seed of the scrub.
        n_inputs: size of the dataset.
        items: which items these are, ascending and contiguous.
        device: where the numbers are made.
    """

    seed: int
    n_inputs: int
    items: range
    device: torch.device

    @cached_property
    def rows(self) -> Int[Tensor, " item"]:
        """The reference input of each item."""
        first, last = self.items.start // self.n_inputs, (self.items.stop - 1) // self.n_inputs
        if first == last:
            return torch.arange(len(self.items), device=self.device) + self.items.start % self.n_inputs
        return self._flat % self.n_inputs

    @cached_property
    def _flat(self) -> Int[Tensor, " item"]:
        return torch.arange(self.items.start, self.items.stop, device=self.device)

    def numbers(self, stream: int) -> Int[Tensor, " item"]:
        """Return a random number in [0, 2^62) for each item; streams are independent."""
        keys = torch.tensor([_signed(key) for key in self._keys(stream)], device=self.device)
        first = self.items.start // self.n_inputs
        key = keys[0] if len(keys) == 1 else keys[self._flat // self.n_inputs - first]
        return _finalise(key + self._flat % self.n_inputs * _signed(_GOLDEN))

    def stand_ins(
        self, resampling: Resampling, rows: Int[Tensor, " item"], stream: int
    ) -> Int[Tensor, " item"]:
        """Return a stand-in for the row of each item, drawn by the numbers of a stream."""
        if self.device.type != "cpu" or resampling.cumulative is not None or not kernels.available():
            return resampling.draw(rows, self.numbers(stream))
        from scrubkit.kernels.draws import stand_ins

        found = torch.empty_like(rows)
        arrays = [x.numpy() for x in (resampling.order, resampling.start, resampling.count, rows)]
        keys = np.array(self._keys(stream), dtype=np.uint64)
        stand_ins(*arrays, keys, self.items.start, self.n_inputs, 0, len(rows), found.numpy())
        return found

    def _keys(self, stream: int) -> list[int]:
        """Return the key of a stream in each pass."""
        passes = range(self.items.start // self.n_inputs, (self.items.stop - 1) // self.n_inputs + 1)
        return [_key(self.seed, d, stream) for d in passes]


def _key(seed: int, draw: int, stream: int) -> int:
    state = seed & _MASK64
    for word in (draw, stream):
        state = _finalise_int((state + _GOLDEN) & _MASK64) ^ word
    return _finalise_int(state)


def _finalise_int(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK64
    return z ^ (z >> 31)


def _signed(z: int) -> int:
    return z - (1 << 64) if z >= 1 << 63 else z


def _finalise(z: Int[Tensor, " item"]) -> Int[Tensor, " item"]:
    """Hash 64-bit counters; torch has no unsigned shift, so shifted-in sign bits are masked away."""
    z = (z ^ _shift(z, 30)) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ _shift(z, 27)) * _signed(0x94D049BB133111EB)
    return _shift(z ^ _shift(z, 31), 2)


def _shift(z: Int[Tensor, " item"], by: int) -> Int[Tensor, " item"]:
    return (z >> by) & ((1 << (64 - by)) - 1)
