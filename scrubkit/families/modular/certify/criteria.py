"""The thresholds of a certificate, and the sentence that is said when one is missed.

Cleanly trained models have accuracy 1, 3 to 5 key frequencies, 70 % or more of their neurons on one of them,
and an excluded loss over that of a guess. A pure pizza has 81 % of its logits in the span of the clock's
formula. The thresholds lie between these and what memorising and half-trained models show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scrubkit.models.record import Measurement

NOTHING = 1e-9
"""A share under this is rounding error, and written as 0 %."""

FREQUENCY_FRACTION = 0.5
"""Largest share of all frequencies that may be key, where the task has more than a handful."""

HANDFUL = 3
"""So many may be key in any task."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One figure of the certificate.

    Attributes:
        label: the figure in words, as the subject of a sentence.
        unit: nats, share, count or empty.
        at_least: smallest value that passes, if there is one.
        at_most: largest value that passes, if there is one.
        blame: what it means when the threshold is missed.
    """

    label: str
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    blame: str = ""


CRITERIA: Mapping[str, Criterion] = {
    "accuracy": Criterion(
        "accuracy over all inputs", "share", at_least=0.999, blame="the model does not solve the task"
    ),
    "loss": Criterion(
        "loss over all inputs", "nats", at_most=1e-3, blame="the model is not sure of its answers"
    ),
    "train_loss": Criterion("loss on the training inputs", "nats"),
    "held_out_loss": Criterion(
        "loss on the held-out inputs", "nats", at_most=1e-3, blame="what was learned does not generalise"
    ),
    "minimum_margin": Criterion("smallest lead of the right logit over the next", "nats"),
    "key_frequencies": Criterion(
        "number of key frequencies",
        "count",
        at_least=1,
        blame="no small set of frequencies carries the answer",
    ),
    "neuron_share": Criterion("share of the logits' variance that comes through the neurons", "share"),
    "signal_residual": Criterion(
        "share of the neurons' signal to the logits that is at no key frequency",
        "share",
        at_most=0.02,
        blame="the neurons tell the logits something else beside",
    ),
    "map_residual": Criterion(
        "share of W_L's power that is at no key frequency",
        "share",
        at_most=0.1,
        blame="the map from neurons to logits is not sparse in frequency",
    ),
    "pure_neurons": Criterion("share of all neurons with 85 % of their variance at one frequency", "share"),
    "clustered_neurons": Criterion(
        "share of the writing neurons that are on one key frequency",
        "share",
        at_least=0.6,
        blame="the neurons have not settled into clusters",
    ),
    "smallest_cluster": Criterion(
        "number of neurons in the smallest cluster",
        "count",
        at_least=3,
        blame="a key frequency has no neurons",
    ),
    "trig_share": Criterion(
        "share of the logits' variance in the span of cos(w_k(a + b - c))",
        "share",
        at_least=0.75,
        blame="the logits are not the trigonometric formula",
    ),
    "formula_share": Criterion(
        "share of the logits' variance that the clock's and the pizza's formula explain together",
        "share",
        at_least=0.85,
        blame="neither formula accounts for the logits",
    ),
    "restricted_loss": Criterion(
        "loss with only the key frequencies' waves in a + b kept",
        "nats",
        at_most=1e-3,
        blame="the key frequencies do not suffice",
    ),
    "excluded_loss": Criterion(
        "loss with the key frequencies' waves in a + b removed",
        "nats",
        blame="the model does without its key frequencies",
    ),
    "formula_loss": Criterion(
        "loss of the pure formula with the fitted amplitudes",
        "nats",
        at_most=1e-3,
        blame="the formula itself does not solve the task",
    ),
    "clusters_only_loss": Criterion(
        "loss with the neurons outside the clusters held at their means",
        "nats",
        at_most=0.1,
        blame="the clusters alone do not give the answer",
    ),
    "skip_resampled_loss": Criterion(
        "loss with the skip path resampled",
        "nats",
        at_most=1e-2,
        blame="the path through the neurons alone does not give the answer",
    ),
    "skip_held_loss": Criterion(
        "loss with the skip path held at its mean",
        "nats",
        at_most=1e-2,
        blame="the path through the neurons alone does not give the answer",
    ),
    "skip_removed_loss": Criterion(
        "loss with the skip path set to zero",
        "nats",
        at_most=1e-2,
        blame="the path through the neurons alone does not give the answer",
    ),
    "gini_embedding": Criterion("Gini coefficient of W_E's norms by frequency", ""),
    "gini_map": Criterion("Gini coefficient of W_L's norms by frequency", ""),
    "attention_from_uniform": Criterion(
        "largest distance from uniform of the pattern of a head that writes", ""
    ),
    "attention_on_equals": Criterion('largest attention to "=" of a head that writes', "share"),
    "attention_explained": Criterion(
        "least share that one frequency explains of the pattern of a head that writes", "share"
    ),
    "gradient_symmetricity": Criterion("mean cosine of the logits' gradients by E_a and by E_b", ""),
    "distance_irrelevance": Criterion("spread of the right logit at fixed a - b over its total spread", ""),
    "circularity": Criterion("mean share at one frequency of the embedding's first four components", "share"),
    "least_clock_share": Criterion(
        "least share of a key frequency's signal that the clock's formula explains", "share"
    ),
    "least_pizza_share": Criterion(
        "least share of a key frequency's signal that the pizza's formula explains", "share"
    ),
}
"""Every figure by the name of its measurement, in the order in which they are shown."""


def most_frequencies(order: int) -> int:
    """Return how many key frequencies a model on a group of this order may have."""
    return max(HANDFUL, int(order // 2 * FREQUENCY_FRACTION))


def measure(name: str, value: float, **thresholds: float | None) -> Measurement:
    """Return a figure with its thresholds; those that depend on the model's size are given here."""
    criterion = CRITERIA[name]
    limits = {"at_least": criterion.at_least, "at_most": criterion.at_most} | thresholds
    return Measurement(name=name, value=float(value), unit=criterion.unit, note=criterion.label, **limits)


def sentence(missed: Measurement) -> str:
    """Say which threshold a figure missed and what that means."""
    if missed.at_least is not None and not missed.value >= missed.at_least:
        limit = f"at least {spell(missed.at_least, missed.unit)} is needed"
    else:
        limit = f"at most {spell(missed.at_most or 0.0, missed.unit)} is allowed"
    value = spell(missed.value, missed.unit)
    return f"The {missed.note} is {value}, and {limit}: {CRITERIA[missed.name].blame}."


def spell(value: float, unit: str) -> str:
    """Return a figure as text with its unit."""
    if unit == "share":
        return f"{100 * value:.4g} %" if abs(value) > NOTHING else "0 %"
    if unit == "count":
        return f"{value:.0f}"
    return f"{value:.3g} {unit}".strip()
