"""The tests of a circuit as Shi et al. publish them.

Shi, Beltran-Velez, Nazaret, Zheng, Garriga-Alonso, Jesson, Makar and Blei 2024, "Hypothesis Testing the
Circuit Hypothesis in LLMs", arXiv:2410.13032. s is the logit difference of an input.

- *equivalence*: H0 is that circuit and model outdo each other equally often, |P(s_C > s_M) - 1/2| <=
  `MARGIN`; a circuit passes where a sign test does not reject;
- *independence*: H0 is that s without the circuit is independent of the model's s; a circuit passes where
  HSIC with permutations does not reject;
- *minimality*: H0 is that removing a part changes s no more than removing a random part that was added to
  the circuit, in a share `QUANTILE` of the draws; a part passes where a binomial test rejects, at ALPHA
  over the number of parts (Bonferroni).

Two further, flexible tests are in the notes: *sufficiency*, the circuit is nearer the model than a share
`QUANTILE` of random circuits of its size; *partial necessity*, removing it changes s more than removing as
many random circuits does.

The first two say "no difference was seen" and are passed by any circuit where inputs are few: that is why
`circuit_tests` departs from them. It leaves equivalence out, counts the observed outcome among the
permutations, pairs the minimality test over inputs, and corrects it by Holm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from scipy import stats

from scrubkit import Answer, Budget, Hypothesis, Model, Task, bind
from scrubkit.methods.checks import ALPHA
from scrubkit.methods.circuit_tests import ROUNDING, Circuits, hsic_p
from scrubkit.methods.peers import random_peer

MARGIN = 0.1
QUANTILE = 0.9
SPARE = 1.2
"""How many more random parts are drawn than the fewest with which a binomial test can reject."""
RANDOM_CIRCUITS = 40
SIZE = 256


@dataclass(frozen=True)
class PublishedTests:
    """Supported where all three ideal tests are passed; the score is the mean of what each passes.

    Attributes:
        device: where models are run.
        size: inputs that are drawn.
    """

    device: str = "cpu"
    size: int = SIZE
    name = "circuit-tests-published"

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Run the tests."""
        bound = bind(model, hypothesis, task=task, device=self.device)
        runs = Circuits(bound, generator, self.size)
        equivalent = equivalence_p(runs.circuit, runs.full) > ALPHA
        without = runs.without(bound.circuit)
        independent = hsic_p(without, runs.full, generator) > ALPHA
        passed = minimal_parts(runs, generator)
        randoms = [runs.random_circuit() for _ in range(RANDOM_CIRCUITS)]
        nearer = sum(runs.distance(bound.circuit) < runs.distance(parts) for parts in randoms)
        removed = float((without - runs.full).abs().mean())
        more = sum(removed > float((runs.without(p) - runs.full).abs().mean()) for p in randoms)
        minimal = sum(passed) / len(passed) if passed else 0.0
        share = (equivalent + independent + minimal) / 3
        notes = (
            f"equivalence {_said(equivalent)}, independence {_said(independent)}, minimality "
            f"{sum(passed)} of {len(passed)} parts",
            f"sufficiency {_said(above(nearer, RANDOM_CIRCUITS))}, partial necessity "
            f"{_said(above(more, RANDOM_CIRCUITS))}",
        )
        verdict = "supported" if equivalent and independent and all(passed) else "refuted"
        return Answer(share, verdict=verdict, evaluations=bound.evaluations, notes=notes)


def equivalence_p(circuit: torch.Tensor, full: torch.Tensor) -> float:
    """Return the p value of "each outdoes the other in a share within `MARGIN` of a half"; ties count half.

    Args:
        circuit: scores with the circuit alone.
        full: scores of the model.
    """
    n = len(full)
    above_it = float((circuit > full).sum()) + float((circuit == full).sum()) / 2
    share = above_it / n
    at = 0.5 + MARGIN if share > 0.5 else 0.5 - MARGIN
    side = "greater" if share > 0.5 else "less"
    return float(stats.binomtest(round(above_it), n, at, alternative=side).pvalue)


def above(count: int, n: int, level: float = ALPHA) -> bool:
    """Say whether a count is significantly above a share `QUANTILE` of n.

    Args:
        count: how many.
        n: of how many.
        level: of significance.

    Returns:
        Whether the one-sided binomial test rejects that share.
    """
    return bool(stats.binomtest(count, n, QUANTILE, alternative="greater").pvalue <= level)


def minimal_parts(runs: Circuits, generator: torch.Generator) -> list[bool]:
    """Say of each part whether removing it changes more than removing what was added at random.

    Args:
        runs: the circuit on its model.
        generator: source of the random parts, on the CPU.

    Returns:
        An answer for each part of the circuit, in its order.
    """
    parts = list(runs.bound.circuit)
    if not parts:
        return []
    level = ALPHA / len(parts)
    n = math.ceil(SPARE * math.log(level) / math.log(QUANTILE))
    added = []
    for i in torch.randint(len(parts), (n,), generator=generator).tolist():
        peer = random_peer(runs.bound, parts[i], parts, generator)
        added.append(0.0 if peer is None else runs.change([*parts, peer]))
    floor = ROUNDING * float(runs.full.std())
    passed = []
    for i in range(len(parts)):
        effect = runs.change([other for j, other in enumerate(parts) if j != i])
        passed.append(above(sum(effect > other + floor for other in added), n, level))
    return passed


def _said(passes: bool) -> str:
    return "passes" if passes else "fails"
