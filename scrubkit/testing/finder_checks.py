"""Conformance checks of finders: how a method that ranks sites or edges has to behave."""

from __future__ import annotations

import torch

from scrubkit.methods.protocol import Importances
from scrubkit.testing.bench import Bench, close
from scrubkit.testing.failures import CheckSkipped
from scrubkit.testing.subjects import other_model, small_model


def importances_are_valid(bench: Bench) -> None:
    """The answer is `Importances` that are finite and name at least one site or edge, in time."""
    bench.find(small_model())


def same_seed_same_importances(bench: Bench) -> None:
    """The same generator gives the same answer, whatever the global random state is."""
    first, _ = bench.find(small_model(), world=1)
    again, _ = bench.find(small_model(), world=2)
    bench.require(
        same(first, again),
        "other importances the second time",
        "the same importances from a generator with the same seed",
        ("why", "randomness must come from the `generator` that find() is given, and from nowhere else"),
    )


def model_is_untouched_by_find(bench: Bench) -> None:
    """Weights, inputs and bridge come back as they were, and no hook is left behind."""
    for model in (small_model(), other_model()):
        _, changes = bench.find(model)
        bench.require(not changes, f"changed: {', '.join(changes[:4])}", "the model as it was handed out")


def finds_in_another_model(bench: Bench) -> None:
    """Another modulus, algorithm, width and number of heads are no obstacle."""
    bench.find(other_model())


def finds_on_another_device(bench: Bench) -> None:
    """A model whose weights are on a GPU is answered about."""
    if not torch.cuda.is_available():
        raise CheckSkipped("there is no CUDA device here")
    model = small_model()
    bench.find(model.with_(weights=model.weights.to(device="cuda")))


def same(one: Importances, other: Importances) -> bool:
    """Say whether two answers are the same but for rounding."""
    if one.sites.keys() != other.sites.keys() or one.edges.keys() != other.edges.keys():
        return False
    return close(list(one.sites.values()), [other.sites[key] for key in one.sites]) and close(
        list(one.edges.values()), [other.edges[key] for key in one.edges]
    )


CHECKS = (
    importances_are_valid,
    same_seed_same_importances,
    model_is_untouched_by_find,
    finds_in_another_model,
    finds_on_another_device,
)
"""All checks of finders, in the order in which they are made."""
