"""Whether a hypothesis fits a subject: sites that exist, features that evaluate, reads that are upstream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scrubkit.core.feature import Feature
from scrubkit.errors import FeatureError, HypothesisError, SiteError
from scrubkit.hypothesis import Hypothesis, Node
from scrubkit.subjects.subject import Subject

MAX_BYTES = 2**29
"""Most memory that the values of a hypothesis's features may take."""
MAX_OPERATIONS = 4 * 10**9
"""Most operations, over all inputs, that they may take to evaluate: some seconds."""


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
    """Evaluate the feature of every node on every input; adds a fault for each that fails.

    Raises:
        HypothesisError: together they would take too much memory or time.
    """
    _require_affordable(hypothesis, subject)
    found: dict[Feature, tuple[np.ndarray, ...]] = {}
    features = {}
    for node in hypothesis.nodes.values():
        if node.feature is None:
            continue
        try:
            if node.feature not in found:
                found[node.feature] = node.feature.values(subject.columns, subject.constants, subject.tokens)
            values = found[node.feature]
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


def _require_affordable(hypothesis: Hypothesis, subject: Subject) -> None:
    """Refuse features that would take gigabytes or minutes; equal ones are evaluated once."""
    distinct = {node.feature for node in hypothesis.nodes.values() if node.feature is not None}
    sizes = [feature.size for feature in distinct]
    size = 8 * subject.n_inputs * sum(components for components, _ in sizes)
    operations = subject.n_inputs * sum(count for _, count in sizes)
    faults = []
    if size > MAX_BYTES:
        faults.append(f"{size / 2**30:.1f} GiB, at most {MAX_BYTES / 2**30:.1f} GiB are taken")
    if operations > MAX_OPERATIONS:
        faults.append(f"{operations:,} operations, at most {MAX_OPERATIONS:,} are run")
    if faults:
        raise HypothesisError(
            f"{len(distinct)} different features over {subject.n_inputs:,} inputs take "
            f"{' and '.join(faults)}; use fewer nodes, shorter features or a smaller task",
            title=hypothesis.source or hypothesis.name,
        )


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


def count_tree_nodes(hypothesis: Hypothesis) -> int:
    """Return the size of the unrolled hypothesis."""
    sizes: dict[str, int] = {}
    for name, node in hypothesis.nodes.items():
        sizes[name] = 1 + sum(sizes[parent] for parent, _ in node.parents)
    return sizes[hypothesis.root]
