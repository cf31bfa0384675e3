"""Passes: whole sweeps of a scrub over the dataset, in pieces that fit the memory.

On a CPU every piece has the same size, chosen from the dataset alone, so that the arithmetic of an item never
depends on which items it is computed with: the same seed gives the same bits whatever the chunk size. On a
GPU pieces are as large as memory allows, and are halved when it runs out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from scrubkit.scrubbing.exact import enumerate_outputs
from scrubkit.scrubbing.figures import FIGURES, Levels, figures_of
from scrubkit.scrubbing.plan import Plan
from scrubkit.scrubbing.sampling import Draws
from scrubkit.subjects.subject import Subject

_CPU_TILE = 4096
_BYTES_PER_NUMBER = 8
_SMALLEST = 256
_LIVE_COPIES = 12
"""How many tensors of the size of the outputs are alive at once, roughly."""

Outputs = Callable[[Draws], Tensor]


@dataclass(frozen=True)
class PassFigures:
    """Figures of whole passes.

    Attributes:
        means: for each figure, its mean over inputs in each pass.
        label_losses: mean loss of each class in each pass.
    """

    means: dict[str, Float[Tensor, " draw"]]
    label_losses: Float[Tensor, "draw class"]

    @property
    def n_passes(self) -> int:
        """Number of passes."""
        return len(self.label_losses)

    def joined(self, more: PassFigures) -> PassFigures:
        """Return these passes followed by more."""
        means = {name: torch.cat([self.means[name], more.means[name]]) for name in self.means}
        return PassFigures(means, torch.cat([self.label_losses, more.label_losses]))


def exact_figures(subject: Subject, plan: Plan, levels: Levels) -> PassFigures:
    """Return the expectation of every figure over all joint draws, as one pass.

    Raises:
        ScrubError: there are too many joint draws to enumerate.
    """
    n_inputs, n_classes = levels.logits.shape
    totals = {name: torch.zeros(1, dtype=torch.float64) for name in FIGURES}
    label_losses = torch.zeros(1, n_classes, dtype=torch.float64)
    counts = torch.bincount(levels.labels, minlength=n_classes).clamp(min=1)
    for x, outcome in enumerate(enumerate_outputs(subject, plan)):
        rows = torch.full((len(outcome.values),), x)
        found = figures_of(outcome.values, rows, levels)
        means = {name: float(values @ outcome.probabilities) for name, values in found.items()}
        for name in FIGURES:
            totals[name] += means[name] / n_inputs
        label = int(levels.labels[x])
        label_losses[0, label] += means["loss"] / float(counts[label])
    return PassFigures(totals, label_losses)


def run_passes(
    outputs: Outputs,
    levels: Levels,
    *,
    seed: int,
    passes: range,
    device: torch.device,
    chunk: int | None = None,
) -> PassFigures:
    """Scrub every input once in each pass and gather the figures.

    Args:
        outputs: scrubbed logits of some draws.
        levels: the model's own outputs, on the device.
        seed: seed of the draws.
        passes: which passes; pass d has the same draws in every call.
        device: where to compute.
        chunk: items to compute at once on a GPU; None sizes it by the free memory.
    """
    n_inputs = len(levels.labels)
    collected: dict[str, list[Tensor]] = {name: [] for name in FIGURES}
    total = range(passes.start * n_inputs, passes.stop * n_inputs)
    for found in _pieces(outputs, levels, seed, total, device, chunk):
        for name in FIGURES:
            collected[name].append(found[name])
    per_input = {name: torch.cat(pieces).view(len(passes), n_inputs) for name, pieces in collected.items()}
    n_classes = levels.logits.shape[1]
    sums = torch.zeros(len(passes), n_classes, dtype=torch.float64, device=levels.labels.device)
    sums.index_add_(1, levels.labels, per_input["loss"])
    counts = torch.bincount(levels.labels, minlength=n_classes).clamp(min=1)
    means = {name: values.mean(dim=1).cpu() for name, values in per_input.items()}
    return PassFigures(means, (sums / counts).cpu())


def _pieces(
    outputs: Outputs, levels: Levels, seed: int, total: range, device: torch.device, chunk: int | None
) -> Iterator[dict[str, Tensor]]:
    """Yield the figures of the items piece by piece, in order."""
    n_inputs = len(levels.labels)
    if device.type == "cpu":
        for tile, wanted in cpu_tiles(total, n_inputs):
            found = _figures(outputs, levels, Draws(seed, n_inputs, tile, device))
            skipped = wanted.start - tile.start
            yield {name: values[skipped : skipped + len(wanted)] for name, values in found.items()}
        return
    size, start = chunk or _fitting(levels, device), total.start
    while start < total.stop:
        items = range(start, min(start + size, total.stop))
        try:
            found = _figures(outputs, levels, Draws(seed, n_inputs, items, device))
        except torch.OutOfMemoryError:
            if size <= _SMALLEST:
                raise
            torch.cuda.empty_cache()
            size //= 2
            continue
        yield found
        start = items.stop


@torch.no_grad()
def _figures(outputs: Outputs, levels: Levels, draws: Draws) -> dict[str, Tensor]:
    return figures_of(outputs(draws), draws.rows, levels)


def cpu_tiles(total: range, n_inputs: int) -> Iterator[tuple[range, range]]:
    """Yield tiles of one size that cover some items, each with the items in it that are wanted.

    An item has the same place in the same tile whatever is asked for: several passes fill a tile, or several
    tiles a pass.
    """
    if n_inputs <= _CPU_TILE:
        period = size = _CPU_TILE // n_inputs * n_inputs
    else:
        period, size = n_inputs, -(-n_inputs // -(-n_inputs // _CPU_TILE))
    for first in range(total.start // period * period, total.stop, period):
        for start in range(first, first + period, size):
            wanted = range(max(start, total.start), min(start + size, first + period, total.stop))
            if wanted:
                yield range(start, start + size), wanted


def _fitting(levels: Levels, device: torch.device) -> int:
    """Return how many items fit the free memory of a GPU."""
    n_inputs, n_classes = levels.logits.shape
    if device.type != "cuda":
        return 8 * n_inputs
    free, _ = torch.cuda.mem_get_info(device)
    per_item = max(n_classes, 512) * _BYTES_PER_NUMBER * _LIVE_COPIES
    return int(min(max(free // 2 // per_item, _SMALLEST), 64 * n_inputs))
