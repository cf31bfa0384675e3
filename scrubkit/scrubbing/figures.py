"""Figures of a scrub for each input: what the scrubbed outputs say beside the model's own.

All of them are per input and in float64, since a mean hides cancellation and a loss of 1e-7 is lost in
float32; `scrubkit.kernels.folded` says how a compiled loop keeps it. Reference levels, such as the loss with
labels permuted, are expectations taken exactly. Where the answer is read at several positions, a figure of an
input is the mean over them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from scrubkit import kernels
from scrubkit.scrubbing.score import Interval, exactly
from scrubkit.subjects.linear import Folded

Logits = Callable[[Int[Tensor, " item"]], Float[Tensor, "item answer class"]]
"""The model's own logits on some inputs, float64."""

BEHAVIOUR = ("kl", "agreement", "squared_change")
"""Figures that need no label."""
LABELLED = ("loss", "accuracy", "abs_loss_change")
"""Figures that do."""
SAME = 1e-12
"""Outputs whose spread is under this share of their square are one output: what is left is rounding error."""
SAME_KL = 1e-13
"""The same for distributions, in nats: a divergence is a difference of entropies."""
KEPT_BYTES = 2**28
"""Largest table of the model's own logits that is kept; larger ones are computed again a tile at a time."""
_TILE = 4096
_TINY = 1e-30


@dataclass(frozen=True)
class Own:
    """The model's own outputs on some inputs.

    Attributes:
        logits: float64.
        probs: their softmax.
    """

    logits: Float[Tensor, "item answer class"]
    probs: Float[Tensor, "item answer class"]


