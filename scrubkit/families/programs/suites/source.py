"""The label of a hypothesis about a compiled program, decided on the source graph where that is enough.

A hypothesis is about the program where each of its sites is the place of a variable, to the digit; then it is
a claim, and `scrubkit.families.programs.label` decides it without looking at a weight.
"""

from __future__ import annotations

import networkx as nx

from scrubkit.bench.case import Label
from scrubkit.errors import ProgramError
from scrubkit.families.programs.claims import ROOT
from scrubkit.families.programs.graph import Program
from scrubkit.families.programs.label import label
from scrubkit.families.programs.suites.cases import to_bench
from scrubkit.families.programs.truth import ProgramTruth
from scrubkit.hypothesis import Hypothesis
from scrubkit.models.model import Model
from scrubkit.subjects.sites import Sites


def source_label(program: Program, model: Model, hypothesis: Hypothesis) -> Label | None:
    """Return what the source graph says of a hypothesis; None where it says things that no claim does.

    Args:
        program: the source.
        model: what was compiled from it, with its truth.
        hypothesis: about the model.
    """
    claim = _claim(program, model, hypothesis)
    if claim is None:
        return None
    try:
        return to_bench(program, label(program, claim))
    except ProgramError:
        # Too many contexts to enumerate.
        return None


def _claim(program: Program, model: Model, hypothesis: Hypothesis) -> nx.DiGraph | None:
    truth = model.truth
    if not isinstance(truth, ProgramTruth):
        return None
    sites = Sites.of(model)
    places = {
        sites.part(site, {}).key: name
        for name, kinds in truth.sites.items()
        for site in kinds.values()
        if name in program.variables
    }
    claim = nx.DiGraph(name=hypothesis.name)
    for name, node in hypothesis.nodes.items():
        if name == hypothesis.root:
            claim.add_node(ROOT)
            continue
        variable = places.get(sites.part(node.site, hypothesis.subspaces).key)
        plain = node.sampler == "feature" and node.other == "uniform" and not node.tolerance
        if variable is None or node.feature is None or not plain:
            return None
        claim.add_node(name, variable=variable, feature=node.feature.text)
        if node.unimportant:
            claim.nodes[name]["unimportant"] = True
    for name, node in hypothesis.nodes.items():
        for parent, paths in node.parents:
            if paths == "direct":
                return None
            claim.add_edge(parent, ROOT if name == hypothesis.root else name)
    return claim
