"""Hypotheses of which only some claims are put to the test, and the others pinned to the reference.

A pinned node is given its reader's own input (sampler "exact"), and what a pinned node leaves out is run on
that input too (other "exact"): it behaves as in the model itself. Whatever a scrub of such a hypothesis costs
is the fault of the claims that are not pinned.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from scrubkit.hypothesis import Hypothesis, Node
from scrubkit.subjects.subject import Subject


@dataclass(frozen=True)
class Selection:
    """Which claims of a hypothesis are tested; the rest are pinned.

    Attributes:
        nodes: nodes whose inputs are drawn as the hypothesis says.
        rests: nodes for which what they do not read is drawn as the hypothesis says.
        edge: one pair (node, reader); the node is tested for this reader only.
    """

    nodes: Collection[str] = ()
    rests: Collection[str] = ()
    edge: tuple[str, str] | None = None


def pin(hypothesis: Hypothesis, subject: Subject, tested: Selection) -> Hypothesis:
    """Return the hypothesis with all but the tested claims pinned.

    An unimportant node whose reader is pinned is tested by taking its value from any input.
    """
    nodes = {node.name: _pinned(node, hypothesis, tested) for node in hypothesis.nodes.values()}
    if tested.edge is not None:
        nodes = _split(nodes, *tested.edge)
    return replace(hypothesis, nodes=_pruned(nodes, hypothesis, subject))


def readers(nodes: Mapping[str, Node]) -> dict[str, list[str]]:
    """Return the nodes that read each node."""
    found: dict[str, list[str]] = {name: [] for name in nodes}
    for node in nodes.values():
        for parent, _ in node.parents:
            found[parent].append(node.name)
    return found


def _pinned(node: Node, hypothesis: Hypothesis, tested: Selection) -> Node:
    other = node.other if node.name in tested.rests else "exact"
    drawn = node.name in tested.nodes or (tested.edge is not None and node.name == tested.edge[0])
    if not node.unimportant:
        return replace(node, other=other, sampler=node.sampler if drawn else "exact")
    if drawn and all(reader in tested.rests for reader in readers(hypothesis.nodes)[node.name]):
        return node
    return replace(node, unimportant=False, sampler="uniform" if drawn else "exact")


def _split(nodes: dict[str, Node], name: str, reader: str) -> dict[str, Node]:
    """Give every other reader of a node a pinned twin of it to read."""
    twin = f"{name} (pinned)"
    while twin in nodes:
        twin += "'"
    made: dict[str, Node] = {}
    for node in nodes.values():
        if node.name != reader:
            parents = sorted((twin if parent == name else parent, paths) for parent, paths in node.parents)
            node = replace(node, parents=tuple(parents))
        made[node.name] = node
        if node.name == name:
            made[twin] = replace(node, name=twin, sampler="exact", unimportant=False)
    return made


def _pruned(nodes: dict[str, Node], hypothesis: Hypothesis, subject: Subject) -> dict[str, Node]:
    """Read pinned nodes straight from the clean run where that is the same, to save work."""
    settled: dict[str, bool] = {}
    cut: dict[str, Node] = {}
    for node in nodes.values():
        below = all(settled[parent] and nodes[parent].sampler == "exact" for parent, _ in node.parents)
        settled[node.name] = below and node.other == "exact" and not node.unimportant
        is_root = node.name == hypothesis.root
        cut[node.name] = replace(node, parents=()) if settled[node.name] and not is_root else node
    kept = _reached(cut, hypothesis.root)
    dropped = [node for node in cut.values() if node.name not in kept]
    if any(_would_hold(node, kept, hypothesis, subject) for node in dropped):
        return {name: node for name, node in nodes.items() if name in _reached(nodes, hypothesis.root)}
    return kept


def _reached(nodes: Mapping[str, Node], root: str) -> dict[str, Node]:
    found, waiting = {root}, [root]
    while waiting:
        for parent, _ in nodes[waiting.pop()].parents:
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return {name: node for name, node in nodes.items() if name in found}


def _would_hold(node: Node, kept: Mapping[str, Node], hypothesis: Hypothesis, subject: Subject) -> bool:
    """Say whether a node blocks a path between two others, so that leaving it out would open the path."""
    part = subject.part(node.site, hypothesis.subspaces)
    for reader in kept.values():
        own = subject.part(reader.site, hypothesis.subspaces)
        read = [subject.part(kept[parent].site, hypothesis.subspaces) for parent, _ in reader.parents]
        if part in (own, *read) or not subject.upstream(part, own):
            continue
        if any(subject.upstream(parent, part) for parent in read):
            return True
    return False
