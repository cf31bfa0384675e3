"""From a description to a model, the same one every time.

Every kind of description but three belongs to a family, which makes the model.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from scrubkit import registry
from scrubkit.bench.case import ModelSpec
from scrubkit.errors import BenchError, nearest
from scrubkit.models.family import Family
from scrubkit.models.load import cache_folder, load
from scrubkit.models.model import Model
from scrubkit.subjects.function_graph import FunctionGraph

KEPT = 4
"""How many models are kept in memory: cases of one model follow each other."""


def build(spec: ModelSpec, *, cache_dir: str | Path | None = None) -> Model:
    """Return the model of a description, with its truth where one is known.

    Args:
        spec: the description.
        cache_dir: where trained models are kept; by default ``$SCRUBKIT_CACHE``, or else the user's cache
        folder.

    Raises:
        ModelError: the model cannot be loaded, compiled or stored.
        TrainingError: the options of a training are wrong.
        BenchError: the description is of a function graph.
    """
    return _build(spec.model_dump_json(), str(cache_folder(cache_dir)))


def build_subject(spec: ModelSpec, *, cache_dir: str | Path | None = None) -> Model | FunctionGraph:
    """Return what a description is of, be it a model or a graph of functions.

    Args:
        spec: the description.
        cache_dir: as for `build`.

    Raises:
        ScrubkitError: as `build` does, or there is no such graph.
    """
    if spec.kind == "functions":
        from scrubkit.bench.graphs import find

        return find(spec.options["name"]).graph
    return build(spec, cache_dir=cache_dir)


@lru_cache(maxsize=KEPT)
def _build(description: str, cache_dir: str) -> Model:
    spec = ModelSpec.model_validate_json(description)
    if spec.kind == "load":
        return load(spec.options["name"], cache_dir=cache_dir)
    if spec.kind == "functions":
        raise BenchError(
            f"{spec.options.get('name')!r} is a function graph; build it with scrubkit.bench.graphs.find"
        )
    if spec.kind == "null":
        from scrubkit.bench.nulls import build_null

        return build_null(spec.options, Path(cache_dir))
    return family_of(spec.kind).build(spec.kind, spec.options, Path(cache_dir) / "benchmark")


def family_of(kind: str) -> Family:
    """Return the family that makes models of a kind of description; raises BenchError if there is none."""
    makers: dict[str, Family] = {}
    for name in registry.families():
        family = registry.family(name)
        makers = {**dict.fromkeys(family.kinds, family), **makers}
    if kind not in makers:
        known = ", ".join(("load", "functions", "null", *makers))
        raise BenchError(f"no models of kind {kind!r:.80}{nearest(kind, makers)}; there are {known}")
    return makers[kind]
