"""Certificates: the measurements that show which algorithm a model runs, each beside its threshold.

Everything is measured in float64 over all inputs of the task. Nothing is taken from a model's provenance
but the training split, which the excluded loss and the held-out loss need: key frequencies, clusters and
algorithm are read from the weights.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool

from scrubkit.families.modular.certify.algorithm import name_algorithm
from scrubkit.families.modular.certify.criteria import sentence
from scrubkit.families.modular.certify.findings import Findings, examine
from scrubkit.families.modular.certify.layout import lay_out
from scrubkit.families.modular.certify.measured_truth import measured_truth
from scrubkit.families.modular.certify.measurements import list_measurements
from scrubkit.families.modular.certify.tables import list_tables
from scrubkit.families.modular.task import modular
from scrubkit.families.modular.truth import ModularCertificate
from scrubkit.models.model import Model, require_model
from scrubkit.models.record import Measurement

FITTED = 1e-2
"""Loss, in nats, under which a model knows the inputs."""


def certify(model: Model, *, train_mask: Bool[np.ndarray, " input"] | None = None) -> ModularCertificate:
    """Measure a model and judge whether it runs the Fourier algorithm.

    Args:
        model: the model; its weights are not changed.
        train_mask: which of the task's inputs it was trained on, in the task's order. None takes the
            split from the provenance of a model that was trained here, and otherwise counts all
            inputs as training inputs.

    Returns:
        The certificate, with a reason for every threshold that was missed.

    Raises:
        ModelError: the mask has the wrong length, or the activations of all inputs do not fit in memory.
    """
    require_model(model)
    return issue(model, find(model, train_mask))


def with_certificate(model: Model, *, train_mask: Bool[np.ndarray, " input"] | None = None) -> Model:
    """Return the model with its certificate and, unless it has a truth by construction, the measured truth.

    Hypotheses that speak of frequencies and clusters can be asked of the model that is returned. One that
    misses a threshold gets its certificate, with the reasons, and no truth.

    Args:
        model: the model; it is not changed.
        train_mask: as for `certify`.

    Raises:
        ModelError: as for `certify`.
    """
    require_model(model)
    found = find(model, train_mask)
    certificate = issue(model, found)
    if model.truth is not None and model.truth.source == "construction":
        return model.with_(certificate=certificate)
    truth = measured_truth(modular(model), found) if certificate.certified else None
    return model.with_(certificate=certificate, truth=truth)


@torch.no_grad()
def find(model: Model, train_mask: Bool[np.ndarray, " input"] | None) -> Findings:
    """Run the model on all inputs and look for its frequencies and clusters."""
    return examine(lay_out(model, trained_on(model) if train_mask is None else train_mask))


@torch.no_grad()
def issue(model: Model, found: Findings) -> ModularCertificate:
    """Put every figure beside its threshold and draw the verdict."""
    measurements = list_measurements(found)
    reasons = tuple(explain(measurements))
    return ModularCertificate(
        certified=not reasons,
        algorithm=name_algorithm(found),
        reasons=reasons,
        frequencies=found.key,
        clusters=found.members,
        measurements=measurements,
        tables=list_tables(found),
        weights_hash=model.weights_hash,
    )


def trained_on(model: Model) -> Bool[np.ndarray, " input"] | None:
    """Return the training inputs of a model that was trained here, None for any other."""
    fraction, seed = model.provenance.recipe.get("train_fraction"), model.provenance.seed
    if model.provenance.kind != "trained" or not isinstance(fraction, float) or seed is None:
        return None
    return model.task.split(fraction, seed)


def explain(measurements: tuple[Measurement, ...]) -> list[str]:
    """Return a sentence for every threshold that was missed, headed by memorisation where that is plain."""
    missed = [sentence(m) for m in measurements if not m.passed]
    value = {m.name: m.value for m in measurements}
    if "held_out_loss" in value and value["train_loss"] <= FITTED < value["held_out_loss"]:
        ratio = value["held_out_loss"] / max(value["train_loss"], 1e-12)
        how = "has memorised" if value["held_out_loss"] >= 1 else "has memorised in part"
        missed.insert(
            0,
            f"The model {how}: its loss is {value['train_loss']:.2g} nats on the inputs that it was "
            f"trained on and {value['held_out_loss']:.2g}, {ratio:.0f} times as much, on the others.",
        )
    return missed
