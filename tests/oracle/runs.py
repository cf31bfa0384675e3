"""One run of each node, on both sides with the same rows: bridges are too slow to be enumerated."""

from __future__ import annotations

import networkx as nx
import numpy as np
import torch

import scrubkit
from scrubkit.hypothesis import from_graph
from scrubkit.scrubbing.plan import bind
from scrubkit.subjects.subject import Edit
from tests.oracle.adapter import Subject
from tests.oracle.claim import Node, read_claim
from tests.oracle.machine import Set

ITEMS = 24
NEAR = 1e-9


def differing_runs(subject: Subject, graph: nx.DiGraph, rng: np.random.Generator) -> str:
    """Run every node that reads others on random rows with what it reads set to clean values on others.

    Args:
        subject: a bridge.
        graph: a hypothesis on it.
        rng: chooses the rows.

    Returns:
        The first node whose value differs and by how much, the fault if scrubkit refuses, or "".
    """
    theirs, machine = subject.extra["subject"], subject.machine
    claim = read_claim(graph, machine)
    try:
        plan = bind(from_graph(graph), theirs)
    except scrubkit.ScrubkitError as error:
        return f"refused: {error}"
    tree_nodes = {tree_node.node: tree_node for tree_node in plan.root.walk()}
    for name, node in claim.nodes.items():
        if not node.parents:
            continue
        rows = {
            key: rng.integers(machine.domain.n, size=ITEMS) for key in ["", *(p for p, _ in node.parents)]
        }
        sets = [
            Set(claim.nodes[p].part, machine.clean(claim.nodes[p].part)[rows[p]], d) for p, d in node.parents
        ]
        mine = machine.run(rows[""], sets, node.holds, node.part)
        edits = [
            Edit(child.part, theirs.clean(child.part, torch.from_numpy(rows[child.node])), child.direct)
            for child in tree_nodes[name].children
        ]
        tree_node = tree_nodes[name]
        found = theirs.run(torch.from_numpy(rows[""]), edits, tree_node.holds, tree_node.part)
        off = np.abs(found.numpy().reshape(ITEMS, -1) - _in_full(node, mine)).max()
        if off > NEAR:
            return f"node {name!r} is off by {off:.3g}"
    return ""


def _in_full(node: Node, value: np.ndarray) -> np.ndarray:
    """Return a part's value as scrubkit has it: of a subspace the projection, not the coordinates."""
    rows = node.part.rows
    return (value if rows is None else value @ rows).reshape(len(value), -1)
