"""A hypothesis as the oracle reads it off a networkx graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np

from tests.oracle.domain import Policy, kernel
from tests.oracle.machine import Machine


@dataclass(frozen=True, eq=False)
class Node:
    """One node: its part, its parents with whether each is direct, its policy and what it holds."""

    name: str
    part: Any
    policy: Policy
    unimportant: bool
    parents: tuple[tuple[str, bool], ...]
    holds: tuple[Any, ...]
    groups: frozenset[str]
    """Groups whose draw this node or anything above it uses."""


@dataclass(frozen=True)
class Claim:
    """All nodes and the kernel of each."""

    nodes: dict[str, Node]
    root: str
    kernels: dict[str, np.ndarray]


def read_claim(graph: nx.DiGraph, machine: Machine) -> Claim:
    """Read a graph that is known to be valid."""
    named = graph.graph.get("subspaces", {})
    parts = {name: machine.part(graph.nodes[name]["site"], named) for name in graph}
    nodes: dict[str, Node] = {}
    for name in nx.topological_sort(graph):
        attributes = graph.nodes[name]
        parents = tuple(
            (p, graph.edges[p, name].get("paths", "all") == "direct") for p in graph.predecessors(name)
        )
        groups = frozenset(g for p, _ in parents for g in nodes[p].groups)
        policy = _policy(attributes)
        if parents and policy.other.startswith("together:"):
            groups |= {policy.other.removeprefix("together:")}
        read = [parts[p] for p, _ in parents]
        held: list[Any] = []
        for other in graph:
            part = parts[other]
            if other != name and machine.holds_back(part, parts[name]):
                if not any(machine.same(part, known) for known in (*read, *held, parts[name])):
                    held.append(part)
        nodes[name] = Node(
            name, parts[name], policy, attributes.get("unimportant", False), parents, tuple(held), groups
        )
    (root,) = (n for n in graph if graph.out_degree(n) == 0)
    drawn = [n for n in nodes if n != root and not nodes[n].unimportant]
    kernels = {n: kernel(nodes[n].policy, machine.domain) for n in drawn}
    return Claim(nodes, root, kernels)


def _policy(attributes: Any) -> Policy:
    def each(key: str) -> Sequence[float | None]:
        value = attributes.get(key)
        if value is None:
            return ()
        return tuple(value) if isinstance(value, list | tuple) else (value,)

    sampler = attributes.get("sampler", "feature")
    return Policy(
        feature=attributes.get("feature"),
        tolerance=each("tolerance"),
        period=each("period"),
        sampler=sampler if isinstance(sampler, str) else tuple(sampler),
        other=attributes.get("other", "uniform"),
    )


def joint_draws(claim: Claim, machine: Machine) -> float:
    """Bound how many joint draws an enumeration meets that takes no two for one."""
    n = machine.domain.n

    def below(name: str) -> float:
        node, count = claim.nodes[name], 1.0
        if node.parents and node.policy.other == "uniform":
            count *= n
        for parent, _ in node.parents:
            if not claim.nodes[parent].unimportant:
                count *= float((claim.kernels[parent] > 0).sum(1).mean()) * below(parent)
        return count

    return n * below(claim.root) * float(n) ** len(claim.nodes[claim.root].groups)
