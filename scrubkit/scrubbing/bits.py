"""How much a scrub really resamples: a hypothesis that lets nothing vary cannot be tested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from scrubkit.core.feature import class_ids
from scrubkit.hypothesis import Node
from scrubkit.scrubbing.sampling import Resampling, digest_of, ranges
from scrubkit.subjects.subject import Subject

_MOST_ENTRIES = 2**22
"""Entries of windows that are looked at together."""
_MOST_KNOWN = 1024
"""Contexts of one resampling whose bits are kept."""


def self_draw_rate(resampling: Resampling | None) -> float:
    """Return how often a draw gives the reader's own input back, under equal weights."""
    return 1.0 if resampling is None else resampling.self_draw_rate


def node_bits(
    node: Node,
    parts: Mapping[str, Any],
    features: Mapping[str, tuple[np.ndarray, ...]],
    resamplings: Mapping[str, Resampling | None],
    subject: Subject,
) -> float:
    """Return the mean log2 of the number of stand-ins that differ in what the node depends on.

    A leaf depends on its site's value, any other node on the features of what it reads; stand-ins that agree
    on that are one stand-in.
    """
    resampling = resamplings[node.name]
    if resampling is None:
        return 0.0
    context = [ids for parent, _ in node.parents for ids in _context(parent, features, resamplings, subject)]
    if not node.parents:
        context = [value_ids(subject, parts[node.name])]
    known, key = resampling.known_bits, digest_of(context)
    if key not in known:
        if len(known) >= _MOST_KNOWN:
            known.clear()
        known[key] = _bits(resampling, class_ids(context) if context else None)
    return known[key]


def _bits(resampling: Resampling, ids: np.ndarray | None) -> float:
    """Return the mean log2 of the number of stand-ins that differ; of one where nothing tells them apart."""
    if ids is None:
        return 0.0
    order, start, count = (x.numpy() for x in (resampling.order, resampling.start, resampling.count))
    starts, counts, inverse = _windows(start, count, len(order))
    return float(np.log2(_distinct(ids[order], starts, counts))[inverse].mean())


def _windows(
    start: np.ndarray, count: np.ndarray, n_entries: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return where the different windows begin, how long they are, and which of them each input has."""
    length = np.zeros(n_entries, dtype=np.int64)
    length[start] = count
    if np.array_equal(length[start], count):
        starts = np.flatnonzero(length)
        return starts, length[starts], ((length > 0).cumsum() - 1)[start]
    windows, inverse = np.unique(start * (n_entries + 1) + count, return_inverse=True)
    return *np.divmod(windows, n_entries + 1), inverse


def _distinct(ids: np.ndarray, starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return how many different ids stand in each window."""
    found = np.zeros(len(starts), dtype=np.int64)
    ends, n_ids = np.cumsum(counts), int(ids.max()) + 1
    done = 0
    while done < len(starts):
        # Some windows at a time, so that the entries of all are never there at once.
        taken = int(ends[done] - counts[done])
        stop = max(done + 1, int(np.searchsorted(ends, taken + _MOST_ENTRIES, side="right")))
        some, sizes = starts[done:stop], counts[done:stop]
        window = np.repeat(np.arange(len(some)), sizes)
        pairs = np.sort(window * n_ids + ids[ranges(some, sizes)])
        new = np.diff(pairs, prepend=-1) != 0
        found[done:stop] = np.bincount(pairs[new] // n_ids, minlength=len(some))
        done = stop
    return found


def _context(
    parent: str,
    features: Mapping[str, tuple[np.ndarray, ...]],
    resamplings: Mapping[str, Resampling | None],
    subject: Subject,
) -> Sequence[np.ndarray]:
    if resamplings[parent] is None:
        return [np.arange(subject.n_inputs)]
    return features.get(parent, ())


def value_ids(subject: Subject, part: Any) -> np.ndarray:
    """Return a number for each input that is equal where the clean value of a part is the same."""
    kept = getattr(subject, "kept_ids", None)
    return _value_ids(subject, part) if kept is None else kept(part, lambda: _value_ids(subject, part))


def _value_ids(subject: Subject, part: Any) -> np.ndarray:
    values = subject.clean(part, torch.arange(subject.n_inputs))
    flat = values.reshape(subject.n_inputs, -1).double().cpu()
    # One random projection tells values apart; exact equality is what is asked.
    probe = torch.randn(flat.shape[1], dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return class_ids([(flat @ probe).numpy().clip(-9e8, 9e8)])
