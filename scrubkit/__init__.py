"""scrubkit: test interpretability methods against models whose algorithm is known.

The names below are loaded when first used, so that ``import scrubkit`` loads neither torch nor
TransformerLens.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from scrubkit.version import __version__

_HOME = {
    "ScrubkitError": "scrubkit.errors",
    "Task": "scrubkit.core.task",
    "ModularAddition": "scrubkit.families.modular.task",
    "ModularSubtraction": "scrubkit.families.modular.task",
    "ModularMultiplication": "scrubkit.families.modular.task",
    "Model": "scrubkit.models.model",
    "Truth": "scrubkit.models.record",
    "Certificate": "scrubkit.models.record",
    "load": "scrubkit.models.load",
    "save": "scrubkit.models.store",
    "train": "scrubkit.families.modular.train.train",
    "train_many": "scrubkit.families.modular.train.train",
    "compile_model": "scrubkit.families.modular.compile",
    "compile_graph": "scrubkit.families.programs.model",
    "certify": "scrubkit.families.modular.certify.certificate",
    "with_certificate": "scrubkit.families.modular.certify.certificate",
    "Hypothesis": "scrubkit.hypothesis",
    "load_hypothesis": "scrubkit.hypothesis",
    "FunctionGraph": "scrubkit.subjects.function_graph",
    "Score": "scrubkit.scrubbing.score",
    "Margins": "scrubkit.scrubbing.score",
    "score": "scrubkit.scrubbing.scoring",
    "Scorer": "scrubkit.scrubbing.scoring",
    "BridgeScorer": "scrubkit.scrubbing.scoring",
    "scrub": "scrubkit.scrubbing.functions",
    "explain": "scrubkit.scrubbing.explain",
    "bind": "scrubkit.scrubbing.bound",
    "Answer": "scrubkit.methods.protocol",
    "Budget": "scrubkit.methods.protocol",
    "Importances": "scrubkit.methods.protocol",
    "validate": "scrubkit.harness.run",
}

__all__ = ["__version__", *_HOME]  # pyright: ignore[reportUnsupportedDunderAll]

if TYPE_CHECKING:
    from scrubkit.core.task import Task as Task
    from scrubkit.errors import ScrubkitError as ScrubkitError
    from scrubkit.families.modular.certify.certificate import certify as certify
    from scrubkit.families.modular.certify.certificate import with_certificate as with_certificate
    from scrubkit.families.modular.compile import compile_model as compile_model
    from scrubkit.families.modular.task import ModularAddition as ModularAddition
    from scrubkit.families.modular.task import ModularMultiplication as ModularMultiplication
    from scrubkit.families.modular.task import ModularSubtraction as ModularSubtraction
    from scrubkit.families.modular.train.train import train as train
    from scrubkit.families.modular.train.train import train_many as train_many
    from scrubkit.families.programs.model import compile_graph as compile_graph
    from scrubkit.models.load import load as load
    from scrubkit.models.model import Model as Model
    from scrubkit.models.record import Certificate as Certificate
    from scrubkit.models.record import Truth as Truth
    from scrubkit.models.store import save as save


def __getattr__(name: str) -> object:
    """Import a public name from the module that defines it."""
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'scrubkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
