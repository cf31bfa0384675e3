"""Plans with other draws: everything exact, anything goes, or classes of random members."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from scrubkit.scrubbing.plan import Visit
from scrubkit.scrubbing.sampling import Exchange


def with_exchanges(visit: Visit, change: Callable[[Visit], Exchange | None]) -> Visit:
    """Return a visit whose descendants draw their inputs in another way."""
    children = tuple(
        replace(with_exchanges(child, change), exchange=change(child)) for child in visit.children
    )
    return replace(visit, children=children)


def with_others(visit: Visit, other: str) -> Visit:
    """Return a visit in which all that is not named comes from another place."""
    children = tuple(with_others(child, other) for child in visit.children)
    return replace(visit, other=other, children=children)


def shuffled(exchange: Exchange, generator: torch.Generator) -> Exchange:
    """Return an exchange with sets of the same sizes whose members are chosen at random."""
    place = torch.randperm(len(exchange.start), generator=generator)
    back, order = torch.argsort(place), place[exchange.order]
    cumulative = exchange.cumulative
    if cumulative is not None:
        weight = torch.zeros(len(place), dtype=cumulative.dtype)
        weight[exchange.order] = cumulative.diff()
        cumulative = torch.cat([cumulative[:1], weight[order].cumsum(dim=0)])
    return Exchange(order, exchange.start[back], exchange.count[back], cumulative)
