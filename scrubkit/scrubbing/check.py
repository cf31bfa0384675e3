"""Everything that is wrong with a hypothesis on a model, at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scrubkit.errors import HypothesisError
from scrubkit.hypothesis import Hypothesis, load_hypothesis
from scrubkit.hypothesis.checks import GraphError
from scrubkit.scrubbing.fit import check_reads, check_task, evaluate_features, resolve_parts
from scrubkit.scrubbing.options import as_hypothesis
from scrubkit.scrubbing.plan import Plan, bind
from scrubkit.subjects.subject import Subject


def check(source: Any, subject: Subject, truth: Any = None, *, allow_code: bool = True) -> Plan:
    """Return a hypothesis bound to a subject.

    Faults of the graph do not hide faults of its nodes: sites, features and reads are checked even where the
    graph is not a valid hypothesis.

    Args:
        source: a hypothesis, a graph, a function from truth to graph, or a file.
        subject: what it is about.
        truth: what is known of the subject, for files and functions that take it.
        allow_code: False refuses ``.py`` files.

    Raises:
        HypothesisError: with every fault found.
    """
    try:
        if isinstance(source, str | Path):
            source = load_hypothesis(source, truth=truth, allow_code=allow_code)
        return bind(as_hypothesis(source, truth), subject)
    except GraphError as error:
        known = set(error.faults)
        further = [fault for fault in _node_faults(error.draft, subject) if fault not in known]
        raise HypothesisError([*error.faults, *further], title=error.title) from None


def _node_faults(draft: Hypothesis, subject: Subject) -> list[str]:
    faults: list[str] = []
    check_task(draft, subject, faults)
    nodes = draft.nodes
    parts = resolve_parts(draft, subject, faults)
    evaluate_features(draft, subject, faults)
    for node in nodes.values():
        check_reads(node, draft, parts, subject, faults)
    sinks = set(nodes) - {parent for node in nodes.values() for parent, _ in node.parents}
    roots = sinks if len(sinks) == 1 else {name for name in sinks if nodes[name].site.startswith("logits")}
    for name in sorted(roots & set(parts)):
        if not subject.is_output(parts[name]):
            faults.append(f"node {name!r}: the root must sit on the logits, found {nodes[name].site}")
    return faults
