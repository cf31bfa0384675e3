"""Activation patching of a whole circuit, from the clean run into the corrupt one and the other way.

*Denoising* runs the corrupt input with the circuit's parts set to their values on the clean one: is what is
named enough? *Noising* runs the clean input with them set to their values on the corrupt one: does what is
named carry everything? Heimersheim and Nanda 2024, "How to use and interpret activation patching",
arXiv:2404.15255, section 2: denoising sees an OR of two parts as both enough, noising an AND as both needed,
and neither is the other turned round. Corrupt inputs are other inputs of the task (symmetric token
replacement) and the metric is the lead of the right logit, as Zhang and Nanda 2023 advise, arXiv:2309.16042.
Features are not looked at.

Where a later part is set, an earlier one no longer matters to it. So two cuts through the circuit are
patched, the parts that read nothing and those that the output reads, and the worse share counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from scrubkit import Answer, Bound, Budget, Hypothesis, Model, Part, Task, bind
from scrubkit.errors import ScrubError

SIZE = 2048
"""Pairs of a clean and a corrupt input at most."""


@dataclass(frozen=True)
class Denoising:
    """Share of the lead restored: (m(patched) - m(corrupt)) / (m(clean) - m(corrupt)), the less of both cuts.

    Attributes:
        device: where models are run.
        threshold: share from which the circuit is accepted; the papers set none, this is ours.
    """

    device: str = "cpu"
    name = "denoising"
    threshold = 0.95
    claims_minimality = False

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Patch the circuit and return the share."""
        bound = bind(model, hypothesis, task=task, device=self.device)
        if bound.architecture is None:
            _ = bound.right  # says in words that a graph of functions has no classes
        clean = bound.sample(min(SIZE, bound.n_inputs), generator)
        return Answer(self.share(bound, clean, bound.others(clean, generator)), evaluations=bound.evaluations)

    def share(self, bound: Bound, clean: torch.Tensor, corrupt: torch.Tensor) -> float:
        """Return the share on pairs of inputs."""
        return restored(bound, clean, corrupt, noising=False)


class Noising(Denoising):
    """Share of the lead lost: (m(clean) - m(patched)) / (m(clean) - m(corrupt))."""

    name = "noising"

    def share(self, bound: Bound, clean: torch.Tensor, corrupt: torch.Tensor) -> float:
        """Return the share on pairs of inputs."""
        return 1 - restored(bound, clean, corrupt, noising=True)


class SymmetricPatching(Denoising):
    """The smaller of both shares: the circuit has to be enough and to carry everything."""

    name = "symmetric-patching"

    def share(self, bound: Bound, clean: torch.Tensor, corrupt: torch.Tensor) -> float:
        """Return the smaller share on pairs of inputs."""
        lost = 1 - restored(bound, clean, corrupt, noising=True)
        return min(restored(bound, clean, corrupt, noising=False), lost)


def restored(bound: Bound, clean: torch.Tensor, corrupt: torch.Tensor, *, noising: bool) -> float:
    """Return where the lead of the worse cut lies between the corrupt run's, 0, and the clean one's, 1.

    Args:
        bound: the hypothesis on its model.
        clean: the inputs whose right answers are asked for.
        corrupt: another input for each.
        noising: run the clean inputs with corrupt parts, not the other way round.

    Raises:
        ScrubError: the model tells clean and corrupt inputs apart by nothing.
    """
    run, given = (clean, corrupt) if noising else (corrupt, clean)

    def lead(output: torch.Tensor) -> float:
        return float(bound.lead(output, clean).mean())

    low, high = lead(bound.clean(corrupt)), lead(bound.clean(clean))
    if high == low:
        raise ScrubError("the model gives clean and corrupt inputs the same lead: nothing can be restored")
    patched = [lead(bound.ablated(run, lambda part: bound.read(part, given), parts)) for parts in cuts(bound)]
    shares = [(value - low) / (high - low) for value in patched]
    return max(shares) if noising else min(shares)


def cuts(bound: Bound) -> list[list[Part]]:
    """Return the parts of the circuit that read nothing, and those that the root reads.

    Args:
        bound: the hypothesis on its model.
    """
    held, last = {part.key for part in bound.circuit}, set(bound.root.parents)
    first = [node.part for node in bound.mapped if not node.parents]
    both = [first, [node.part for node in bound.mapped if node.name in last]]
    return [[part for part in dict.fromkeys(parts) if part.key in held] for parts in both]
