"""How well a hypothesis agrees with the known algorithm, from the truth and not from behaviour.

Behaviour can be right for the wrong reason. Sites are compared by how much they overlap, features by the
adjusted mutual information of their partitions (Vinh, Epps and Bailey 2010), numbered components as sets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import networkx as nx
import numpy as np
from jaxtyping import Int
from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from scrubkit.core.feature import class_ids
from scrubkit.core.site import Part
from scrubkit.scrubbing.agreement import adjusted_mutual_information
from scrubkit.scrubbing.plan import Plan
from scrubkit.scrubbing.truth_graph import Claimed
from scrubkit.subjects.sites import Sites

_ENOUGH = 0.5
"""Share of a site that must be common for two sites to count as the same."""
_SERVES = re.compile(r":(\d{1,9})(?!\w)")
_SAMPLE = 4000
"""Inputs on which partitions are compared; adjusted mutual information is slow on many classes."""


class Match(BaseModel):
    """Agreement of a hypothesis's graph with the truth graph; every figure lies in [0, 1].

    Attributes:
        sites_precision: mean overlap of the hypothesis's sites with the truth's.
        sites_recall: mean overlap of the truth's sites with the hypothesis's; sites of one variable are one.
        edges_precision: share of the hypothesis's edges between sites in common that follow a path of
            the truth.
        edges_recall: share of the truth's edges between sites in common that follow a path of the
            hypothesis.
        features: mean agreement of features with the truth's at the sites in common.
        components: Jaccard index of the numbered components that sites name with the key ones; None if they
            name none. Earlier versions had another name for it, which is still read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True)

    sites_precision: float
    sites_recall: float
    edges_precision: float | None
    edges_recall: float | None
    features: float | None
    components: float | None = Field(validation_alias=AliasChoices("components", "frequencies"))

    @property
    def overall(self) -> float:
        """F1 of the sites, times the mean agreement of features and components where they are claimed."""
        both = self.sites_precision + self.sites_recall
        sites = 2 * self.sites_precision * self.sites_recall / both if both else 0.0
        agreement = [x for x in (self.features, self.components) if x is not None]
        return sites * (sum(agreement) / len(agreement) if agreement else 1.0)


def match(plan: Plan, subject: Sites, truth: nx.DiGraph) -> Match:
    """Compare a hypothesis with what is known of a model.

    The root is left out, since every hypothesis has it.

    Args:
        plan: the hypothesis, bound to the model.
        subject: the sites of the model.
        truth: the model's truth graph.
    """
    known = {key: truth.nodes[key]["claimed"] for key in truth}
    claimed = _claims(plan)
    overlaps = {
        (mine, key): site_overlap(claimed[mine].part, known[key].part) for mine in claimed for key in known
    }
    best = {
        mine: max(((overlaps[mine, key], str(key), key) for key in known), default=None) for mine in claimed
    }
    pairs = {mine: found[2] for mine, found in best.items() if found and found[0] >= _ENOUGH}
    recall: dict[object, float] = {}
    for key, there in known.items():
        held = there.of or key
        found = max((overlaps[mine, key] for mine in claimed), default=0.0)
        recall[held] = max(recall.get(held, 0.0), found)
    graph = plan.hypothesis.graph
    return Match(
        sites_precision=float(np.mean([found[0] if found else 0.0 for found in best.values()]))
        if best
        else 0.0,
        sites_recall=float(np.mean(list(recall.values()))) if recall else 0.0,
        edges_precision=_share(
            _linked(truth, pairs[m], pairs[n]) for m, n in graph.edges if m in pairs and n in pairs
        ),
        edges_recall=_share(
            any(nx.has_path(graph, x, y) for x in pairs if pairs[x] == m for y in pairs if pairs[y] == n)
            for m, n in truth.edges
            if m in pairs.values() and n in pairs.values()
        ),
        features=_feature_agreement(claimed, known, pairs),
        components=_component_agreement(plan, subject),
    )


def site_overlap(one: Part, other: Part) -> float:
    """Return the Jaccard index of two parts of one hook; 0 for different hooks."""
    if one.hook != other.hook:
        return 0.0
    share = _jaccard(set(one.positions), set(other.positions))
    for mine, theirs in ((one.inner, other.inner), (one.components, other.components)):
        if mine is not None and theirs is not None:
            share *= _jaccard(set(mine), set(theirs))
        elif mine is not None or theirs is not None:
            share *= _ENOUGH
    if one.basis != other.basis:
        share *= _ENOUGH
    return share


def partition_agreement(one: Int[np.ndarray, " input"], other: Int[np.ndarray, " input"]) -> float:
    """Return the adjusted mutual information of two partitions, on a fixed sample of the inputs."""
    if len(one) > _SAMPLE:
        chosen = np.random.default_rng(0).choice(len(one), _SAMPLE, replace=False)
        one, other = one[chosen], other[chosen]
    one, other = class_ids([one]), class_ids([other])
    if np.array_equal(one, other):
        return 1.0
    for ids in (one, other):
        if ids.max() + 1 in (1, len(ids)):
            return 0.0
    return max(adjusted_mutual_information(one, other), 0.0)


def _claims(plan: Plan) -> dict[str, Claimed]:
    """Return what the hypothesis says matters; its unimportant nodes say the contrary."""
    claimed = {}
    for node in plan.hypothesis.nodes.values():
        if node.name != plan.hypothesis.root and not node.unimportant:
            values = plan.features.get(node.name)
            claimed[node.name] = Claimed(plan.parts[node.name], None if values is None else class_ids(values))
    return claimed


def _feature_agreement(
    claimed: Mapping[str, Claimed], known: Mapping[object, Claimed], pairs: Mapping[str, object]
) -> float | None:
    made: dict[tuple[bytes, bytes], float] = {}
    values = []
    for mine, key in pairs.items():
        one, other = claimed[mine].classes, known[key].classes
        if one is not None and other is not None:
            names = (one.tobytes(), other.tobytes())
            if names not in made:
                made[names] = partition_agreement(one, other)
            values.append(made[names])
    return float(np.mean(values)) if values else None


def _component_agreement(plan: Plan, subject: Sites) -> float | None:
    """Return the Jaccard index of the numbered components that sites name, and those that are key.

    A site names components by number, or by the name of a part that ends in the number that it serves.
    Component 0, what no other holds, says nothing.
    """
    key = {i for names in subject.truth.names.values() for i in names.get("key", ())}
    named: set[int] = set()
    for node in plan.hypothesis.nodes.values():
        if not node.unimportant:
            named |= {int(i) for i in _SERVES.findall(node.site)} | set(
                plan.parts[node.name].components or ()
            )
    return _jaccard(named - {0}, key) if named - {0} and key else None


def _linked(graph: nx.DiGraph, source: object, target: object) -> bool:
    return source != target and nx.has_path(graph, source, target)


def _share(outcomes: Iterable[bool]) -> float | None:
    listed = list(outcomes)
    return sum(listed) / len(listed) if listed else None


def _jaccard(one: set[int], other: set[int]) -> float:
    return len(one & other) / len(one | other) if one | other else 1.0
