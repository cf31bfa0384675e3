"""From a hypothesis and a subject to a plan: the tree of visits that a scrub makes.

A node that two others read is drawn afresh for each, so the graph is unrolled from the root into a tree. A
visit is one node of that tree; it knows the part of the subject it reads, how its input is drawn, and which
parts are set or held when it is evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from scrubkit.errors import FeatureError, HypothesisError, SiteError
from scrubkit.feature import Feature, class_ids
from scrubkit.hypothesis import Hypothesis, Node
from scrubkit.scrub.sampling import Exchange, by_feature, everything, fixed
from scrubkit.scrub.subject import Subject

MAX_VISITS = 20_000
"""Largest unrolled hypothesis that is scrubbed."""


@dataclass(frozen=True)
class Visit:
    """One node of the unrolled hypothesis.

    Attributes:
        index: number of the visit in depth-first order; names its streams of random numbers.
        node: name of the node in the hypothesis.
        part: what the node reads, resolved on the subject.
        exchange: which inputs may stand in for its reader's; None keeps the reader's own.
        other: "uniform", "exact", or "together:GROUP".
        other_stream: stream of the other draw; shared within a group.
        children: visits of the nodes that this one reads.
        holds: mapped parts that this node does not read, held at their clean value.
        unimportant: pinned to the reader's other draw.
        direct: only direct paths to the reader are edited.
        reads_other: the other draw can reach this node.
    """

    index: int
    node: str
    part: Any
    exchange: Exchange | None
    other: str
    other_stream: int
    children: tuple[Visit, ...]
    holds: tuple[Any, ...]
    unimportant: bool
    direct: bool
    reads_other: bool

    def walk(self) -> Iterator[Visit]:
        """Yield this visit and all below it, depth first."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True)
class Plan:
    """A hypothesis bound to a subject.

    Attributes:
        hypothesis: the claim.
        root: the tree of visits.
        anyone: the exchange from which other inputs are drawn.
        root_exchange: how the reference itself is redrawn under ``resample_root``; None to keep it.
        bits: for each mapped node, the mean log2 of how many different contexts may stand in for it: its
            class counted in distinct values of what it depends on.
    """

    hypothesis: Hypothesis
    root: Visit
    anyone: Exchange
    root_exchange: Exchange | None = None
    bits: Mapping[str, float] = field(default_factory=dict)
    self_draw_rate: float = 1.0

    @cached_property
    def n_visits(self) -> int:
        """Size of the unrolled hypothesis."""
        return sum(1 for _ in self.root.walk())

    @property
    def testable(self) -> bool:
        """Whether any draw can change anything: stand-ins differ, or a rest is resampled."""
        return any(bits > 0 for bits in self.bits.values()) or any(
            visit.reads_other and visit.other != "exact" for visit in self.root.walk()
        )


def bind(hypothesis: Hypothesis, subject: Subject, *, resample_root: bool = False) -> Plan:
    """Resolve a hypothesis on a subject and unroll it.

    Raises:
        HypothesisError: with everything about the hypothesis that does not fit the subject.
    """
    title = hypothesis.source or hypothesis.name
    faults: list[str] = []
    if hypothesis.task and subject.task and hypothesis.task != subject.task:
        faults.append(f"is about the task {hypothesis.task!r}, and {subject.title} is of {subject.task!r}")
    parts = _resolve_parts(hypothesis, subject, faults)
    features = _evaluate_features(hypothesis, subject, faults)
    for node in hypothesis.nodes.values():
        _check_reads(node, hypothesis, parts, subject, faults)
    root = hypothesis.nodes[hypothesis.root]
    if root.name in parts and not subject.is_output(parts[root.name]):
        faults.append(f"node {root.name!r}: the root must sit on the logits, found {root.site}")
    if resample_root and root.name not in features:
        faults.append(f"node {root.name!r}: redrawing the reference needs a feature at the root")
    visits = _count_visits(hypothesis)
    if visits > MAX_VISITS:
        faults.append(
            f"unrolls into {visits:,} visits, more than {MAX_VISITS:,}; split shared nodes or drop layers"
        )
    if faults:
        raise HypothesisError(faults, title=title)
    exchanges = {name: _exchange(hypothesis.nodes[name], features, subject) for name in hypothesis.nodes}
    unroll = _Unroll(hypothesis, subject, parts, exchanges)
    rates = [_self_draw_rate(e, subject.n_inputs) for n, e in exchanges.items() if n != hypothesis.root]
    return Plan(
        hypothesis=hypothesis,
        root=unroll.visit(hypothesis.root, direct=False),
        anyone=everything(subject.n_inputs, subject.weights),
        root_exchange=by_feature(features[root.name], root.tolerance, root.period, subject.weights)
        if resample_root
        else None,
        bits={
            n: _bits(hypothesis.nodes[n], parts, features, exchanges, subject)
            for n in hypothesis.nodes
            if n != hypothesis.root and not hypothesis.nodes[n].unimportant
        },
        self_draw_rate=float(np.mean(rates)) if rates else 1.0,
    )


