"""Statistical tests of a circuit, after Shi et al. 2024, "Hypothesis Testing the Circuit Hypothesis in LLMs".

arXiv:2410.13032, section 3, with three corrections: permutation p values count the observed outcome (+1), the
tests of minimality are corrected for their number (Holm), and the test of equivalence is left out, since its
null hypothesis is what should be shown. s is the logit difference of an input; d(M, C) is the mean |s_M -
s_C|.

- *sufficiency*: T = #{d(M, C) <= d(M, C_r)} over random circuits C_r of the same size; the circuit must
  beat more
  than a share `QUANTILE` of them (binomial test);
- *minimality*: removing a part must change s more than removing a random part that was added to the circuit;
- *independence*: without the circuit, s must be independent of the model's s (HSIC, permutation test).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from scipy import stats
from torch import Tensor

from scrubkit.core.architecture import EMBED, Architecture
from scrubkit.core.site import Part
from scrubkit.core.task import Task
from scrubkit.hypothesis import Hypothesis
from scrubkit.methods.checks import ALPHA, p_above
from scrubkit.methods.circuit import ablated, logit_difference, named_parts
from scrubkit.methods.peers import axes, random_peer
from scrubkit.methods.protocol import Answer, Budget
from scrubkit.models.model import Model
from scrubkit.scrubbing.complement import beside
from scrubkit.scrubbing.local import Sample, SampleSubject
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.scoring import Scorer

SIZE = 256
RANDOM_CIRCUITS = 32
QUANTILE = 0.9
PERMUTATIONS = 199
ROUNDING = 1e-3
"""Share of the spread of the scores below which a change may be rounding."""


class CircuitTests:
    """Supported where the circuit is sufficient and minimal and its complement is independent of the model.

    The score is the mean of the share of random circuits beaten, the share of parts that are needed, and
    whether independence stands.
    """

    name = "circuit-tests"

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Run the three tests."""
        subject = SampleSubject(Scorer.for_model(model, device="cpu").subject)
        parts = named_parts(bind(hypothesis, subject))
        runs = _Runs(subject, parts, model.labels, Sample.of(task.n_inputs, SIZE, generator), generator)
        distance = runs.distance(parts)
        beaten = sum(distance <= runs.distance(runs.random_circuit()) for _ in range(RANDOM_CIRCUITS))
        sufficient = stats.binomtest(beaten, RANDOM_CIRCUITS, QUANTILE, alternative="greater").pvalue <= ALPHA
        needed = rejected_by_holm([runs.p_needed(i, generator) for i in range(len(parts))])
        p_independent = hsic_p(runs.kept(parts, keep=False), runs.full, generator)
        independent = p_independent > ALPHA
        passed = sufficient and all(needed) and independent
        share_needed = sum(needed) / len(needed) if needed else 0.0
        score = (beaten / RANDOM_CIRCUITS + share_needed + independent) / 3
        notes = (
            f"beats {beaten} of {RANDOM_CIRCUITS} random circuits; {sum(needed)} of {len(parts)} parts "
            f"needed; independence p {p_independent:.3g}",
        )
        return Answer(score, None, "supported" if passed else "refuted", runs.count * SIZE, notes)


class _Runs:
    """Scores of inputs with parts of the model kept or removed; the rest comes from one other input."""

    def __init__(
        self,
        subject: SampleSubject,
        parts: Sequence[Part],
        labels: Tensor,
        sample: Sample,
        generator: torch.Generator,
    ) -> None:
        self.subject, self.parts, self.rows = subject, parts, sample.rows
        self.labels = labels[sample.rows]
        self.generator = generator
        self.hooks = list(dict.fromkeys(part.hook for part in parts))
        self.others = torch.randint(subject.n_inputs, self.rows.shape, generator=generator)
        self.count = 0
        self.full = self._scores([])
        self.circuit = self.kept(parts)

    def _scores(self, removed: Sequence[Part]) -> Float[Tensor, " item"]:
        self.count += 1
        logits = ablated(self.subject, self.rows, removed, lambda part: self.subject.clean(part, self.others))
        return logit_difference(logits, self.labels)

    def kept(self, parts: Sequence[Part], *, keep: bool = True) -> Float[Tensor, " item"]:
        """Return the scores with only these parts kept, or with only these removed."""
        return self._scores(beside(parts, self.hooks, self.subject.architecture) if keep else parts)

    def distance(self, parts: Sequence[Part]) -> float:
        """Return d(M, C)."""
        return float((self.full - self.kept(parts)).abs().mean())

    def random_circuit(self) -> list[Part]:
        """Return a circuit of the same size and shape with the units of each hook permuted."""
        return permuted(self.parts, self.subject.architecture, self.generator)

    def p_needed(self, i: int, generator: torch.Generator) -> float:
        """Return the p value of "removing this part changes no more than removing a random added one"."""
        without = self.kept([part for j, part in enumerate(self.parts) if j != i])
        effect = (self.circuit - without).abs()
        peer = random_peer(self.parts[i], self.parts, self.subject.architecture, generator)
        floor = torch.full_like(effect, ROUNDING * float(self.full.std()))
        if peer is None:
            return p_above(effect, floor)
        added = self.kept([*self.parts, peer])
        return p_above(effect, (added - self.circuit).abs() + floor)


def permuted(parts: Sequence[Part], architecture: Architecture, generator: torch.Generator) -> list[Part]:
    """Return parts with their heads, neurons, components and positions permuted; subspaces redrawn."""
    maps: dict[tuple[str, str], list[int]] = {}
    result = []
    for part in parts:
        changes: dict[str, object] = {}
        for axis, size in axes(part, architecture):
            own = getattr(part, axis)
            if own is None or (axis == "positions" and part.hook != EMBED):
                continue
            if (part.hook, axis) not in maps:
                maps[part.hook, axis] = torch.randperm(size, generator=generator).tolist()
            changes[axis] = tuple(sorted(maps[part.hook, axis][j] for j in own))
        moved = random_peer(part, (), architecture, generator) if part.basis is not None else None
        result.append(moved or replace(part, **changes))
    return result


def rejected_by_holm(p_values: Sequence[float]) -> list[bool]:
    """Say which null hypotheses Holm's step-down procedure rejects at level `ALPHA`."""
    rejected = [False] * len(p_values)
    for rank, i in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[i] > ALPHA / (len(p_values) - rank):
            break
        rejected[i] = True
    return rejected


def hsic_p(one: Float[Tensor, " item"], other: Float[Tensor, " item"], generator: torch.Generator) -> float:
    """Return the permutation p value of independence by the Hilbert-Schmidt criterion, (1 + #) / (1 + n).

    Gaussian kernels with the median distance as bandwidth: Gretton et al. 2007, "A Kernel Statistical Test of
    Independence".
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
