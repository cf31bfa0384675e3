"""The certificate's figures, each put beside its threshold."""

from __future__ import annotations

import math
from collections.abc import Iterator

from scrubkit.families.modular.certify.criteria import measure, most_frequencies
from scrubkit.families.modular.certify.findings import Findings
from scrubkit.families.modular.certify.layout import Layout
from scrubkit.families.modular.certify.measures.ablations import (
    accuracy,
    excluded_loss,
    formula_loss,
    mean_loss,
    minimum_margin,
    restricted_loss,
)
from scrubkit.families.modular.certify.measures.gini import gini
from scrubkit.families.modular.certify.measures.logits import trig_share
from scrubkit.families.modular.certify.measures.neurons import PURE
from scrubkit.families.modular.certify.measures.planes import formula_share
from scrubkit.families.modular.certify.measures.rest import clusters_only_loss
from scrubkit.families.modular.certify.measures.skip import cut_skip_path
from scrubkit.models.record import Measurement

OF_CHANCE = 0.9
"""The excluded loss must reach this share of ln n, the loss of a guess. An exact clock comes to 1."""


WRITES = 0.01
"""Least share of the variance that all heads write of a head that counts as writing."""


def list_measurements(found: Findings) -> tuple[Measurement, ...]:
    """Return every figure that applies to the model, in the order in which they are shown."""
    return (
        *performance(found.layout),
        *sparsity(found),
        *formula(found),
        *remainder(found),
        *attention(found),
        *mechanism(found),
    )


def performance(layout: Layout) -> Iterator[Measurement]:
    """Yield how well the model solves the task, apart for held-out inputs where the split is known."""
    yield measure("accuracy", accuracy(layout))
    yield measure("loss", mean_loss(layout, layout.logits))
    if layout.train is not None:
        yield measure("train_loss", mean_loss(layout, layout.logits, layout.train))
        yield measure("held_out_loss", mean_loss(layout, layout.logits, ~layout.train))
    yield measure("minimum_margin", minimum_margin(layout))


def sparsity(found: Findings) -> Iterator[Measurement]:
    """Yield how few frequencies carry the answer, and how many neurons serve one of them alone."""
    spectra, key = found.frequencies, [k - 1 for k in found.key]
    most = most_frequencies(found.layout.n)
    yield measure("key_frequencies", len(key), at_most=most)
    yield measure("neuron_share", spectra.neuron_share)
    if found.clusters:
        yield measure("signal_residual", max(0.0, 1 - float(spectra.signal_share[key].sum())))
        yield measure("map_residual", max(0.0, 1 - float(spectra.map_share[key].sum())))
        yield measure("pure_neurons", float((found.clusters.purity >= PURE).double().mean()))
        yield measure("clustered_neurons", found.clusters.share)
        yield measure("smallest_cluster", min(map(len, found.members.values()), default=0))
        yield measure("gini_map", gini(spectra.map_share.sqrt()))
    yield measure("gini_embedding", gini(spectra.embedding_share.sqrt()))


def formula(found: Findings) -> Iterator[Measurement]:
    """Yield how much of the logits the formula explains, and whether it suffices and is needed."""
    layout, key = found.layout, found.key
    yield measure("trig_share", trig_share(layout, key))
    yield measure("formula_share", formula_share(layout, found.logit_fits))
    yield measure("restricted_loss", restricted_loss(layout, key))
    yield measure("excluded_loss", excluded_loss(layout, key), at_least=OF_CHANCE * math.log(layout.n))
    yield measure("formula_loss", formula_loss(found.alpha, layout.n))


def remainder(found: Findings) -> Iterator[Measurement]:
    """Yield the loss without what the clusters do not account for: other neurons and the skip path.

    There is no threshold where the model is read without its neurons: then the skip path is the only one.
    """
    if found.clusters:
        yield measure("clusters_only_loss", clusters_only_loss(found.layout, found.members))
    cut = cut_skip_path(found.layout)
    free = {} if found.clusters else {"at_most": None}
    yield measure("skip_resampled_loss", cut.resampled, **free)
    yield measure("skip_held_loss", cut.held, **free)
    yield measure("skip_removed_loss", cut.removed, **free)


def attention(found: Findings) -> Iterator[Measurement]:
    """Yield the extremes over the heads that write; every head is in the certificate's tables."""
    heads = [head for head in found.heads if head.output_share >= WRITES]
    if heads:
        yield measure("attention_from_uniform", max(head.from_uniform for head in heads))
        yield measure("attention_on_equals", max(head.on_equals for head in heads))
    explained = [head.explained for head in heads if head.explained is not None]
    if explained:
        yield measure("attention_explained", min(explained))


def mechanism(found: Findings) -> Iterator[Measurement]:
    """Yield the figures that tell a clock from a pizza."""
    if found.symmetricity is not None:
        yield measure("gradient_symmetricity", found.symmetricity)
    if found.irrelevance is not None:
        yield measure("distance_irrelevance", found.irrelevance)
    yield measure("circularity", found.circularity)
    if found.fits:
        yield measure("least_clock_share", min(fit.clock for fit in found.fits.values()))
        yield measure("least_pizza_share", min(fit.pizza for fit in found.fits.values()))
