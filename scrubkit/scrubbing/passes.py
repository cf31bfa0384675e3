"""Passes: whole sweeps of a scrub over the dataset, in pieces that fit the memory.

On a CPU every piece has the same size, chosen from the dataset alone, so that the arithmetic of an item never
depends on which items it is computed with: the same seed gives the same bits whatever the chunk size.
Figures are summed a piece at a time, in order of the inputs, so that nothing of the size of all draws is
kept. On a GPU pieces are as large as memory allows, and are halved when it runs out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor

from scrubkit.scrubbing.exact import MAX_RUNS, Progress, enumerate_outputs
from scrubkit.scrubbing.plan import Plan
from scrubkit.scrubbing.sampling import Draws
from scrubkit.subjects.subject import Subject

_CPU_TILE = 4096
_BYTES_PER_NUMBER = 8
_SMALLEST = 256
_LIVE_COPIES = 12
"""How many tensors of the size of the outputs are alive at once, roughly."""

Outputs = Callable[[Draws], Any]
"""From draws to outputs: a tensor with a row for each item, or what its measure takes in its place."""


class Measure(Protocol):
    """What turns outputs into figures: `scrubkit.scrubbing.figures.Levels`, or a graph's own.

    Attributes:
        mass: share of each input in every mean.
        labels: class of each input, None where there are none.
        n_classes: number of classes, or of numbers that an output has.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """The figures that can be taken."""
        ...

    mass: Tensor
    labels: Tensor | None
    n_inputs: int
    n_classes: int

    def figures(
        self, outputs: Tensor, rows: Int[Tensor, " item"], *, loop: bool = True
    ) -> dict[str, Float[Tensor, " item"]]:
        """Return every figure for each scrubbed output."""
        ...


@dataclass(frozen=True)
class PassFigures:
    """Figures of whole passes.

    Attributes:
        means: for each figure, its mean over inputs in each pass.
        label_losses: mean loss of each class in each pass; None where no class is a label.
    """

    means: dict[str, Float[Tensor, " draw"]]
    label_losses: Float[Tensor, "draw class"] | None

    @property
    def n_passes(self) -> int:
        """Number of passes."""
        return len(next(iter(self.means.values())))

    def joined(self, more: PassFigures) -> PassFigures:
        """Return these passes followed by more."""
        means = {name: torch.cat([self.means[name], more.means[name]]) for name in self.means}
        if self.label_losses is None or more.label_losses is None:
            return PassFigures(means, None)
        return PassFigures(means, torch.cat([self.label_losses, more.label_losses]))


class _Sums:
    """Adds up figures by pass, in the order in which they come."""

    def __init__(self, measure: Measure, n_passes: int) -> None:
        self.measure = measure
        like = {"dtype": torch.float64, "device": measure.mass.device}
        self.sums = torch.zeros(len(measure.names), n_passes, **like)
        one_answer = measure.labels is not None and measure.labels.shape[1] == 1
        self.by_label = torch.zeros(n_passes, measure.n_classes, **like) if one_answer else None

    def add(self, found: dict[str, Tensor], rows: Tensor, passes: int, masses: Tensor | None = None) -> None:
        """Add the figures of some items of one pass, each with the share of its input or with others."""
        mass = self.measure.mass[rows] if masses is None else masses
        names = self.measure.names
        self.sums[:, passes] += (torch.stack([found[name] for name in names]) * mass).sum(dim=1)
        if self.by_label is not None and self.measure.labels is not None:
            self.by_label[passes].index_add_(0, self.measure.labels[rows, 0], found["loss"] * mass)

    def figures(self) -> PassFigures:
        """Return the means."""
        label_losses = None
        if self.by_label is not None and self.measure.labels is not None:
            share = torch.zeros_like(self.by_label[0])
            share.index_add_(0, self.measure.labels[:, 0], self.measure.mass)
            label_losses = torch.where(share > 0, self.by_label / share.clamp(min=1e-300), 0.0).cpu()
        return PassFigures(dict(zip(self.measure.names, self.sums.cpu(), strict=True)), label_losses)


WORTH_A_LOOP = 200_000
"""Outputs from which on a compiled loop is worth loading, or compiling, for their figures."""


