"""Progress measures: figures of one model along a run, taken with the frequencies of the run's last model.

The restricted loss keeps only the waves in a + b of those frequencies and falls as their circuit forms; the
excluded loss removes just these and rises. That both are asked of the frequencies the run ends with, at every
step, is what makes them measures of progress. Nanda et al. 2023, arXiv:2301.05217, section 5.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from scrubkit.families.modular.certify.certificate import trained_on
from scrubkit.families.modular.certify.layout import Layout, lay_out
from scrubkit.families.modular.certify.measures.ablations import excluded_loss, mean_loss, restricted_loss
from scrubkit.families.modular.certify.measures.frequencies import find_key_frequencies
from scrubkit.families.modular.certify.measures.gini import gini
from scrubkit.families.modular.certify.measures.logits import trig_share
from scrubkit.models.model import Model
from scrubkit.models.record import Measurement


@torch.no_grad()
def progress_measures(model: Model, key: Sequence[int]) -> tuple[Measurement, ...]:
    """Return the progress measures of one model, over all inputs and in float64.

    Args:
        model: a model along the run.
        key: key frequencies of the run's last model.

    Returns:
        The figures. Of the losses, excluded_loss is over the training inputs where these are known.
    """
    return tuple(_measures(model, lay_out(model, trained_on(model)), key))


def _measures(model: Model, layout: Layout, key: Sequence[int]) -> Iterator[Measurement]:
    if layout.train is not None:
        yield _nats("train_loss", mean_loss(layout, layout.logits, layout.train), "training inputs")
        yield _nats("test_loss", mean_loss(layout, layout.logits, ~layout.train), "held-out inputs")
    yield _nats("restricted_loss", restricted_loss(layout, key), "key frequencies alone, all inputs")
    where = "all inputs" if layout.train is None else "training inputs"
    yield _nats("excluded_loss", excluded_loss(layout, key), f"without the key frequencies, {where}")
    spectra = find_key_frequencies(layout)
    for name, share, what in (
        ("gini_embedding", spectra.embedding_share, "W_E"),
        ("gini_map", spectra.map_share, "W_L"),
    ):
        note = f"Gini coefficient of {what}'s norms over frequencies"
        yield Measurement(name=name, value=gini(share.sqrt()), note=note)
    yield Measurement(
        name="trig_share",
        value=trig_share(layout, key),
        unit="share",
        note="share of the logits that cos(w_k (a + b - c)) of the key frequencies explains",
    )
    squares = sum(float(w.double().square().sum()) for w in model.weights.named().values())
    yield Measurement(name="squared_weights", value=squares, note="sum of all squared weights")


def _nats(name: str, value: float, note: str) -> Measurement:
    return Measurement(name=name, value=value, unit="nats", note=f"loss, {note}")
