"""Claims about programs, and the hypotheses that say the same of compiled weights.

A claim names variables; a hypothesis names sites. `abstraction` makes the claim that is true of a program
at a chosen granularity; `to_hypothesis` says it of a model.
"""

from __future__ import annotations

from collections.abc import Iterable

import networkx as nx
import numpy as np

from scrubkit.errors import ProgramError
from scrubkit.families.programs.compile.compile import Compiled
from scrubkit.families.programs.express import express
from scrubkit.families.programs.graph import Program

ROOT = "logits"


def abstraction(program: Program, variables: Iterable[str], name: str = "") -> nx.DiGraph:
    """Return the claim that says what some variables carry, and which of them reads which.

    Args:
        program: what it is about.
        variables: the variables to map. Those that the others do not wholly determine are leaves.
        name: the claim's name.

    Returns:
        A DAG with the root ``logits``: an edge for each path that meets no other mapped variable, and the
        value of each variable, as an expression over the inputs, as its feature.

    Raises:
        ProgramError: what is mapped does not determine the output.
    """
    chosen = [v for v in program.variables if v in set(variables)]
    claim = nx.DiGraph(name=name or program.name)
    for variable in chosen:
        claim.add_node(variable, variable=variable, feature=express(program, variable))
    claim.add_node(ROOT)
    for reader in [*chosen, ROOT]:
        starts = set(program.outputs.values()) if reader == ROOT else program.variables[reader].parents
        parents, covered = _nearest(program, starts, set(chosen))
        if reader == ROOT and not covered:
            raise ProgramError(
                f"some input reaches the output past {', '.join(sorted(parents))}; map more variables",
                title=str(claim.name),
            )
        if covered:
            claim.add_edges_from((parent, reader) for parent in sorted(parents, key=chosen.index))
    return claim


def _nearest(program: Program, starts: Iterable[str], chosen: set[str]) -> tuple[set[str], bool]:
    """Return the mapped variables first met upstream, and whether every path meets one."""
    found, covered, open_, seen = set(), True, list(starts), set()
    while open_:
        name = open_.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in chosen:
            found.add(name)
        elif program.variables[name].rule is None:
            covered = False
        else:
            open_ += program.variables[name].parents
    return found, covered


def to_hypothesis(claim: nx.DiGraph, model: Compiled) -> nx.DiGraph:
    """Return a claim as a hypothesis about a model, in scrubkit's attribute syntax.

    Args:
        claim: nodes carry ``variable``, a variable or a copy of one (``v@pos``), and what else a
            hypothesis takes.
        model: whose truth says where variables are.
    """
    graph = nx.DiGraph(name=str(claim.name))
    for node, attributes in claim.nodes(data=True):
        rest = {key: value for key, value in attributes.items() if key != "variable"}
        site = "logits" if "variable" not in attributes else model.truth.site(attributes["variable"])
        graph.add_node(node, site=site, **rest)
    graph.add_edges_from(claim.edges(data=True))
    return graph


def tells(program: Program, one: str, other: str) -> bool:
    """Say whether one variable's value determines another's on the dataset."""
    pairs = np.stack([program.indices[one], program.indices[other]], axis=1)
    return len(np.unique(pairs, axis=0)) == len(np.unique(pairs[:, 0]))


def changed(claim: nx.DiGraph, node: str, **attributes: object) -> nx.DiGraph:
    """Return a copy of a claim with other attributes at one node.

    Args:
        claim: stays as it is.
        node: one of its nodes.
        attributes: what is said of it instead.
    """
    found = claim.copy()
    found.nodes[node].update(attributes)
    return found
