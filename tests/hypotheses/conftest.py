"""Small compiled models, and the folder of hypotheses."""

from functools import cache
from pathlib import Path

import pytest

from scrubkit.families.modular.compile import compile_model
from scrubkit.models.model import Model

FOLDER = Path(__file__).parents[2] / "hypotheses"
FILES = sorted((FOLDER / "modular_addition").rglob("*.py"))
VARIANTS = ("pizza", "clock-torus", "clock-attention")


@cache
def compiled(variant: str) -> Model:
    """Return a small model of a variant: p = 17, with waves that tell neighbours apart."""
    return compile_model(variant=variant, p=17, frequencies=(3, 7))


@pytest.fixture
def pizza() -> Model:
    return compiled("pizza")
