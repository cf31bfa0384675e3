"""The models of the suites: a variant of a base by description, compiled in the style of the base."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scrubkit.core.reading import validation_faults
from scrubkit.errors import ProgramError
from scrubkit.families.programs.compile.compile import Compiled, compile_program
from scrubkit.families.programs.graph import Program
from scrubkit.families.programs.model import to_model
from scrubkit.families.programs.suites.arrangement import VARIANTS, arrangements, to_program
from scrubkit.families.programs.suites.base import Base, draw_base
from scrubkit.models.model import Model

KIND = "program"
"""Kind of description."""
TASK = "program"
"""Name of every task: that of a model must not tell it from its twins."""
CODE_SEEDS = 20
"""How many codes are tried until all variants of a base can be read back."""
SMALL: Mapping[str, int] = {"n_layers": 3, "d_model": 160, "n_heads": 4, "d_head": 8, "d_mlp": 384}
"""The one shape of small models."""
_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "rotated": {"codes": "rotated"},
    "superposed": {"codes": "superposed"},
    "LN": {"codes": "rotated", "normalization": "LN"},
    "planted": {"codes": "rotated"},
}


class ProgramSpec(BaseModel):
    """A model of a suite.

    Attributes:
        base: number of the base.
        style: how it is compiled.
        small: whether it has the one shape of `SMALL`.
        variant: number of the variant.
        codes: seed of the codes, which all variants share.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    base: int = Field(ge=0, lt=2**53)
    style: Literal["plain", "rotated", "superposed", "LN", "planted"]
    small: bool = False
    variant: int = Field(ge=0, lt=VARIANTS)
    codes: int = Field(default=0, ge=0, lt=CODE_SEEDS)


def option_faults(options: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a description."""
    try:
        ProgramSpec.model_validate(dict(options))
    except ValidationError as error:
        return validation_faults(error)
    return []


def build(options: Mapping[str, Any]) -> Model:
    """Return the model of a description."""
    spec = ProgramSpec.model_validate(dict(options))
    base, program = _base(spec.base, spec.style, spec.small), source(options)
    made = compile_variant(base, program, spec.codes, small=spec.small)
    return to_model(made, name=f"{spec.style}-{spec.base}-{spec.variant}")


def source(options: Mapping[str, Any]) -> Program:
    """Return the program of a description."""
    spec = ProgramSpec.model_validate(dict(options))
    base = _base(spec.base, spec.style, spec.small)
    return to_program(base, arrangements(base)[spec.variant], TASK)


def variants(base: Base) -> list[Program]:
    """Return all variants of a base."""
    return [to_program(base, on, TASK) for on in arrangements(base)]


def compile_all(base: Base, *, small: bool) -> tuple[int, list[Compiled]]:
    """Compile all variants of a base under one code.

    Returns:
        The seed of the code, and the variants.

    Raises:
        ProgramError: under none of the codes that were tried can all variants be read back.
    """
    programs = variants(base)
    for codes in range(CODE_SEEDS):
        try:
            return codes, [compile_variant(base, program, codes, small=small) for program in programs]
        except ProgramError:
            if codes + 1 == CODE_SEEDS:
                raise
    raise AssertionError("no code was tried")


def compile_variant(base: Base, program: Program, codes: int, *, small: bool) -> Compiled:
    """Compile one variant of a base."""
    last = base.n_ctx - 1
    causal = max(base.inputs) <= min(base.places) and base.places[0] <= base.places[1] <= last
    return compile_program(
        program,
        **_OPTIONS[base.style],
        attention="causal" if causal else "bidirectional",
        permute=True,
        seed=codes,
        **(SMALL if small else {}),
    )


@lru_cache(maxsize=4)
def _base(seed: int, style: str, small: bool) -> Base:
    return draw_base(seed, style, small=small)
