"""Statistical tests of a circuit, after Shi et al. 2024, "Hypothesis Testing the Circuit Hypothesis in LLMs".

arXiv:2410.13032, with three corrections: permutation p values count the observed outcome (+1), the
tests of minimality are corrected for their number (Holm), and the test of equivalence is left out, since its
null hypothesis is what should be shown. `published_tests` has them as they are.

s is the logit difference of an input; d(M, C) is the mean |s_M - s_C|.

- *sufficiency*: T = #{d(M, C) <= d(M, C_r)} over random circuits C_r of the same size; the circuit must
  beat more
  than a share `QUANTILE` of them (binomial test);
- *minimality*: removing a part must change s more than removing a random part that was added to the circuit;
- *independence*: without the circuit, s must be independent of the model's s (HSIC, permutation test).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from scipy import stats
from torch import Tensor

from scrubkit import Answer, Bound, Budget, Hypothesis, Model, Part, Task, bind
from scrubkit.methods.checks import ALPHA, holm_levels, p_above
from scrubkit.methods.peers import permuted, random_peer

SIZE = 256
RANDOM_CIRCUITS = 32
QUANTILE = 0.9
PERMUTATIONS = 199
ROUNDING = 1e-3
"""Share of the spread of the scores below which a change may be rounding."""


@dataclass(frozen=True)
class CircuitTests:
    """Supported where the circuit is sufficient and minimal and its complement is independent of the model.

    The score is the mean of the share of random circuits beaten, the share of parts that are needed, and
    whether independence stands.

    Attributes:
        device: where models are run.
    """

    device: str = "cpu"
    name = "circuit-tests"

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Run the three tests."""
        bound = bind(model, hypothesis, task=task, device=self.device)
        runs, parts = Circuits(bound, generator), bound.circuit
        distance = runs.distance(parts)
        beaten = sum(distance <= runs.distance(runs.random_circuit()) for _ in range(RANDOM_CIRCUITS))
        sufficient = stats.binomtest(beaten, RANDOM_CIRCUITS, QUANTILE, alternative="greater").pvalue <= ALPHA
        p_values = [runs.p_needed(i) for i in range(len(parts))]
        needed = [p <= level for p, level in zip(p_values, holm_levels(p_values), strict=True)]
        p_independent = hsic_p(runs.without(parts), runs.full, generator)
        independent = p_independent > ALPHA
        passed = sufficient and all(needed) and independent
        share_needed = sum(needed) / len(needed) if needed else 0.0
        score = (beaten / RANDOM_CIRCUITS + share_needed + independent) / 3
        notes = (
            f"beats {beaten} of {RANDOM_CIRCUITS} random circuits; {sum(needed)} of {len(parts)} parts "
            f"needed; independence p {p_independent:.3g}",
        )
        return Answer(score, None, "supported" if passed else "refuted", bound.evaluations, notes)


class Circuits:
    """Scores of inputs with parts of the model kept or removed; the rest comes from one other input."""

    def __init__(self, bound: Bound, generator: torch.Generator, size: int = SIZE) -> None:
        self.bound = bound
        self.generator = generator
        self.rows = bound.sample(size, generator)
        self.others = bound.others(self.rows, generator)
        self.full = self.without([])
        self.circuit = self.kept(bound.circuit)

    def without(self, removed: Sequence[Part]) -> Float[Tensor, " item"]:
        """Return the scores with some parts removed."""
        output = self.bound.ablated(self.rows, lambda part: self.bound.read(part, self.others), removed)
        return self.bound.lead(output, self.rows).cpu()

    def kept(self, parts: Sequence[Part]) -> Float[Tensor, " item"]:
        """Return the scores with only these parts kept."""
        return self.without(self.bound.complement(parts))

    def distance(self, parts: Sequence[Part]) -> float:
        """Return d(M, C)."""
        return float((self.full - self.kept(parts)).abs().mean())

    def change(self, parts: Sequence[Part]) -> float:
        """Return the mean change of the scores from the circuit's to those with other parts kept."""
        return float((self.kept(parts) - self.circuit).abs().mean())

    def random_circuit(self) -> list[Part]:
        """Return a circuit of the same size and shape with the units of each hook permuted."""
        return permuted(self.bound, self.bound.circuit, self.generator)

    def p_needed(self, i: int) -> float:
        """Return the p value of "removing this part changes no more than removing a random added one"."""
        parts = self.bound.circuit
        effect = (self.circuit - self.kept([part for j, part in enumerate(parts) if j != i])).abs()
        floor = torch.full_like(effect, ROUNDING * float(self.full.std()))
        peer = random_peer(self.bound, parts[i], parts, self.generator)
        if peer is None:
            return p_above(effect, floor)
        return p_above(effect, (self.kept([*parts, peer]) - self.circuit).abs() + floor)


def hsic_p(one: Float[Tensor, " item"], other: Float[Tensor, " item"], generator: torch.Generator) -> float:
    """Return the permutation p value of independence by the Hilbert-Schmidt criterion, (1 + #) / (1 + n).

    Gaussian kernels with the median distance as bandwidth: Gretton et al. 2007, "A Kernel Statistical Test of
    Independence".

    Args:
        one: a score of each item.
        other: another score of the same items.
        generator: source of the permutations, on the CPU.
    """
    first, second = _kernel(one), _kernel(other)
    first = first - first.mean(dim=0, keepdim=True) - first.mean(dim=1, keepdim=True) + first.mean()
    observed = float((first * second).sum())
    at_least = 0
    for _ in range(PERMUTATIONS):
        order = torch.randperm(len(one), generator=generator)
        at_least += float((first * second[order][:, order]).sum()) >= observed - 1e-12
    return (1 + at_least) / (1 + PERMUTATIONS)


def _kernel(values: Float[Tensor, " item"]) -> Float[Tensor, "item item"]:
    squares = (values[:, None] - values[None, :]).square()
    width = squares.median()
    return torch.exp(-squares / (2 * width)) if width > 0 else torch.ones_like(squares)