def _resolve_parts(hypothesis: Hypothesis, subject: Subject, faults: list[str]) -> dict[str, Any]:
    parts = {}
    for node in hypothesis.nodes.values():
        try:
            parts[node.name] = subject.part(node.site, hypothesis.subspaces)
        except SiteError as error:
            faults += [f"node {node.name!r}: {fault}" for fault in error.faults]
    return parts


def _evaluate_features(
    hypothesis: Hypothesis, subject: Subject, faults: list[str]
) -> dict[str, tuple[np.ndarray, ...]]:
    features = {}
    for node in hypothesis.nodes.values():
        if node.feature is None:
            continue
        try:
            values = node.feature.values(subject.columns, subject.constants, subject.tokens)
        except FeatureError as error:
            faults += [f"node {node.name!r}: {fault}" for fault in error.faults]
            continue
        features[node.name] = values
        for key in ("tolerance", "period"):
            if len(getattr(node, key)) > len(values):
                faults.append(
                    f"node {node.name!r}: {key} has {len(getattr(node, key))} entries, and the feature has "
                    f"{len(values)} components"
                )
        if isinstance(node.sampler, tuple) and max(node.sampler) >= subject.n_inputs:
            faults.append(
                f"node {node.name!r}: sampler names row {max(node.sampler)}; "
                f"rows are 0 to {subject.n_inputs - 1}"
            )
    return features


def _check_reads(
    node: Node, hypothesis: Hypothesis, parts: Mapping[str, Any], subject: Subject, faults: list[str]
) -> None:
    """Check that what a node reads lies upstream of it and does not overlap."""
    read = [parent for parent, _ in node.parents if parent in parts]
    if node.name in parts:
        for parent in read:
            if not subject.upstream(parts[parent], parts[node.name]):
                faults.append(
                    f"edge {parent!r} -> {node.name!r}: {hypothesis.nodes[parent].site} is not upstream of "
                    f"{node.site}; reverse the edge, or map one of them elsewhere"
                )
    for i, one in enumerate(read):
        for other in read[i + 1 :]:
            if subject.overlap(parts[one], parts[other]):
                faults.append(
                    f"node {node.name!r} reads {one!r} and {other!r}, which overlap: "
                    f"{hypothesis.nodes[one].site} and {hypothesis.nodes[other].site}"
                )


def _count_visits(hypothesis: Hypothesis) -> int:
    sizes: dict[str, int] = {}
    for name, node in hypothesis.nodes.items():
        sizes[name] = 1 + sum(sizes[parent] for parent, _ in node.parents)
    return sizes[hypothesis.root]


def _exchange(
    node: Node, features: Mapping[str, tuple[np.ndarray, ...]], subject: Subject
) -> Exchange | None:
    if node.sampler == "exact" or node.unimportant:
        return None
    if isinstance(node.sampler, tuple):
        return fixed(np.array(node.sampler), subject.n_inputs, subject.weights)
    if node.sampler == "uniform" or node.name not in features:
        return everything(subject.n_inputs, subject.weights)
    return by_feature(features[node.name], node.tolerance, node.period, subject.weights)


def _self_draw_rate(exchange: Exchange | None, n_inputs: int) -> float:
    """Return how often a draw gives the reader's own input back, under equal weights."""
    return 1.0 if exchange is None else float((1 / exchange.count.double()).mean())


