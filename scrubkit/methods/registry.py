"""Finding a method: by built-in name, by entry point, as ``module:attribute``, or the object itself."""

from __future__ import annotations

import importlib
import inspect
import math
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from scrubkit.errors import BenchError, nearest
from scrubkit.methods.protocol import Finder, Scorer

GROUP = "scrubkit.methods"
"""Entry-point group in which other packages may register methods."""

Role = Literal["score", "find"]
ROLES: tuple[Role, ...] = ("score", "find")
"""Functions that a method may have."""

_HOME = {
    "causal-scrubbing": "causal_scrubbing:CausalScrubbing",
    "score-verdict": "score_verdict:ScoreVerdict",
    "causal-scrubbing-kl": "causal_scrubbing:CausalScrubbingKL",
    "causal-scrubbing-logits": "causal_scrubbing:CausalScrubbingLogits",
    "audited-scrubbing": "audited_scrubbing:AuditedScrubbing",
    "zero-ablation": "ablation:ZeroAblation",
    "mean-ablation": "ablation:MeanAblation",
    "resample-ablation": "ablation:ResampleAblation",
    "denoising": "patching:Denoising",
    "noising": "patching:Noising",
    "symmetric-patching": "patching:SymmetricPatching",
    "path-patching": "path_patching:PathPatching",
    "interchange-accuracy": "interchange:InterchangeAccuracy",
    "causal-abstraction": "causal_abstraction:JointInterchange",
    "local-consistency": "local_consistency:LocalConsistency",
    "das": "das:AlignmentSearch",
    "boundless-das": "boundless_das:BoundlessSearch",
    "nonlinear-alignment": "nonlinear_alignment:NonlinearAlignment",
    "linear-probe": "linear_probe:LinearProbe",
    "selective-probe": "selective_probe:SelectiveProbe",
    "circuit-tests": "circuit_tests:CircuitTests",
    "circuit-tests-published": "published_tests:PublishedTests",
    "attribution-patching": "attribution_patching:AttributionPatching",
    "integrated-gradients": "attribution_patching:IntegratedGradients",
    "activation-patching": "activation_patching:ActivationPatching",
    "activation-patching-denoising": "activation_patching:DenoisingEach",
    "atp-star": "atp_star:AtPStar",
    "eap": "edge_attribution:EdgeAttribution",
    "eap-ig": "edge_attribution:EdgeAttributionIG",
    "eap-ig-kl": "edge_attribution:EdgeAttributionIGKL",
    "hisp": "head_importance:HeadImportance",
    "subnetwork-probing": "subnetwork_probing:SubnetworkProbing",
    "edge-pruning": "edge_pruning:EdgePruning",
    "acdc": "acdc:Pruning",
    "random-scores": "random_scores:RandomScores",
    "answers-only": "blind.answers_only:AnswersOnly",
    "text-only": "blind.text_only:TextOnly",
    "text-and-spectra": "blind.text_only:TextAndSpectra",
}


def builtin_methods() -> tuple[str, ...]:
    """Return the names of the methods that scrubkit brings, scorers first."""
    return tuple(_HOME)


def find_method(source: Any) -> Scorer | Finder:
    """Return the method that a name, a path or an object stands for.

    Args:
        source: a built-in name, the name of an entry point in the group ``scrubkit.methods``,
            ``module:attribute`` where the attribute is an instance or a class that needs no arguments, or an
            instance. An aligner becomes a scorer, see `scrubkit.methods.aligned`.

    Raises:
        BenchError: there is no such method, it cannot be imported, or it has no name, or none of ``score``,
            ``find`` and ``align``.
    """
    if not isinstance(source, str):
        return _checked(source, title="method")
    if source in _HOME:
        return _checked(_load(f"{__package__}.{_HOME[source]}", source), title=source)
    if ":" in source:
        return _checked(_load(source, source), title=source)
    return _checked(_from_entry_point(_installed(source)), title=source)


