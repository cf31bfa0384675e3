"""All that is measured of one model, before any of it is judged."""

from __future__ import annotations

from dataclasses import dataclass

from scrubkit.families.modular.certify.layout import Layout
from scrubkit.families.modular.certify.measures.attention import Head, measure_heads
from scrubkit.families.modular.certify.measures.circularity import circularity
from scrubkit.families.modular.certify.measures.distance import distance_irrelevance
from scrubkit.families.modular.certify.measures.frequencies import KeyFrequencies, find_key_frequencies
from scrubkit.families.modular.certify.measures.logits import amplitudes
from scrubkit.families.modular.certify.measures.neurons import Clusters, find_clusters
from scrubkit.families.modular.certify.measures.planes import PlaneFit, cluster_plane, fit_plane, logit_plane
from scrubkit.families.modular.certify.measures.symmetricity import gradient_symmetricity


@dataclass(frozen=True)
class Findings:
    """What was found in a model.

    Attributes:
        layout: the activations that it was found in.
        frequencies: key frequencies and spectra.
        clusters: what each neuron computes, None where the neurons carry less than half of the logits.
        alpha: fitted amplitude of each key frequency, in nats.
        logit_fits: the formulas' fit to each plane of the logits.
        cluster_fits: their fit to what each cluster writes; empty where there are no clusters.
        heads: figures of each head.
        symmetricity: gradient symmetricity, None where it is not defined.
        irrelevance: distance irrelevance, None where it is not defined.
        circularity: of the embedding.
    """

    layout: Layout
    frequencies: KeyFrequencies
    clusters: Clusters | None
    alpha: dict[int, float]
    logit_fits: dict[int, PlaneFit]
    cluster_fits: dict[int, PlaneFit]
    heads: tuple[Head, ...]
    symmetricity: float | None
    irrelevance: float | None
    circularity: float

    @property
    def key(self) -> tuple[int, ...]:
        """The key frequencies, ascending."""
        return self.frequencies.key

    @property
    def members(self) -> dict[int, tuple[int, ...]]:
        """Neurons of each key frequency; empty where the model is read without its neurons."""
        return self.clusters.members if self.clusters else {}

    @property
    def fits(self) -> dict[int, PlaneFit]:
        """The formulas' fit at each key frequency, by cluster where there are clusters."""
        return self.logit_fits | self.cluster_fits


def examine(layout: Layout) -> Findings:
    """Find the key frequencies and clusters of a model and take every measure that has one value for each."""
    found = find_key_frequencies(layout)
    clusters = find_clusters(layout, found.key) if found.by_neurons else None
    members = clusters.members if clusters else {}
    return Findings(
        layout=layout,
        frequencies=found,
        clusters=clusters,
        alpha=amplitudes(layout, found.key),
        logit_fits={k: fit_plane(logit_plane(layout, k), k) for k in found.key},
        cluster_fits={k: fit_plane(cluster_plane(layout, own, k), k) for k, own in members.items() if own},
        heads=measure_heads(layout),
        symmetricity=gradient_symmetricity(layout),
        irrelevance=distance_irrelevance(layout),
        circularity=circularity(layout),
    )