def _bits(
    node: Node,
    parts: Mapping[str, Any],
    features: Mapping[str, tuple[np.ndarray, ...]],
    exchanges: Mapping[str, Exchange | None],
    subject: Subject,
) -> float:
    """Return the mean log2 of the number of stand-ins that differ in what the node depends on.

    A leaf depends on its site's value, any other node on the features of what it reads; stand-ins that agree
    on that are one stand-in.
    """
    exchange = exchanges[node.name]
    if exchange is None:
        return 0.0
    context = [ids for parent, _ in node.parents for ids in _context(parent, features, exchanges, subject)]
    if not node.parents:
        context = [subject_values(subject, parts[node.name])]
    ids = class_ids(context) if context else np.zeros(subject.n_inputs, dtype=np.int64)
    order, start, count = (x.numpy() for x in (exchange.order, exchange.start, exchange.count))
    _, first, inverse = np.unique(start * (len(order) + 1) + count, return_index=True, return_inverse=True)
    distinct = np.array([len(np.unique(ids[order[start[x] : start[x] + count[x]]])) for x in first])
    return float(np.log2(distinct[inverse]).mean())


def _context(
    parent: str,
    features: Mapping[str, tuple[np.ndarray, ...]],
    exchanges: Mapping[str, Exchange | None],
    subject: Subject,
) -> Sequence[np.ndarray]:
    if exchanges[parent] is None:
        return [np.arange(subject.n_inputs)]
    return features.get(parent, ())


def subject_values(subject: Subject, part: Any) -> np.ndarray:
    """Return a number for each input that is equal where the clean value of a part is the same."""
    import torch

    values = subject.clean(part, torch.arange(subject.n_inputs))
    flat = values.reshape(subject.n_inputs, -1).double()
    # One random projection tells values apart; exact equality is what is asked.
    probe = torch.randn(flat.shape[1], dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return class_ids([(flat @ probe).cpu().numpy().clip(-9e8, 9e8)])


class _Unroll:
    """Unrolls a bound hypothesis; siblings are ordered by what they claim, never by their names."""

    def __init__(
        self,
        hypothesis: Hypothesis,
        subject: Subject,
        parts: Mapping[str, Any],
        exchanges: Mapping[str, Exchange | None],
    ) -> None:
        self.hypothesis = hypothesis
        self.subject = subject
        self.parts = parts
        self.exchanges = exchanges
        self.count = 0
        groups = sorted({n.other for n in hypothesis.nodes.values() if n.other.startswith("together:")})
        self.groups = {group: -1 - i for i, group in enumerate(groups)}
        self.held: dict[str, tuple[Any, ...]] = {}
        self.live: dict[str, bool] = {}

    def visit(self, name: str, *, direct: bool) -> Visit:
        """Unroll one node and everything it reads."""
        node = self.hypothesis.nodes[name]
        index, self.count = self.count, self.count + 1
        keys = self.hypothesis.keys
        children = sorted(node.parents, key=lambda parent: (keys[parent[0]], parent[1]))
        if name not in self.held:
            self.held[name] = self._holds(node)
            sites = [
                self.parts[parent]
                for parent, paths in node.parents
                if paths == "all" and not self.hypothesis.nodes[parent].unimportant
            ]
            self.live[name] = bool(node.parents) and self.subject.reads_other(sites, self.parts[name])
        return Visit(
            index=index,
            node=name,
            part=self.parts[name],
            exchange=self.exchanges[name],
            other=node.other,
            other_stream=self.groups.get(node.other, 2 * index + 1),
            children=tuple(self.visit(parent, direct=paths == "direct") for parent, paths in children),
            holds=self.held[name],
            unimportant=node.unimportant,
            direct=direct,
            reads_other=self.live[name],
        )

    def _holds(self, node: Node) -> tuple[Any, ...]:
        """Return the mapped parts that lie between what a node reads and the node, and are not read by it."""
        if not node.parents:
            return ()
        read = [self.parts[parent] for parent, _ in node.parents]
        holds = []
        for name in sorted(self.hypothesis.nodes, key=lambda n: self.hypothesis.keys[n]):
            part = self.parts[name]
            if part in read or part in holds or part == self.parts[node.name]:
                continue
            below = any(self.subject.upstream(parent, part) for parent in read)
            if below and self.subject.upstream(part, self.parts[node.name]):
                holds.append(part)
        return tuple(holds)


def feature_values(feature: Feature, subject: Subject) -> tuple[np.ndarray, ...]:
    """Evaluate a feature on every input of a subject."""
    return feature.values(subject.columns, subject.constants, subject.tokens)
