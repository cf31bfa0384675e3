"""From a hypothesis and a subject to a plan: the tree that a scrub runs through.

A node that two others read is drawn afresh for each, so the graph is unrolled from the root into a tree. A
node of that tree knows the part of the subject that it reads, how its input is drawn, and which
parts are set or held when it is evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from scrubkit.core.feature import parse as parse_feature
from scrubkit.errors import FeatureError, HypothesisError
from scrubkit.hypothesis import Hypothesis, Node
from scrubkit.scrubbing.bits import node_bits, self_draw_rate
from scrubkit.scrubbing.fit import check_reads, check_task, count_tree_nodes, evaluate_features, resolve_parts
from scrubkit.scrubbing.sampling import Resampling, by_feature, everything, fixed
from scrubkit.subjects.subject import Subject

MAX_TREE_NODES = 20_000
"""Largest unrolled hypothesis that is scrubbed."""


@dataclass(frozen=True)
class TreeNode:
    """One node of the treeified hypothesis.

    Attributes:
        index: number of the tree node in depth-first order; names its streams of random numbers.
        node: name of the node in the hypothesis.
        part: what the node reads, resolved on the subject.
        resampling: which inputs may stand in for its reader's; None keeps the reader's own.
        other: "uniform", "exact", or "together:GROUP".
        other_stream: stream of the other draw; shared within a group.
        children: tree nodes of the nodes that this one reads.
        holds: mapped parts that this node does not read, held at their clean value.
        unimportant: pinned to the reader's other draw.
        direct: only direct paths to the reader are edited.
        reads_other: the other draw can reach this node.
    """

    index: int
    node: str
    part: Any
    resampling: Resampling | None
    other: str
    other_stream: int
    children: tuple[TreeNode, ...]
    holds: tuple[Any, ...]
    unimportant: bool
    direct: bool
    reads_other: bool

    def walk(self) -> Iterator[TreeNode]:
        """Yield this tree node and all below it, depth first."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True)
class Plan:
    """A hypothesis bound to a subject.

    Attributes:
        hypothesis: the claim.
        root: the root of the tree.
        anyone: the resampling from which other inputs are drawn.
        root_resampling: how the reference itself is redrawn under ``resample_root``; None to keep it.
        bits: for each mapped node, the mean log2 of how many stand-ins its input has that differ in what the
            node depends on.
        self_draw_rate: how often a draw gives the reader's own input back.
        parts: the part of the subject that each node names.
        features: value of each node's feature on every input, an array for each component.
    """

    hypothesis: Hypothesis
    root: TreeNode
    anyone: Resampling
    root_resampling: Resampling | None = None
    bits: Mapping[str, float] = field(default_factory=dict)
    self_draw_rate: float = 1.0
    parts: Mapping[str, Any] = field(default_factory=dict)
    features: Mapping[str, tuple[np.ndarray, ...]] = field(default_factory=dict)

    @cached_property
    def n_tree_nodes(self) -> int:
        """Size of the unrolled hypothesis."""
        return sum(1 for _ in self.root.walk())

    @property
    def testable(self) -> bool:
        """Whether any draw can change anything: stand-ins differ, or a rest is resampled."""
        return any(bits > 0 for bits in self.bits.values()) or any(
            tree_node.reads_other and tree_node.other != "exact" for tree_node in self.root.walk()
        )


def bind(hypothesis: Hypothesis, subject: Subject, *, resample_root: bool | str = False) -> Plan:
    """Resolve a hypothesis on a subject and unroll it.

    Args:
        hypothesis: the claim.
        subject: what it is about.
        resample_root: redraw the reference by the root's feature, or by the feature given.

    Raises:
        HypothesisError: with everything about the hypothesis that does not fit the subject.
    """
    title = hypothesis.source or hypothesis.name
    faults: list[str] = []
    check_task(hypothesis, subject, faults)
    parts = resolve_parts(hypothesis, subject, faults)
    features = evaluate_features(hypothesis, subject, faults)
    for node in hypothesis.nodes.values():
        check_reads(node, hypothesis, parts, subject, faults)
    hypothesis = hypothesis.settled(features)
    root = hypothesis.nodes[hypothesis.root]
    if root.name in parts and not subject.is_output(parts[root.name]):
        faults.append(f"node {root.name!r}: the root must sit on the logits, found {root.site}")
    redraw = _redraw(resample_root, root, features, subject, faults)
    if resample_root is True and root.name not in features:
        faults.append(f"node {root.name!r}: redrawing the reference needs a feature at the root")
    tree_nodes = count_tree_nodes(hypothesis)
    if tree_nodes > MAX_TREE_NODES:
        faults.append(
            f"unrolls into {tree_nodes:,} tree nodes, more than {MAX_TREE_NODES:,}; "
            "split shared nodes or drop layers"
        )
    if faults:
        raise HypothesisError(faults, title=title)
    resamplings = {name: _resampling(hypothesis.nodes[name], features, subject) for name in hypothesis.nodes}
    unroll = _Unroll(hypothesis, subject, parts, resamplings)
    rates = [self_draw_rate(e) for n, e in resamplings.items() if n != hypothesis.root]
    return Plan(
        hypothesis=hypothesis,
        root=unroll.tree_node(hypothesis.root, direct=False),
        anyone=everything(subject.n_inputs, subject.weights),
        root_resampling=redraw,
        bits={
            n: node_bits(hypothesis.nodes[n], parts, features, resamplings, subject)
            for n in hypothesis.nodes
            if n != hypothesis.root and not hypothesis.nodes[n].unimportant
        },
        self_draw_rate=float(np.mean(rates)) if rates else 1.0,
        parts=parts,
        features=features,
    )