def exact_figures(
    subject: Subject,
    plan: Plan,
    measure: Measure,
    *,
    max_runs: int = MAX_RUNS,
    progress: Progress = lambda done, total: None,
) -> PassFigures:
    """Return the expectation of every figure over all joint draws, as one pass.

    Args:
        subject: what is scrubbed.
        plan: the hypothesis, bound to it.
        measure: what turns outputs into figures.
        max_runs: largest number of runs to make.
        progress: told how far the enumeration is, see `enumerate_outputs`.

    Raises:
        ScrubError: there are too many joint draws to enumerate.
    """
    sums = _Sums(measure, 1)
    outcomes = enumerate_outputs(subject, plan, max_runs=max_runs, progress=progress)
    loop = sum(len(outcome.values) for outcome in outcomes) >= WORTH_A_LOOP
    for x, outcome in enumerate(outcomes):
        rows = torch.full((len(outcome.values),), x)
        found = measure.figures(outcome.values, rows, loop=loop)
        sums.add(found, rows, 0, outcome.probabilities * measure.mass[x])
    return sums.figures()


@torch.no_grad()
def run_passes(
    outputs: Outputs,
    measure: Measure,
    *,
    seed: int,
    passes: range,
    device: torch.device,
    chunk: int | None = None,
) -> PassFigures:
    """Scrub every input once in each pass and gather the figures.

    Args:
        outputs: scrubbed outputs of some draws.
        measure: what turns them into figures, on the device.
        seed: seed of the draws.
        passes: which passes; pass d has the same draws in every call.
        device: where to compute.
        chunk: items to compute at once on a GPU; None sizes it by the free memory.
    """
    n_inputs = measure.n_inputs
    sums = _Sums(measure, len(passes))
    total = range(passes.start * n_inputs, passes.stop * n_inputs)
    for items, wanted, found in _pieces(outputs, measure, seed, total, device, chunk):
        for d in range(wanted.start // n_inputs, (wanted.stop - 1) // n_inputs + 1):
            low, high = max(d * n_inputs, wanted.start), min((d + 1) * n_inputs, wanted.stop)
            here = slice(low - items.start, high - items.start)
            rows = torch.arange(low - d * n_inputs, high - d * n_inputs, device=measure.mass.device)
            sums.add({name: values[here] for name, values in found.items()}, rows, d - passes.start)
    return sums.figures()


def _pieces(
    outputs: Outputs, measure: Measure, seed: int, total: range, device: torch.device, chunk: int | None
) -> Iterator[tuple[range, range, dict[str, Tensor]]]:
    """Yield items, those of them that are wanted, and the figures of all, in order within each pass."""
    n_inputs = measure.n_inputs
    if device.type == "cpu":
        for tile, wanted in cpu_tiles(total, n_inputs):
            draws = Draws(seed, n_inputs, tile, device)
            yield tile, wanted, measure.figures(outputs(draws), draws.rows)
        return
    size, start = chunk or _fitting(measure, device), total.start
    while start < total.stop:
        items = range(start, min(start + size, total.stop))
        try:
            draws = Draws(seed, n_inputs, items, device)
            found = measure.figures(outputs(draws), draws.rows)
        except torch.OutOfMemoryError:
            if size <= _SMALLEST:
                raise
            torch.cuda.empty_cache()
            size //= 2
            continue
        yield items, items, found
        start = items.stop


def cpu_tiles(total: range, n_inputs: int) -> Iterator[tuple[range, range]]:
    """Yield tiles of one size that cover some items, each with the items in it that are wanted.

    An item has the same place in the same tile whatever is asked for: several passes fill a tile, or several
    tiles a pass. The same tile of all passes comes in a row, since the model's own outputs on it may have to
    be computed.
    """
    if n_inputs <= _CPU_TILE:
        period = size = _CPU_TILE // n_inputs * n_inputs
    else:
        period, size = n_inputs, -(-n_inputs // -(-n_inputs // _CPU_TILE))
    for offset in range(0, period, size):
        for first in range(total.start // period * period, total.stop, period):
            start = first + offset
            wanted = range(max(start, total.start), min(start + size, first + period, total.stop))
            if wanted:
                yield range(start, start + size), wanted


def _fitting(measure: Measure, device: torch.device) -> int:
    """Return how many items fit the free memory of a GPU."""
    if device.type != "cuda":
        return 8 * measure.n_inputs
    free, _ = torch.cuda.mem_get_info(device)
    per_item = max(measure.n_classes, 512) * _BYTES_PER_NUMBER * _LIVE_COPIES
    return int(min(max(free // 2 // per_item, _SMALLEST), 64 * measure.n_inputs))
