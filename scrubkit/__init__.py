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
    "Interval": "scrubkit.scrubbing.score",
    "Margins": "scrubkit.scrubbing.score",
    "score": "scrubkit.scrubbing.scoring",
    "Scorer": "scrubkit.scrubbing.scoring",
    "BridgeScorer": "scrubkit.scrubbing.scoring",
    "scrub": "scrubkit.scrubbing.functions",
    "explain": "scrubkit.scrubbing.explain",
    "bind": "scrubkit.scrubbing.bound",
    "Bound": "scrubkit.scrubbing.bound",
    "BoundNode": "scrubkit.scrubbing.bound",
    "Part": "scrubkit.core.site",
    "Answer": "scrubkit.methods.protocol",
    "Budget": "scrubkit.methods.protocol",
    "Importances": "scrubkit.methods.protocol",
    "Alignment": "scrubkit.methods.protocol",
    "validate": "scrubkit.harness.run",
    "timeline": "scrubkit.trajectories.watch",
    "Timeline": "scrubkit.trajectories.timeline",
    "ask": "scrubkit.harness.one_claim",
}

__all__ = ["__version__", *_HOME]  # pyright: ignore[reportUnsupportedDunderAll]

if TYPE_CHECKING:
    from scrubkit.core.site import Part as Part
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
    from scrubkit.harness.one_claim import ask as ask
    from scrubkit.harness.run import validate as validate
    from scrubkit.hypothesis import Hypothesis as Hypothesis
    from scrubkit.hypothesis import load_hypothesis as load_hypothesis
    from scrubkit.methods.protocol import Alignment as Alignment
    from scrubkit.methods.protocol import Answer as Answer
    from scrubkit.methods.protocol import Budget as Budget
    from scrubkit.methods.protocol import Importances as Importances
    from scrubkit.models.load import load as load
    from scrubkit.models.model import Model as Model
    from scrubkit.models.record import Certificate as Certificate
    from scrubkit.models.record import Truth as Truth
    from scrubkit.models.store import save as save
    from scrubkit.scrubbing.bound import Bound as Bound
    from scrubkit.scrubbing.bound import BoundNode as BoundNode
    from scrubkit.scrubbing.bound import bind as bind
    from scrubkit.scrubbing.explain import explain as explain
    from scrubkit.scrubbing.functions import scrub as scrub
    from scrubkit.scrubbing.score import Interval as Interval
    from scrubkit.scrubbing.score import Margins as Margins
    from scrubkit.scrubbing.score import Score as Score
    from scrubkit.scrubbing.scoring import BridgeScorer as BridgeScorer
    from scrubkit.scrubbing.scoring import Scorer as Scorer
    from scrubkit.scrubbing.scoring import score as score
    from scrubkit.subjects.function_graph import FunctionGraph as FunctionGraph
    from scrubkit.trajectories.timeline import Timeline as Timeline
    from scrubkit.trajectories.watch import timeline as timeline


def __getattr__(name: str) -> object:
    """Import a public name from the module that defines it."""
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'scrubkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
