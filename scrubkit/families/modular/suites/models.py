"""The models of the suites: compiled from a request, trained, taken along a training run, or permuted.

Trained models are trained and certified once and kept under the user's cache folder, by the hash of their
description; so are the models along one training run.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from scrubkit.bench.case import ModelSpec
from scrubkit.errors import BenchError, ModelError
from scrubkit.families.modular.task import ModularTask
from scrubkit.families.modular.train.recipe import Recipe
from scrubkit.models.model import Model
from scrubkit.models.store import read, save
from scrubkit.models.trajectory import FOLDER, LOSSES, read_trajectory


def build(spec: ModelSpec, folder: Path) -> Model:
    """Return the model of a description.

    Args:
        spec: the description.
        folder: where trained models are kept.
    """
    options = dict(spec.options)
    if spec.kind == "compile":
        from scrubkit.families.modular.compile import compile_model

        return compile_model(**options)
    if spec.kind == "arranged":
        from scrubkit.families.modular.suites.arranged import build as arrange

        return arrange(options)
    if spec.kind == "permuted":
        return _permuted(folder / "permuted" / spec.key[:32], options, folder.parent)
    if spec.kind == "train":
        return _trained(folder / "trained" / spec.key[:32], options)
    return _checkpoint(folder / "runs", options)


def _trained(folder: Path, options: dict[str, Any]) -> Model:
    """Return a trained model with its certificate, from the cache or else trained now."""
    try:
        return read(folder)
    except ModelError:
        return _certified(_train(options), folder)


def _permuted(folder: Path, options: dict[str, Any], cache_dir: Path) -> Model:
    """Return a permuted model with a certificate of its own, from the cache or else made now."""
    from scrubkit.families.modular.suites.permuted import build as permute

    try:
        return read(folder)
    except ModelError:
        return _certified(permute(options, cache_dir), folder)


def _checkpoint(runs: Path, options: dict[str, Any]) -> Model:
    """Return a model along a training run; the whole run is kept when a model of it is first asked for."""
    index = options.pop("index")
    folder = runs / ModelSpec(kind="train", options=options).key[:32]
    if not (folder / FOLDER / LOSSES).is_file():
        # What a killed run left behind is begun anew: it takes a minute, and gives the same models.
        shutil.rmtree(folder, ignore_errors=True)
        _train(options, out=folder)
    steps = read_trajectory(folder).steps
    if not -len(steps) <= index < len(steps):
        raise BenchError(f"the run has {len(steps)} models along it; there is no number {index}")
    place = folder / FOLDER / steps[index].folder
    model = read(place)
    return model if model.certificate else _certified(model, place)


def _train(options: dict[str, Any], out: Path | None = None) -> Model:
    from scrubkit.families.modular.train.train import train

    options = dict(options)
    task = ModularTask(options.pop("task", "modular_addition"), options.pop("p"))
    if isinstance(options.get("recipe"), dict):
        options["recipe"] = Recipe(**options["recipe"])
    return train(task, device="cpu", out=out, **options)


def _certified(model: Model, folder: Path) -> Model:
    """Certify a model and keep it; a cache that cannot be written costs time and is no error."""
    from scrubkit.families.modular.certify.certificate import with_certificate

    certified = with_certificate(model)
    try:
        return read(save(certified, folder, overwrite=True))
    except ModelError:
        return certified