def module_of(source: str) -> str:
    """Return the name of the module that a built-in name, an entry point or a path stands for.

    Nothing of it is imported.

    Raises:
        BenchError: there is no such name.
    """
    if source in _HOME:
        return f"{__package__}.{_HOME[source]}".partition(":")[0]
    return (source if ":" in source else _installed(source).value).partition(":")[0]


def roles_of(method: Any) -> tuple[Role, ...]:
    """Return the functions that a method has: "score" for a scorer, "find" for a finder, or both."""
    return tuple(role for role in ROLES if callable(getattr(method, role, None)))


def _installed(name: str) -> EntryPoint:
    """Return an entry point; raises BenchError naming what there is."""
    installed = {point.name: point for point in entry_points(group=GROUP)}
    if name not in installed:
        known = [*_HOME, *installed]
        raise BenchError(
            f"unknown method {name!r:.200}{nearest(name, known)}; methods are {', '.join(known)}, or "
            "package.module:attribute for one of your own"
        )
    return installed[name]


def _from_entry_point(point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:
        raise BenchError(
            f"entry point {point.value!r} cannot be loaded: {type(error).__name__}: {error}", title=point.name
        ) from error


def _load(path: str, title: str) -> Any:
    """Import ``module:attribute``; the attribute may be dotted."""
    module_name, _, attribute = path.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:
        raise BenchError(
            f"cannot import {module_name!r}: {type(error).__name__}: {error}; is it on the path?",
            title=title,
        ) from error
    for name in attribute.split("."):
        if not hasattr(found, name):
            there = [n for n in vars(found) if not n.startswith("_")] if hasattr(found, "__dict__") else []
            raise BenchError(f"{module_name!r} has no {name!r}{nearest(name, there)}", title=title)
        found = getattr(found, name)
    return found


def _checked(found: Any, *, title: str) -> Scorer | Finder:
    """Return an instance that has what the protocol asks for."""
    if inspect.isclass(found):
        try:
            found = found()
        except Exception as error:
            raise BenchError(
                f"{found.__name__}() failed: {type(error).__name__}: {error}; give an instance, or "
                "make every argument optional",
                title=title,
            ) from error
    if callable(getattr(found, "align", None)) and not roles_of(found):
        from scrubkit.methods.aligned import Aligned

        if fault := _signature_fault(found, "align"):
            raise BenchError(fault, title=title)
        return _checked(Aligned(found), title=title)
    faults = []
    if not isinstance(getattr(found, "name", None), str) or not found.name:
        faults.append(f"{_kind(found)} needs a name, a non-empty string")
    roles = roles_of(found)
    if not roles:
        faults.append(f"{_kind(found)} needs a function score, find or align; see scrubkit.methods.protocol")
    faults += [fault for role in roles if (fault := _signature_fault(found, role))]
    threshold = getattr(found, "threshold", None)
    if threshold is not None and not _is_finite(threshold):
        faults.append(
            f"threshold must be a finite number from which a score supports, found {threshold!r:.99}"
        )
    if faults:
        raise BenchError(faults, title=title)
    return found


_GIVEN = {
    "score": (("model", "hypothesis"), "score(self, model, hypothesis, *, task, generator, budget)"),
    "find": (("model",), "find(self, model, *, task, generator, budget)"),
    "align": (
        ("model", "hypothesis", "variable"),
        "align(self, model, hypothesis, variable, *, task, generator, budget)",
    ),
}
"""What each role is called with: positions, and the whole signature."""


def _signature_fault(found: Any, role: str) -> str:
    """Say that a function cannot be called as it will be; the empty string if it can, or if nobody knows."""
    positions, wanted = _GIVEN[role]
    try:
        signature = inspect.signature(getattr(found, role))
    except (TypeError, ValueError):
        return ""
    try:
        signature.bind(*positions, task=None, generator=None, budget=None)
    except TypeError as error:
        return f"{role}{signature} cannot be called: {error}; write it as {wanted}"
    return ""


def _is_finite(value: Any) -> bool:
    try:
        return not isinstance(value, str) and math.isfinite(value)
    except (TypeError, ValueError, RuntimeError):
        return False


def _kind(found: Any) -> str:
    return getattr(found, "__name__", None) or type(found).__name__
