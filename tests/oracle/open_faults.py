"""What scrubkit is known to get wrong at present, and the shapes of hypotheses that can meet it.

A fault that is mended is taken out of `OPEN`: its regression test then has to pass, and random hypotheses of
its shape have to agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import networkx as nx

from tests.oracle.adapter import Subject
from tests.oracle.claim import Claim, Node, read_claim
from tests.oracle.machine import NetMachine
from tests.oracle.parts import within

OPEN: Mapping[str, str] = {}


def open_faults(subject: Subject, graph: nx.DiGraph) -> set[str]:
    """Return the open faults whose shape a hypothesis has."""
    if not isinstance(subject.machine, NetMachine):
        return set()
    claim = read_claim(graph, subject.machine)
    found: set[str] = set()
    for node in claim.nodes.values():
        if node.parents:
            found |= _faults_at(claim, node, subject.machine.sizes.n_ctx)
    return found & set(OPEN)


def _faults_at(claim: Claim, node: Node, n_ctx: int) -> set[str]:
    found = set()
    read = [(claim.nodes[p].part, direct) for p, direct in node.parents]
    direct = [part for part, is_direct in read if is_direct]
    if len(direct) > 1:
        found.add("depth")
    if any(".attn." in part.hook or "attn_out" in part.hook for part in direct):
        found.add("fold")
    nested = [(s, h) for s, _ in read for h in node.holds if within(s, h) or within(h, s)]
    if nested:
        found.add("order")
    if node.part.hook == "hook_pos_embed":
        found.add("positions")
    if node.part.hook == "hook_embed":
        found.add("nested")
    if node.holds and _sets_all_inputs([part for part, _ in read], n_ctx):
        found.add("holds")
    return found


def _sets_all_inputs(parts: list[Any], n_ctx: int) -> bool:
    early = [p for p in parts if p.hook in ("hook_embed", "blocks.0.hook_resid_pre") and p.rows is None]
    operands = set(range(min(2, n_ctx)))
    return operands <= {pos for part in early for pos in part.pos}
