"""scrubkit: test interpretability methods against models whose algorithm is known.

The names below are loaded when first used, so that ``import scrubkit`` loads neither torch nor
TransformerLens.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

_HOME = {
    "ScrubkitError": "scrubkit.errors",
    "Task": "scrubkit.task",
    "ModularAddition": "scrubkit.task",
    "ModularSubtraction": "scrubkit.task",
    "ModularMultiplication": "scrubkit.task",
    "Model": "scrubkit.models.model",
    "Truth": "scrubkit.models.record",
    "Certificate": "scrubkit.models.record",
    "load": "scrubkit.models.load",
    "save": "scrubkit.models.store",
    "train": "scrubkit.models.train",
    "train_many": "scrubkit.models.train",
    "compile_model": "scrubkit.models.compile",
    "certify": "scrubkit.truth.certificate",
    "Hypothesis": "scrubkit.hypothesis",
    "load_hypothesis": "scrubkit.hypothesis",
    "FunctionGraph": "scrubkit.scrub.function_graph",
    "Score": "scrubkit.scrub.score",
    "Margins": "scrubkit.scrub.score",
    "score": "scrubkit.scrub.scoring",
    "Scorer": "scrubkit.scrub.scoring",
    "BridgeScorer": "scrubkit.scrub.bridge_scorer",
    "scrub": "scrubkit.scrub.functions",
    "explain": "scrubkit.scrub.explain",
    "Answer": "scrubkit.methods.protocol",
    "Budget": "scrubkit.methods.protocol",
    "Importances": "scrubkit.methods.protocol",
    "validate": "scrubkit.harness.run",
}

__all__ = ["__version__", *_HOME]  # pyright: ignore[reportUnsupportedDunderAll]

if TYPE_CHECKING:
    from scrubkit.errors import ScrubkitError as ScrubkitError
    from scrubkit.models.compile import compile_model as compile_model
    from scrubkit.models.load import load as load
    from scrubkit.models.model import Model as Model
    from scrubkit.models.record import Certificate as Certificate
    from scrubkit.models.record import Truth as Truth
    from scrubkit.models.store import save as save
    from scrubkit.models.train import train as train
    from scrubkit.models.train import train_many as train_many
    from scrubkit.task import ModularAddition as ModularAddition
    from scrubkit.task import ModularMultiplication as ModularMultiplication
    from scrubkit.task import ModularSubtraction as ModularSubtraction
    from scrubkit.task import Task as Task
    from scrubkit.truth.certificate import certify as certify


def __getattr__(name: str) -> object:
    """Import a public name from the module that defines it."""
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'scrubkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
