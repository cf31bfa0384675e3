"""The family of programs, as the rest of the package sees it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from scrubkit.families.programs.claims import ROOT
from scrubkit.families.programs.library import LIBRARY, Named
from scrubkit.families.programs.truth import ProgramTruth
from scrubkit.models.family import Family, NamedModel
from scrubkit.models.model import Model

STYLES: Mapping[str, Mapping[str, Any]] = {
    "": {},
    "-rotated": {"codes": "rotated", "permute": True},
    "-superposed": {"codes": "superposed", "permute": True},
    "-ln": {"normalization": "LN", "codes": "rotated", "permute": True},
}
"""What is added to a program's name for each way of compiling it."""


class ProgramFamily(Family):
    """Transformers compiled from graphs of finite-valued functions."""

    name = "programs"
    title = "programs: any graph of finite functions"
    truth_type = ProgramTruth
    kinds = ("program",)

    @property
    def models(self) -> Mapping[str, NamedModel]:
        """The library, each program in every style."""
        return {
            f"{name}{style}": NamedModel(
                build=partial(_build, name, style),
                key=partial(_key, name, style),
                task=name,
                known=entry.summary,
            )
            for name, entry in LIBRARY.items()
            for style in STYLES
        }

    @property
    def described_tasks(self) -> Mapping[str, str]:
        """What each program of the library computes."""
        return {name: entry.summary for name, entry in LIBRARY.items()}

    def hypotheses(self, model: Model) -> Mapping[str, nx.DiGraph]:
        """Return what is true of a model of the library, at several grains; nothing for other programs."""
        truth = model.truth
        if not isinstance(truth, ProgramTruth) or truth.variant not in LIBRARY:
            return {}
        return {str(claim.name): _sited(claim, truth) for claim in LIBRARY[truth.variant].claims().values()}

    @property
    def suites(self) -> Mapping[str, Callable[..., Any]]:
        """The published suites."""
        from scrubkit.families.programs.suites import make

        return {name: partial(make.make, name) for name in make.DEFINITIONS}

    def build(self, kind: str, options: Mapping[str, Any], folder: Path) -> Model:
        """Return a model of a suite."""
        from scrubkit.families.programs.suites.models import build

        return build(options)

    def another(
        self, kind: str, options: Mapping[str, Any], rng: np.random.Generator
    ) -> tuple[str, Mapping[str, Any]] | None:
        """Return the description of another base of the same style; of a named model there is none."""
        return None if kind == "load" else (kind, {**options, "base": int(rng.integers(10**6, 2**31))})

    def source_label(self, kind: str, options: Mapping[str, Any], model: Model, hypothesis: Any) -> Any:
        """Return the label that the source graph decides; None where sites are no places of variables."""
        if kind not in self.kinds:
            return None
        from scrubkit.families.programs.suites.models import source
        from scrubkit.families.programs.suites.source import source_label

        return source_label(source(options), model, hypothesis)

    def option_faults(self, kind: str, options: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with a description."""
        from scrubkit.families.programs.suites.models import option_faults

        return option_faults(options)


def _sited(claim: nx.DiGraph, truth: ProgramTruth) -> nx.DiGraph:
    """Return a claim about variables as a hypothesis about sites."""
    graph = nx.DiGraph(name=str(claim.name), task=truth.variant)
    for node, said in claim.nodes(data=True):
        site = "logits" if node == ROOT else truth.site(said["variable"])
        graph.add_node(node, site=site, **{k: v for k, v in said.items() if k != "variable"})
    graph.add_edges_from(claim.edges)
    return graph


def _build(name: str, style: str) -> Model:
    from scrubkit.families.programs.model import compile_graph

    entry: Named = LIBRARY[name]
    return compile_graph(entry.build(), name=f"{name}{style}", **STYLES[style])


def _key(name: str, style: str) -> str:
    """Return the SHA-256 of a request and of the code that makes it."""
    digest = hashlib.sha256(f"{name} {sorted(STYLES[style].items())}".encode())
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


FAMILY = ProgramFamily()
"""The one instance, which the registry names."""
