"""Whether the models that a suite asks for can be made, and made within some memory, before any is made.

A suite may come from a stranger, and a description of fifty bytes can ask for a model of p = 1999, whose
logits over all inputs take 64 GB.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scrubkit.core.reading import validation_faults
from scrubkit.errors import ScrubkitError
from scrubkit.families.modular.compile.request import read_request

MAX_NUMBERS = 2**27
"""Most activations of a model over all inputs: a gigabyte in float64."""


class _Train(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    p: int
    task: str = "modular_addition"
    seed: int = Field(default=0, ge=0, lt=2**63)
    recipe: str | dict[str, Any] = "fast"
    train_fraction: float | None = Field(default=None, gt=0, lt=1)


class _Checkpoint(_Train):
    trajectory: int = Field(ge=1, le=1000)
    index: int = Field(ge=-1000, lt=1000)


_MODELS: Mapping[str, type[_Train]] = {"train": _Train, "checkpoint": _Checkpoint}


def option_faults(kind: str, options: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the options of a description of some kind."""
    if kind == "arranged":
        from scrubkit.families.modular.suites.arranged import option_faults as arranged_faults

        return arranged_faults(options)
    if kind == "permuted":
        from scrubkit.families.modular.suites.permuted import option_faults as permuted_faults

        return permuted_faults(options)
    if kind in _MODELS:
        try:
            return _too_large(_MODELS[kind].model_validate(dict(options)).p)
        except ValidationError as error:
            return validation_faults(error)
    try:
        request = read_request(dict(options))
    except ScrubkitError as error:
        return list(error.faults)
    return _too_large(request.p, request.d_mlp, request.d_model, request.n_heads, request.d_head)


def _too_large(
    p: int,
    d_mlp: int | None = None,
    d_model: int | None = None,
    heads: int | None = None,
    d_head: int | None = None,
) -> list[str]:
    """Refuse what would take gigabytes over all p * p inputs; sizes not given are those of the mainline."""
    if not 2 < p <= 2000:
        return [f"p must lie in 3 to 2000, found {p}"]
    width = (d_mlp or 512) + 4 * (d_model or 128) + 3 * (heads or 4) * (d_head or 32) + p
    if p * p * width <= MAX_NUMBERS:
        return []
    return [
        f"p = {p} with {width:,} activations an input takes {8 * p * p * width / 2**30:,.1f} GiB, and a "
        f"model of a suite may take {8 * MAX_NUMBERS / 2**30:.0f} GiB; choose a smaller p"
    ]
