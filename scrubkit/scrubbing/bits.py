"""How much a scrub really resamples: a hypothesis that lets nothing vary cannot be tested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from scrubkit.core.feature import class_ids
from scrubkit.hypothesis import Node
from scrubkit.scrubbing.sampling import Exchange
from scrubkit.subjects.subject import Subject


def self_draw_rate(exchange: Exchange | None, n_inputs: int) -> float:
    """Return how often a draw gives the reader's own input back, under equal weights."""
    return 1.0 if exchange is None else float((1 / exchange.count.double()).mean())


def node_bits(
    node: Node,
    parts: Mapping[str, Any],
    features: Mapping[str, tuple[np.ndarray, ...]],
    exchanges: Mapping[str, Exchange | None],
    subject: Subject,
) -> float:
    """Return the mean log2 of the number of stand-ins that differ in what the node depends on.

    A leaf depends on its site's value, any other node on the features of what it reads; stand-ins that agree
    on that are one stand-in.
    """
    exchange = exchanges[node.name]
    if exchange is None:
        return 0.0
    context = [ids for parent, _ in node.parents for ids in _context(parent, features, exchanges, subject)]
    if not node.parents:
        context = [value_ids(subject, parts[node.name])]
    ids = class_ids(context) if context else np.zeros(subject.n_inputs, dtype=np.int64)
    order, start, count = (x.numpy() for x in (exchange.order, exchange.start, exchange.count))
    _, first, inverse = np.unique(start * (len(order) + 1) + count, return_index=True, return_inverse=True)
    distinct = np.array([len(np.unique(ids[order[start[x] : start[x] + count[x]]])) for x in first])
    return float(np.log2(distinct[inverse]).mean())


def _context(
    parent: str,
    features: Mapping[str, tuple[np.ndarray, ...]],
    exchanges: Mapping[str, Exchange | None],
    subject: Subject,
) -> Sequence[np.ndarray]:
    if exchanges[parent] is None:
        return [np.arange(subject.n_inputs)]
    return features.get(parent, ())


def value_ids(subject: Subject, part: Any) -> np.ndarray:
    """Return a number for each input that is equal where the clean value of a part is the same."""
    values = subject.clean(part, torch.arange(subject.n_inputs))
    flat = values.reshape(subject.n_inputs, -1).double().cpu()
    # One random projection tells values apart; exact equality is what is asked.
    probe = torch.randn(flat.shape[1], dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return class_ids([(flat @ probe).numpy().clip(-9e8, 9e8)])
