"""Whether a hypothesis fits a subject: sites that exist, features that evaluate, reads that are upstream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scrubkit.errors import FeatureError, SiteError
from scrubkit.hypothesis import Hypothesis, Node
from scrubkit.subjects.subject import Subject


def check_task(hypothesis: Hypothesis, subject: Subject, faults: list[str]) -> None:
    """Check that a hypothesis is about the task of the subject."""
    if hypothesis.task and subject.task and hypothesis.task != subject.task:
        faults.append(f"is about the task {hypothesis.task!r}, and {subject.title} is of {subject.task!r}")


def resolve_parts(hypothesis: Hypothesis, subject: Subject, faults: list[str]) -> dict[str, Any]:
    """Resolve the site of every node; adds a fault for each that the subject does not have."""
    parts = {}
    for node in hypothesis.nodes.values():
        try:
            parts[node.name] = subject.part(node.site, hypothesis.subspaces)
        except SiteError as error:
            faults += [f"node {node.name!r}: {fault}" for fault in error.faults]
    return parts


def evaluate_features(
    hypothesis: Hypothesis, subject: Subject, faults: list[str]
) -> dict[str, tuple[np.ndarray, ...]]:
    """Evaluate the feature of every node on every input; adds a fault for each that fails."""
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


def check_reads(
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


def count_visits(hypothesis: Hypothesis) -> int:
    """Return the size of the unrolled hypothesis."""
    sizes: dict[str, int] = {}
    for name, node in hypothesis.nodes.items():
        sizes[name] = 1 + sum(sizes[parent] for parent, _ in node.parents)
    return sizes[hypothesis.root]
