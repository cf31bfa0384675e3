"""What the controls of `text_only` are trained on: ``python -m scrubkit.methods.blind.training``.

Features of the cases of two held-out draws of ``programs-fast`` come with the package, as numbers, so that a
control is fitted in a second.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from scrubkit.bench.case import Case
from scrubkit.bench.models import build
from scrubkit.bench.suites import held_out
from scrubkit.hypothesis import from_json
from scrubkit.methods.blind.spectra import spectra
from scrubkit.methods.blind.text_features import text_features
from scrubkit.subjects.sites import Sites

SUITE, SEEDS = "programs-fast", (101, 102)
FILE = Path(__file__).parent / "data" / "text_only.npz"


@dataclass(frozen=True)
class Examples:
    """Cases as numbers.

    Attributes:
        text: what is seen of each hypothesis.
        spectra: what is seen of its model's weights.
        true: whether it is true of the model.
    """

    text: Float[np.ndarray, "case column"]
    spectra: Float[np.ndarray, "case figure"]
    true: Bool[np.ndarray, " case"]


def examples(cases: Sequence[Case]) -> Examples:
    """Return the true and false cases of a suite as a control sees them."""
    text, weights, true = [], [], []
    seen: dict[str, np.ndarray] = {}
    for case in cases:
        if case.label.label not in ("true", "false"):
            continue
        model = build(case.model)
        if case.model.key not in seen:
            seen[case.model.key] = spectra(model)
        sites, claim = Sites.of(model), from_json(json.dumps(case.hypothesis), title=case.id)
        stripped = claim.stripped(lambda site, s=sites, c=claim: s.part(site, c.subspaces))
        text.append(text_features(stripped, model.task))
        weights.append(seen[case.model.key])
        true.append(case.label.label == "true")
    return Examples(np.array(text), np.array(weights), np.array(true))


def load_examples() -> Examples:
    """Return the examples that come with the package."""
    with np.load(FILE, allow_pickle=False) as arrays:
        return Examples(arrays["text"].astype(float), arrays["spectra"].astype(float), arrays["true"])


def make_examples() -> None:
    """Make the examples anew and write them into the package."""
    found = examples([case for seed in SEEDS for case in held_out(SUITE, seed).cases])
    FILE.parent.mkdir(exist_ok=True)
    text, weights = found.text.astype(np.float32), found.spectra.astype(np.float32)
    np.savez_compressed(FILE, text=text, spectra=weights, true=found.true)


if __name__ == "__main__":
    make_examples()
