"""Claims that are true of a program, and relatives of them that may be."""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx
import numpy as np

from scrubkit.families.programs.claims import ROOT, abstraction, changed
from scrubkit.families.programs.express import express
from scrubkit.families.programs.graph import Program

COARSER = ("({}) % 2", "({}) // 2", "({}) != 0")


def own(program: Program) -> Iterator[nx.DiGraph]:
    """Yield claims that are true of a program: by its parts, by its joins, by both, and from the inputs."""
    used = program.ancestors["out"]
    parts, joins = ([n for n in program.computed if n[0] == kind and n in used] for kind in "ab")
    inputs = list(program.inputs)
    grains = {
        "parts": parts,
        "joins": joins,
        "both": [*parts, *joins],
        "inputs-parts": [*inputs, *parts],
        "inputs-joins": [*inputs, *joins],
    }
    for name, variables in grains.items():
        yield abstraction(program, variables, name)


def relatives(
    program: Program, claim: nx.DiGraph, rng: np.random.Generator
) -> Iterator[tuple[str, nx.DiGraph]]:
    """Yield claims that differ from a true one in one thing, each with the name of the change.

    - ``coarser``: a slot's feature tells less;
    - ``finer``: a slot's feature tells one input besides;
    - ``unimportant``: a slot is named besides, and called unimportant.
    """
    slots = [node for node in claim if node[0] in "ab"]
    for node in slots:
        feature = claim.nodes[node]["feature"]
        for text in COARSER:
            yield "coarser", changed(claim, node, feature=text.format(feature))
        yield "finer", changed(claim, node, feature=f"({feature}, {rng.choice(program.inputs)})")
    for name in program.computed:
        if name not in claim and name != "out":
            added = claim.copy()
            added.add_node(name, variable=name, feature=express(program, name), unimportant=True)
            added.add_edge(name, ROOT)
            yield "unimportant", added