class Levels:
    """The model's own outputs on all inputs, and the levels that scores are measured against.

    Args:
        logits: the model's logits on some inputs.
        labels: the right class of each input at each answer position, None where the task has none.
        n_inputs: number of inputs.
        shape: answer positions and classes.
        weights: weight of each input, None for equal weights.
        device: where figures are taken.
    """

    def __init__(
        self,
        logits: Logits,
        labels: np.ndarray | None,
        n_inputs: int,
        shape: tuple[int, int],
        *,
        weights: Float[np.ndarray, " input"] | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.device = torch.device(device)
        self.n_inputs, self.n_classes = n_inputs, shape[1]
        flat = None if labels is None else torch.from_numpy(np.array(labels)).reshape(n_inputs, -1)
        self.labels = None if flat is None else flat.to(self.device)
        mass = torch.ones(n_inputs) if weights is None else torch.from_numpy(np.array(weights))
        self.mass = (mass.double() / mass.double().sum()).to(self.device)
        self._logits = logits
        self._last: tuple[Tensor, Own] | None = None
        small = n_inputs * shape[0] * shape[1] * 8 <= KEPT_BYTES
        self._kept = self._join(_tiles(n_inputs)) if small else None
        self._measure(shape[0])

    @property
    def names(self) -> tuple[str, ...]:
        """The figures that can be taken."""
        return BEHAVIOUR if self.labels is None else (*BEHAVIOUR, *LABELLED)

    def own(self, rows: Int[Tensor, " item"]) -> Own:
        """Return the model's own outputs on some inputs."""
        if self._kept is not None:
            return Own(self._kept.logits[rows], self._kept.probs[rows])
        if self._last is None or not torch.equal(self._last[0], rows):
            logits = self._logits(rows).to(self.device, torch.float64)
            # Several passes over the same inputs follow each other.
            self._last = (rows, Own(logits, logits.softmax(dim=-1)))
        return self._last[1]

    def _join(self, tiles: Iterator[Tensor]) -> Own:
        logits = torch.cat([self._logits(rows).to(self.device, torch.float64) for rows in tiles])
        return Own(logits, logits.softmax(dim=-1))

    def _measure(self, n_answers: int) -> None:
        """Take the figures of the model itself, a tile at a time."""
        # Filled in place: small results that stay between large ones that go would leave memory in pieces.
        like = {"dtype": torch.float64, "device": self.device}
        entropies = torch.empty(self.n_inputs, **like)
        losses = None if self.labels is None else torch.empty(self.n_inputs, **like)
        predictions = torch.empty(self.n_inputs, n_answers, dtype=torch.long, device=self.device)
        probs = log_probs = centre = 0.0
        size = torch.zeros((), dtype=torch.float64, device=self.device)
        square = torch.zeros((), dtype=torch.float64, device=self.device)
        for rows in _tiles(self.n_inputs):
            own, mass = self.own(rows), self.mass[rows]
            log = own.logits.log_softmax(dim=-1)
            centred = own.logits - own.logits.mean(dim=-1, keepdim=True)
            entropies[rows] = (own.probs * log).sum(dim=-1).mean(dim=-1)
            predictions[rows] = own.logits.argmax(dim=-1)
            if self.labels is not None and losses is not None:
                losses[rows] = -log.gather(2, self.labels[rows][..., None])[..., 0].mean(dim=-1)
            share = mass[:, None, None]
            probs = probs + (share * own.probs).sum(dim=0)
            log_probs = log_probs + (share * log).sum(dim=0)
            centre = centre + (share * centred).sum(dim=0)
            square = square + (share * centred.square()).sum(dim=0).sum(dim=-1).mean()
            size = size + (share * own.logits.square()).sum(dim=0).sum(dim=-1).mean()
        assert isinstance(probs, Tensor) and isinstance(log_probs, Tensor) and isinstance(centre, Tensor)
        self.negative_entropy: Float[Tensor, " input"] = entropies
        self.predictions: Int[Tensor, "input answer"] = predictions
        self.losses: Float[Tensor, " input"] | None = losses
        self.mean_log_probs: Float[Tensor, "answer class"] = log_probs
        cross = (probs * log_probs).sum(dim=-1).mean()
        self.rounding = SAME * float(size)
        """Squared changes of the centred logits up to this are rounding error."""
        change = float(2 * (square - centre.square().sum(dim=-1).mean()))
        self.permuted_change = change if change > self.rounding else 0.0
        """Mean squared distance of the centred logits of two independent inputs, twice their variance; 0
        where all are one."""
        kl = float(in_order(self.mass * self.negative_entropy) - cross)
        self.permuted_kl = kl if kl > SAME_KL and self.permuted_change else 0.0
        """Mean KL(output on x || output on an independent x'), nats per input; 0 where all are one."""

    @cached_property
    def model_loss(self) -> float | None:
        """The model's mean loss, nats per input."""
        return None if self.losses is None else float(in_order(self.mass * self.losses))

    @cached_property
    def baseline_loss(self) -> float | None:
        """Expected loss of the model's outputs against independently permuted labels, nats per input."""
        if self.labels is None:
            return None
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        for i in range(self.labels.shape[1]):
            share = torch.zeros(self.n_classes, dtype=torch.float64, device=self.device)
            share.index_add_(0, self.labels[:, i], self.mass)
            total -= (self.mean_log_probs[i] * share).sum() / self.labels.shape[1]
        return float(total)

    def figures(
        self,
        outputs: Float[Tensor, "item answer class"] | Folded,
        rows: Int[Tensor, " item"],
        *,
        loop: bool = True,
    ) -> dict[str, Float[Tensor, " item"]]:
        """Return every figure for each scrubbed output.

        Args:
            outputs: scrubbed logits, added up or not.
            rows: the reference input of each item.
            loop: whether a compiled loop may do it, which takes seconds to load and longer to compile.

        Returns:
            ``kl`` = KL(model || scrubbed) nats, ``agreement`` with the model's argmax, 0 or 1;
            ``squared_change`` of the centred logits. With labels ``loss`` nats, ``accuracy`` 0 or 1, and
            ``abs_loss_change`` nats.
        """
        compiled = loop and self.device.type == "cpu" and kernels.available()
        if isinstance(outputs, Folded):
            if compiled and self._kept is not None and outputs.table.dtype == torch.float32:
                return self._while_adding_up(outputs, rows)
            outputs = outputs.added_up()
        if compiled:
            return self._in_one_loop(outputs, rows)
        z, own = outputs.double(), self.own(rows)
        normaliser = z.logsumexp(dim=-1)
        change = z - own.logits
        prediction = z.argmax(dim=-1)
        square = change.square().sum(dim=-1) - change.sum(dim=-1).square() / change.shape[-1]
        found = {
            "kl": self.negative_entropy[rows] + (normaliser - (own.probs * z).sum(dim=-1)).mean(dim=-1),
            "agreement": (prediction == self.predictions[rows]).double().mean(dim=-1),
            "squared_change": square.mean(dim=-1),
        }
        if self.labels is not None and self.losses is not None:
            labels = self.labels[rows]
            loss = (normaliser - z.gather(2, labels[..., None])[..., 0]).mean(dim=-1)
            found["loss"] = loss
            found["accuracy"] = (prediction == labels).double().mean(dim=-1)
            found["abs_loss_change"] = (loss - self.losses[rows]).abs()
        return found

    def _in_one_loop(self, outputs: Tensor, rows: Tensor) -> dict[str, Tensor]:
        """Return every figure by the compiled loop."""
        from scrubkit.kernels import figures

        own = self._kept or self.own(rows)
        own_rows = rows if self._kept is not None else torch.arange(len(rows))
        tensors = (own.logits, own.probs, own_rows, self._known, self._label_table, rows)
        return self._by(figures.of_logits, outputs.flatten(1), *tensors)

    def _while_adding_up(self, outputs: Folded, rows: Tensor) -> dict[str, Tensor]:
        """Return every figure by the compiled loop that adds up the logits as well."""
        from scrubkit.kernels import folded

        tensors = (outputs.table, outputs.index, *self._single, self._label_table, rows)
        return self._by(folded.of_rows, *tensors)

    def _by(self, loop: Callable[..., None], *tensors: Tensor) -> dict[str, Tensor]:
        """Return the figures that a compiled loop takes of items, whose rows are the last of its tensors."""
        from scrubkit.kernels.jit import spread

        arrays, n_items = [x.contiguous().numpy() for x in tensors], len(tensors[-1])
        found = torch.empty(len(BEHAVIOUR) + len(LABELLED), n_items, dtype=torch.float64)
        spread(lambda low, high: loop(*arrays, low, high, found.numpy()), n_items)
        return {name: found[i] for i, name in enumerate(self.names)}

    @cached_property
    def _single(self) -> tuple[Tensor, Tensor, Tensor]:
        """The model's own logits and their softmax in float32, and what is known of them in float64."""
        assert self._kept is not None
        logits, probs = self._kept.logits.float(), self._kept.probs.float()
        # Numbers without leading digits take a processor a hundred times as long, and add nothing.
        probs[probs < _TINY] = 0
        usual = self.predictions[..., None]
        # Of the rounded logits, with which scrubbed ones are compared.
        likeliest = logits.double().log_softmax(dim=-1).gather(2, usual)[..., 0].mean(dim=-1)
        return logits, probs, torch.cat([-likeliest[:, None], self._known[:, 1:]], dim=1)

    @cached_property
    def _known(self) -> Float[Tensor, "input figure"]:
        """Negative entropy, loss and predictions of the model, as the compiled loop takes them."""
        losses = torch.zeros_like(self.negative_entropy) if self.losses is None else self.losses
        return torch.cat([self.negative_entropy[:, None], losses[:, None], self.predictions.double()], dim=1)

    @cached_property
    def _label_table(self) -> Int[Tensor, "input answer"]:
        return torch.zeros(self.n_inputs, 0, dtype=torch.long) if self.labels is None else self.labels


def in_order(values: Float[Tensor, " item"]) -> Float[Tensor, ""]:
    """Return a sum that is rounded alike whatever the number of threads, which share what is long."""
    return torch.stack([tile.sum() for tile in values.split(_TILE)]).sum()


def _tiles(n_inputs: int) -> Iterator[Tensor]:
    yield from torch.arange(n_inputs).split(_TILE)


def relative(figure: Interval, level: float, rounding: float = SAME) -> Interval:
    """Return 1 - figure / level; where the level is zero 1 if the figure is, up to rounding, else -inf."""
    if level <= 0:
        return exactly(1.0) if figure.value <= max(rounding, SAME) else exactly(-float("inf"))
    return figure.mapped(-1 / level, 1.0)


def recovered(scrubbed: Interval, model_loss: float, baseline_loss: float) -> Interval:
    """Return (scrubbed - baseline) / (model - baseline); undefined where the two levels are equal."""
    gap = model_loss - baseline_loss
    if abs(gap) <= 1e-12 * max(1.0, abs(baseline_loss)):
        return Interval(value=float("nan"), low=float("-inf"), high=float("inf"))
    return scrubbed.mapped(1 / gap, -baseline_loss / gap)
