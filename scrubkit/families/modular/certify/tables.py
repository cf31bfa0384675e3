"""The certificate's figures that are not one number: per frequency, per head, per neuron, and the spectra."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from scrubkit.families.modular.certify.findings import Findings

DIGITS = 6
"""Significant digits kept of long lists, so that a model's JSON file stays small."""


def list_tables(found: Findings) -> dict[str, Any]:
    """Return the tables as plain JSON values."""
    spectra = found.frequencies
    tables: dict[str, Any] = {
        "read_from": "neurons" if found.clusters else "logits",
        "frequencies": [frequency_row(found, k) for k in found.key],
        "embedded": list(spectra.embedded),
        "unread": [k for k in spectra.embedded if k not in found.key],
        "faint": list(spectra.faint),
        "heads": [asdict(head) for head in found.heads],
        "spectra": {
            "embedding": shorten(spectra.embedding_share.tolist()),
            "map": shorten(spectra.map_share.tolist()),
            "signal": shorten(spectra.signal_share.tolist()),
            "logits": shorten(spectra.logit_share.tolist()),
        },
    }
    if found.clusters:
        tables["neurons"] = {
            "frequency": found.clusters.frequency.tolist(),
            "purity": shorten(found.clusters.purity.tolist()),
            "writes": found.clusters.writes.tolist(),
        }
    return tables


def frequency_row(found: Findings, k: int) -> dict[str, Any]:
    """Return the figures of one key frequency."""
    spectra = found.frequencies
    cluster = found.cluster_fits.get(k)
    return {
        "frequency": k,
        "neurons": len(found.members.get(k, ())),
        "alpha": found.alpha[k],
        "map_share": float(spectra.map_share[k - 1]),
        "signal_share": float(spectra.signal_share[k - 1]),
        "logit_share": float(spectra.logit_share[k - 1]),
        "embedding_share": float(spectra.embedding_share[k - 1]),
        "cluster": asdict(cluster) if cluster else None,
        "logits": asdict(found.logit_fits[k]),
    }


def shorten(values: list[float]) -> list[float]:
    """Return the values rounded to a few significant digits."""
    return [float(f"{value:.{DIGITS}g}") for value in values]
