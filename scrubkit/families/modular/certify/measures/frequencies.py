"""Key frequencies: those that carry the map from neurons to logits.

Two shares are held together. The share of W_L's power says how much of the map is at a frequency;
weighting each neuron's row by its variance says how much of the *signal* is. A key frequency passes both.
One that passes only the first is faint: training leaves remnants of circuits that lost, whose weights are
there and whose signal is not. Where the neurons carry less than half of the logits, as in a clock built
of attention alone, the logits are read instead. The embedding's own frequencies are reported apart: a
frequency may be embedded and never read.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from scrubkit.families.modular.certify.layout import Layout
from scrubkit.families.modular.certify.measures.logits import centred_logits, logit_profile
from scrubkit.families.modular.certify.spectra import frequency_power

MAP_SHARE = 0.02
"""Least share of W_L's power at a key frequency."""

SIGNAL_SHARE = 0.01
"""Least share of the activity-weighted power at a key frequency.

In the trained models that were looked at a frequency had .03 and more, or .004 and less."""

EMBEDDED_SHARE = 0.02
"""Least share of W_E's power at a frequency that counts as embedded."""

FIRING_SHARE = 0.01
"""A neuron that fires on a smaller share of the inputs serves single pairs, not a frequency."""

CARRIED_SHARE = 0.5
"""Where neurons carry a smaller share of the logits' variance, the logits are read without them."""


@dataclass(frozen=True)
class KeyFrequencies:
    """The key frequencies and the spectra that they were read from; entry k - 1 is frequency k.

    Attributes:
        key: key frequencies, ascending.
        by_neurons: whether they were read from W_L rather than from the logits.
        neuron_share: share of the logits' variance that the neurons carry.
        map_share: share of W_L's power over classes.
        signal_share: the same with each neuron weighted by its variance.
        logit_share: share of the power of the mean logit as a function of a + b - c.
        embedding_share: share of W_E's power over tokens.
    """

    key: tuple[int, ...]
    by_neurons: bool
    neuron_share: float
    map_share: Float[Tensor, " frequency"]
    signal_share: Float[Tensor, " frequency"]
    logit_share: Float[Tensor, " frequency"]
    embedding_share: Float[Tensor, " frequency"]

    @property
    def faint(self) -> tuple[int, ...]:
        """Frequencies that W_L holds and that carry next to no signal: remnants."""
        return (
            tuple(k for k in above(self.map_share, MAP_SHARE) if k not in self.key) if self.by_neurons else ()
        )

    @property
    def embedded(self) -> tuple[int, ...]:
        """Frequencies that the embedding holds, read or not."""
        return above(self.embedding_share, EMBEDDED_SHARE)


def find_key_frequencies(layout: Layout) -> KeyFrequencies:
    """Find the key frequencies of a model from its spectra over classes."""
    spectra = map_power(layout)
    signal = normalise((spectra * layout.post.var((0, 1))[:, None]).sum(0))
    written = normalise(spectra[fires(layout)].sum(0))
    spoken = normalise(frequency_power(logit_profile(layout)))
    share = share_by_neurons(layout)
    by_neurons = share >= CARRIED_SHARE
    if by_neurons:
        key = tuple(k for k in above(written, MAP_SHARE) if signal[k - 1] >= SIGNAL_SHARE)
    else:
        key = above(spoken, MAP_SHARE)
    embedding = normalise(frequency_power(layout.weights.W_E[layout.token_a].T).sum(0))
    return KeyFrequencies(key, by_neurons, share, written, signal, spoken, embedding)


def map_power(layout: Layout) -> Float[Tensor, "neuron frequency"]:
    """Return the power of each neuron's row of W_L at each frequency over classes."""
    return frequency_power(layout.neuron_to_logit)


def fires(layout: Layout) -> Bool[Tensor, " neuron"]:
    """Say which neurons fire on enough inputs to serve a frequency rather than single pairs."""
    return (layout.post > 0).double().mean((0, 1)) >= FIRING_SHARE


def share_by_neurons(layout: Layout) -> float:
    """Return the share of the logits' variance that comes through the neurons, from 0 to about 1."""
    written = layout.post @ layout.neuron_to_logit
    carried = (written - written.mean((0, 1))).square().sum()
    total = centred_logits(layout).square().sum()
    return float(carried / total) if total > 0 else 0.0


def normalise(power: Float[Tensor, " frequency"]) -> Float[Tensor, " frequency"]:
    """Return shares of the total, all zero where there is no power at all."""
    total = power.sum()
    return power / total if total > 0 else torch.zeros_like(power)


def above(share: Float[Tensor, " frequency"], least: float) -> tuple[int, ...]:
    """Return the frequencies whose share is at least the given one, ascending."""
    return tuple(i + 1 for i, value in enumerate(share.tolist()) if value >= least)
