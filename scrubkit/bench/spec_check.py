"""Whether the models that a suite asks for can be made, before any is: a suite may come from a stranger."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scrubkit.bench.case import ModelSpec
from scrubkit.bench.models import family_of
from scrubkit.core.reading import validation_faults
from scrubkit.errors import ScrubkitError


class _Load(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(min_length=1, max_length=300)


def spec_faults(specs: Iterable[ModelSpec]) -> list[str]:
    """Return what is wrong with descriptions of models; each is looked at once."""
    distinct = {spec.key: spec for spec in specs}
    return [f"model {spec.kind:.80}: {fault}" for spec in distinct.values() for fault in _faults(spec)]


def _faults(spec: ModelSpec) -> list[str]:
    try:
        if spec.kind == "load":
            _Load.model_validate(spec.options)
            return []
        if spec.kind == "functions":
            from scrubkit.bench.graphs import find

            if set(spec.options) != {"name"} or not isinstance(spec.options["name"], str):
                return [f'its options are {{"name": NAME}}, found {str(spec.options)[:100]}']
            find(spec.options["name"])
            return []
        if spec.kind == "null":
            from scrubkit.bench.nulls import NullOptions

            of = NullOptions.model_validate(spec.options).of
            return ["is made of another null model"] if of.kind == "null" else _faults(of)
        return family_of(spec.kind).option_faults(spec.kind, spec.options)
    except ValidationError as error:
        return validation_faults(error)
    except ScrubkitError as error:
        return list(error.faults)