def _redraw(
    wanted: bool | str,
    root: Node,
    features: Mapping[str, tuple[np.ndarray, ...]],
    subject: Subject,
    faults: list[str],
) -> Resampling | None:
    """Return how the reference is redrawn, None where it is kept."""
    if isinstance(wanted, str):
        try:
            values = parse_feature(wanted).values(subject.columns, subject.constants, subject.tokens)
        except FeatureError as error:
            faults += [f"resample_root: {fault}" for fault in error.faults]
            return None
        return by_feature(values, weights=subject.weights)
    if not wanted or root.name not in features:
        return None
    return by_feature(features[root.name], root.tolerance, root.period, subject.weights)


def _resampling(
    node: Node, features: Mapping[str, tuple[np.ndarray, ...]], subject: Subject
) -> Resampling | None:
    if node.sampler == "exact" or node.unimportant:
        return None
    if isinstance(node.sampler, tuple):
        return fixed(np.array(node.sampler), subject.n_inputs, subject.weights)
    if node.sampler == "uniform" or node.name not in features:
        return everything(subject.n_inputs, subject.weights)
    return by_feature(features[node.name], node.tolerance, node.period, subject.weights)


class _Unroll:
    """Unrolls a bound hypothesis; siblings are ordered by what they claim, never by their names."""

    def __init__(
        self,
        hypothesis: Hypothesis,
        subject: Subject,
        parts: Mapping[str, Any],
        resamplings: Mapping[str, Resampling | None],
    ) -> None:
        self.hypothesis = hypothesis
        self.subject = subject
        self.parts = parts
        self.resamplings = resamplings
        self.count = 0
        groups = sorted({n.other for n in hypothesis.nodes.values() if n.other.startswith("together:")})
        self.groups = {group: -1 - i for i, group in enumerate(groups)}
        self.held: dict[str, tuple[Any, ...]] = {}
        self.live: dict[str, bool] = {}

    def tree_node(self, name: str, *, direct: bool) -> TreeNode:
        """Unroll one node and everything it reads."""
        node = self.hypothesis.nodes[name]
        index, self.count = self.count, self.count + 1
        keys = self.hypothesis.keys
        children = sorted(node.parents, key=lambda parent: (keys[parent[0]], parent[1]))
        if name not in self.held:
            self.held[name] = self._holds(node)
            self.live[name] = bool(node.parents) and self._reads_other(node)
        return TreeNode(
            index=index,
            node=name,
            part=self.parts[name],
            resampling=self.resamplings[name],
            other=node.other,
            other_stream=self.groups.get(node.other, 2 * index + 1),
            children=tuple(self.tree_node(parent, direct=paths == "direct") for parent, paths in children),
            holds=self.held[name],
            unimportant=node.unimportant,
            direct=direct,
            reads_other=self.live[name],
        )

    def _reads_other(self, node: Node) -> bool:
        """Say whether the other input reaches a node past what it reads.

        It does so through everything that is neither set nor downstream of what is set, through parts that
        are held at their clean value there, and through unimportant parts, which are pinned to it.
        """
        read = {parent: paths for parent, paths in node.parents}
        loose = [self.parts[p] for p in read if self.hypothesis.nodes[p].unimportant]
        closed = [
            self.parts[p]
            for p, paths in read.items()
            if paths == "all" and not self.hypothesis.nodes[p].unimportant
        ]
        return self.subject.reads_other(closed, [*self.held[node.name], *loose], self.parts[node.name])

    def _holds(self, node: Node) -> tuple[Any, ...]:
        """Return the mapped parts that lie between what a node reads and the node, and are not read by it."""
        if not node.parents:
            return ()
        read = [self.parts[parent] for parent, _ in node.parents]
        holds = []
        for name in sorted(self.hypothesis.nodes, key=lambda n: self.hypothesis.keys[n]):
            part = self.parts[name]
            if part in holds or any(self._same(part, other) for other in (*read, self.parts[node.name])):
                continue
            below = any(self.subject.upstream(parent, part) for parent in read)
            if below and self.subject.upstream(part, self.parts[node.name]):
                holds.append(part)
        return tuple(holds)

    def _same(self, one: Any, other: Any) -> bool:
        """Say whether two parts are the same numbers, such as two bases of one subspace."""
        return one == other or (self.subject.upstream(one, other) and self.subject.upstream(other, one))
