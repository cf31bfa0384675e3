"""Conformance checks of scorers: how a method that judges hypotheses has to behave, right or wrong."""

from __future__ import annotations

import torch

from scrubkit.harness.exact_value import exact_value
from scrubkit.testing.bench import Bench, agree, alike, spelled
from scrubkit.testing.failures import CheckSkipped
from scrubkit.testing.subjects import (
    described,
    identity_claim,
    nothing_claim,
    operand_claim,
    other_model,
    permuted,
    renamed,
    small_model,
    sum_claim,
    tiny_model,
)

INTERVALS = 12
FEWEST_HOLDING = 8
"""Of 12 intervals of 95 % fewer than 8 hold their value once in 5,000 runs."""
DEVICE_TOLERANCE = 1e-3
"""Largest difference of a score between devices, relative and absolute, where no interval is stated."""


def answers_are_valid(bench: Bench) -> None:
    """Each answer is an `Answer` with a finite score and a known verdict, in time."""
    model = small_model()
    for claim in (sum_claim, operand_claim, identity_claim, nothing_claim):
        bench.score(model, claim(model))


def same_seed_same_score(bench: Bench) -> None:
    """The same generator gives the same answer, whatever the global random state is."""
    model = small_model()
    for claim in (sum_claim, operand_claim):
        first = bench.score(model, claim(model), world=1).answer
        again = bench.score(model, claim(model), world=2).answer
        bench.require(
            alike(first, again),
            f"{spelled(first)}, then {spelled(again)}",
            "the same answer from a generator with the same seed",
            ("why", "randomness must come from the `generator` that score() is given, and from nowhere else"),
        )


def model_is_untouched(bench: Bench) -> None:
    """Weights, inputs and bridge come back as they were, and no hook is left behind."""
    for model in (small_model(), other_model()):
        changes = bench.score(model, sum_claim(model)).changes
        bench.require(not changes, f"changed: {', '.join(changes[:4])}", "the model as it was handed out")


def hypothesis_is_untouched(bench: Bench) -> None:
    """The hypothesis comes back as it was."""
    model = small_model()
    told = bench.score(model, sum_claim(model))
    bench.require(not told.hypothesis_changed, "another hypothesis", "the hypothesis as it was handed out")


def node_names_do_not_matter(bench: Bench) -> None:
    """Renaming the nodes leaves the score as it is."""
    model = small_model()
    for claim in (sum_claim(model), operand_claim(model)):
        first, again = bench.score(model, claim).answer, bench.score(model, renamed(claim)).answer
        bench.require(
            agree(first, again),
            f"{spelled(first)}; with the nodes renamed {spelled(again)}",
            "the same score, or intervals that overlap: names are no part of the claim",
        )


def node_order_does_not_matter(bench: Bench) -> None:
    """Listing the nodes in another order leaves the score as it is."""
    model = small_model()
    for claim in (sum_claim(model), operand_claim(model)):
        first, again = bench.score(model, claim).answer, bench.score(model, permuted(claim)).answer
        bench.require(
            agree(first, again),
            f"{spelled(first)}; with the nodes in another order {spelled(again)}",
            "the same score, or intervals that overlap: the order is no part of the claim",
        )


def interval_holds_the_value(bench: Bench) -> None:
    """Stated 95 % intervals hold the score and, where `estimand` names the figure, its exact value."""
    model = tiny_model()
    claim = operand_claim(model)
    first = bench.score(model, claim).answer
    if first.interval is None:
        raise CheckSkipped("the method states no interval")
    exact = exact_value(getattr(bench.method, "estimand", None), model, claim)
    if exact is None:
        return
    slack = 1e-5 * max(1.0, abs(exact))
    intervals = [bench.score(model, claim, turn=turn).answer.interval for turn in range(INTERVALS)]
    holding = sum(i is not None and i[0] - slack <= exact <= i[1] + slack for i in intervals)
    bench.require(
        holding >= FEWEST_HOLDING,
        f"{holding} of {INTERVALS} intervals hold the exact value {exact:.6g}, such as {first.interval}",
        f"at least {FEWEST_HOLDING}: each is stated to hold it with 95 % confidence",
    )


def identity_is_not_refuted(bench: Bench) -> None:
    """Nothing speaks against the hypothesis that lets nothing be resampled: the output is the model's."""
    model = small_model()
    answer = bench.score(model, identity_claim(model)).answer
    bench.require(
        answer.verdict != "refuted",
        spelled(answer),
        "not refuted (untestable is best): both operands are kept, and the output is the model's own",
    )


def nothing_is_not_supported(bench: Bench) -> None:
    """The hypothesis that no input matters is false, and less true than the true one."""
    model = small_model()
    answer = bench.score(model, nothing_claim(model)).answer
    true = bench.score(model, sum_claim(model)).answer
    expected = "not supported: both operands are replaced at random, and the output with them"
    bench.require(answer.verdict != "supported", spelled(answer), expected)
    bench.require(
        answer.score < true.score,
        f"{spelled(answer)}; for the true hypothesis {spelled(true)}",
        "a lower score than for the true hypothesis: a larger score must mean truer",
    )


def works_on_another_model(bench: Bench) -> None:
    """Another modulus, algorithm, width and number of heads are no obstacle."""
    model = other_model()
    for claim in (sum_claim(model), operand_claim(model)):
        bench.score(model, claim)


def works_on_another_device(bench: Bench) -> None:
    """A model whose weights are on a GPU is scored as on the CPU."""
    if not torch.cuda.is_available():
        raise CheckSkipped("there is no CUDA device here")
    model = small_model()
    moved = model.with_(weights=model.weights.to(device="cuda"))
    first = bench.score(model, operand_claim(model)).answer
    again = bench.score(moved, operand_claim(model)).answer
    near = abs(first.score - again.score) <= DEVICE_TOLERANCE * max(1.0, abs(first.score))
    bench.require(
        near or agree(first, again),
        f"{spelled(first)} on the CPU, {spelled(again)} on {described(moved)} with weights on the GPU",
        "the same score, or intervals that overlap",
    )


CHECKS = (
    answers_are_valid,
    same_seed_same_score,
    model_is_untouched,
    hypothesis_is_untouched,
    node_names_do_not_matter,
    node_order_does_not_matter,
    interval_holds_the_value,
    identity_is_not_refuted,
    nothing_is_not_supported,
    works_on_another_model,
    works_on_another_device,
)
"""All checks of scorers, in the order in which they are made."""
