"""The models of a suite: which are compiled, loaded and trained, decided by the suite's seed alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from scrubkit.bench.case import ModelSpec
from scrubkit.families.modular.compile import VARIANTS

PLANTED = {
    "pizza": {"decoy_neurons": 6, "decoy_heads": 1, "cancelling_heads": 1},
    "clock-torus": {"decoy_neurons": 6, "decoy_heads": 1, "redundant_heads": 1},
    "clock-attention": {"decoy_heads": 2},
}
"""Distractors planted by variant; a dead frequency is added to each."""

NOISE = {"pizza": 0.02, "clock-torus": 0.02, "clock-attention": 0.001}
"""Noise of hidden models by variant; clock-attention subtracts large terms, which noise leaves over."""


@dataclass(frozen=True)
class Entry:
    """A model of a suite.

    Attributes:
        spec: how to get it.
        variant: what it is called in case names and reports.
        p: modulus.
        other: another seed of the same kind, whose truth is false of this one.
        memoriser: it has not learned the task, and hypotheses follow from `other`'s truth.
    """

    spec: ModelSpec
    variant: str
    p: int
    other: ModelSpec | None = None
    memoriser: bool = False


def compiled(
    p: int, rng: np.random.Generator, *, planted: bool = False, disguised: bool = False
) -> Iterator[Entry]:
    """Yield one model of every variant, with frequencies of its own, and a twin with others."""
    for variant in VARIANTS:
        least, most = (2, 3) if p < 53 else (3, 3) if variant == "clock-attention" else (3, 4)
        count = int(rng.integers(least, most + 1))
        specs = []
        for _ in range(2):
            # A dead frequency must not be one that clock-attention reads as twice another.
            keys = sorted(rng.choice(np.arange(1, p // 2 + 1), count, replace=False).tolist())
            doubled = {min(2 * k % p, -2 * k % p) for k in keys}
            free = [k for k in range(1, p // 2 + 1) if k not in doubled | set(keys)]
            options: dict[str, object] = {"variant": variant, "p": p, "frequencies": keys}
            if planted:
                options["distractors"] = {"dead_frequencies": [int(rng.choice(free))], **PLANTED[variant]}
            if disguised:
                options |= {
                    "rotate": True,
                    "permute": True,
                    "noise": NOISE[variant],
                    "seed": int(rng.integers(2**31)),
                }
            specs.append(ModelSpec(kind="compile", options=options))
        marks = ("-planted" if planted else "") + ("-hidden" if disguised else "")
        yield Entry(specs[0], variant + marks, p, specs[1])


def trained(p: int, seeds: list[int]) -> Iterator[Entry]:
    """Yield trained models, each with the next one as the other seed."""
    specs = [ModelSpec(kind="train", options={"p": p, "seed": seed}) for seed in seeds]
    for spec, other in zip(specs, [*specs[1:], specs[0]], strict=True):
        yield Entry(spec, "trained", p, other if other != spec else None)


def memorisers(p: int, seeds: list[int], other: ModelSpec) -> Iterator[Entry]:
    """Yield models that know their training inputs and nothing else: no weight decay, and early to stop."""
    recipe = {"name": "memorise", "learning_rate": 3e-3, "weight_decay": 0.0, "max_steps": 400}
    for seed in seeds:
        spec = ModelSpec(kind="train", options={"p": p, "seed": seed, "recipe": recipe})
        yield Entry(spec, "memoriser", p, other, memoriser=True)


def along_a_run(p: int, seed: int, count: int) -> Iterator[Entry]:
    """Yield the models along one training run; hypotheses follow from the truth of its last."""
    options = {"p": p, "seed": seed, "trajectory": count}
    last = ModelSpec(kind="checkpoint", options={**options, "index": count - 1})
    for index in range(count - 1):
        spec = ModelSpec(kind="checkpoint", options={**options, "index": index})
        yield Entry(spec, "checkpoint", p, last, memoriser=True)
    yield Entry(last, "checkpoint", p)


def fast(seed: int) -> Iterator[Entry]:
    """Yield the models of ``fast``: small and compiled, with the small trained one of the package."""
    rng = np.random.default_rng([seed, 1])
    for p in (13, 19):
        yield from compiled(p, rng)
    yield from compiled(23, rng, planted=True)
    yield from compiled(29, rng, planted=True, disguised=True)
    yield from compiled(31, rng, disguised=True)
    yield Entry(ModelSpec(kind="load", options={"name": "modadd-p59"}), "trained", 59)


def standard(seed: int) -> Iterator[Entry]:
    """Yield the models of ``standard``."""
    rng = np.random.default_rng([seed, 2])
    for p, times in ((53, 3), (59, 3), (97, 1), (113, 1)):
        for _ in range(times):
            yield from compiled(p, rng)
            yield from compiled(p, rng, planted=True)
            yield from compiled(p, rng, disguised=True)
            yield from compiled(p, rng, planted=True, disguised=True)
    first = int(rng.integers(1000)) if seed else 0
    small = list(trained(59, list(range(first, first + 4))))
    yield from small
    yield from trained(53, list(range(first, first + 4)))
    yield from memorisers(59, [first, first + 1], small[0].spec)
    yield from along_a_run(59, first + 4, 8)
