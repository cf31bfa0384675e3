"""The certificate of a trained program: interchange accuracy, variable by variable, beside its threshold."""

from __future__ import annotations

import numpy as np
import torch

from scrubkit.families.programs.express import express
from scrubkit.families.programs.graph import Program
from scrubkit.families.programs.train.align import Place, align
from scrubkit.families.programs.train.interchange import answers, draw, interchanged
from scrubkit.families.programs.truth import ProgramTruth
from scrubkit.models.model import Model
from scrubkit.models.record import Certificate, Measurement, Statement

ACCURACY = 0.999
INTERCHANGE = 0.99
PAIRS = 20_000
"""Pairs of base and source for each variable."""
SEED = 25
"""Stream of the random generator that draws them; no step of a training does."""


def certify(model: Model, program: Program) -> Certificate:
    """Measure whether a model computes by a program's variables, at the places that it was trained to."""
    places = align(program)
    found = [
        Measurement(name="accuracy", value=_accuracy(model, program, ()), unit="share", at_least=ACCURACY)
    ]
    for place in places:
        value = _accuracy(model, program, (place,))
        note = "answers as the program's, with the variable at its value on another input"
        found.append(_share(f"interchange of {place.variable}", value, note))
    if len(places) > 1:
        value = _accuracy(model, program, places)
        found.append(_share("interchange of all", value, "each variable at its value on an input of its own"))
    reasons = tuple(
        f"{m.name} is {m.value:.4f}, and has to be at least {m.at_least}" for m in found if not m.passed
    )
    return Certificate(
        family="programs",
        certified=not reasons,
        algorithm=program.name,
        reasons=reasons,
        measurements=tuple(found),
        weights_hash=model.weights_hash,
    )


def with_certificate(model: Model, program: Program) -> Model:
    """Return a model with its certificate and, where it is certified, its truth."""
    certificate = certify(model, program)
    truth = measured_truth(model, program) if certificate.certified else None
    return model.with_(certificate=certificate, truth=truth)


def measured_truth(model: Model, program: Program) -> ProgramTruth:
    """Return where the variables of a trained program are; nothing is said to hold exactly."""
    places = align(program)
    sites = {name: f"hook_embed[pos={program.position[name]}]" for name in program.inputs}
    sites |= {place.variable: place.site for place in places}
    features = {name: express(program, name) for name in program.variables}
    eye = np.eye(model.config.d_model)
    computed = [n for n in program.computed if n in sites]
    # The answer itself is at no place but the logits, which read what it is computed from.
    ((_, answer),) = program.outputs.items()
    return ProgramTruth(
        family="programs",
        source="certificate",
        variant=program.name,
        statements=tuple(Statement(site=s, feature=features[n], of=n) for n, s in sites.items()),
        subspaces={place.variable: eye[list(place.dims)].tolist() for place in places},
        sites={name: {"subspace": site} for name, site in sites.items()},
        features={name: features[name] for name in sites},
        edges=tuple((p, n) for n in computed for p in program.variables[n].parents),
        outputs=program.variables[answer].parents,
    )


@torch.no_grad()
def _accuracy(model: Model, program: Program, places: tuple[Place, ...]) -> float:
    """Return how often the answer is the program's under an interchange of some places."""
    n = len(program.rows)
    rng = np.random.default_rng([SEED, *(place.dims[0] for place in places)])
    base, sources = draw(rng, n, places, PAIRS) if places else (np.arange(n), {})
    weights = model.weights.to(torch.float64)
    rows = {place: torch.from_numpy(value) for place, value in sources.items()}
    tokens = torch.from_numpy(program.tokens)
    found = interchanged(weights, model.config, tokens, torch.from_numpy(base), rows).argmax(dim=1).numpy()
    return float((found == answers(program, base, sources)).mean())


def _share(name: str, value: float, note: str) -> Measurement:
    return Measurement(name=name, value=value, unit="share", at_least=INTERCHANGE, note=note)
