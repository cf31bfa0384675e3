"""From a networkx graph to a frozen hypothesis: everything that can be checked without a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from scrubkit.core.feature import parse as parse_feature
from scrubkit.errors import FeatureError, HypothesisError, nearest
from scrubkit.hypothesis.claim import Hypothesis, Node, Sampler

GRAPH_KEYS = ("name", "task", "expect", "subspaces", "doc")
NODE_KEYS = ("site", "feature", "tolerance", "period", "sampler", "other", "unimportant")
EDGE_KEYS = ("paths",)
VERDICTS = ("supported", "refuted", "inconclusive", "untestable")
MAX_NODES = 2_000


class GraphError(HypothesisError):
    """A graph is not a valid hypothesis; its nodes can still be checked one by one.

    Attributes:
        draft: the nodes as far as they could be read; they may have cycles or no root.
    """

    def __init__(self, faults: Sequence[str], title: str, draft: Hypothesis) -> None:
        """Keep the faults and the draft."""
        super().__init__(faults, title=title)
        self.draft = draft


def from_graph(
    graph: nx.DiGraph, *, title: str = "hypothesis", source: str = "", doc: str = ""
) -> Hypothesis:
    """Check a graph and freeze it; the graph is not changed.

    Args:
        graph: the hypothesis, attributes as in a hypothesis file.
        title: what messages call it, normally the file.
        source: file it came from.
        doc: prose, where the graph has none of its own.

    Raises:
        HypothesisError: with every fault of the graph, each naming its node.
    """
    if not isinstance(graph, nx.DiGraph) or graph.is_multigraph():
        raise HypothesisError(f"expected a networkx.DiGraph, found {type(graph).__name__}", title=title)
    faults: list[str] = []
    nodes = {str(name): _read_node(graph, name, faults) for name in graph}
    if len(nodes) < len(graph):
        faults.append("two nodes have the same name as text; name nodes by distinct strings")
    root = _check_shape(graph, nodes, faults)
    expect = _read_expect(graph.graph.get("expect", {}), faults)
    subspaces = _read_subspaces(graph.graph.get("subspaces", {}), faults)
    faults += [_unknown("the graph", key, GRAPH_KEYS) for key in graph.graph if key not in GRAPH_KEYS]
    for key in ("name", "task", "doc"):
        if not isinstance(graph.graph.get(key, ""), str):
            faults.append(f"graph attribute {key} must be text, found {graph.graph[key]!r}")
    if faults or root is None:
        sited = {str(name) for name in graph if isinstance(graph.nodes[name].get("site"), str)}
        task = graph.graph.get("task", "")
        draft = Hypothesis("draft", task, {n: nodes[n] for n in nodes if n in sited}, "", subspaces=subspaces)
        raise GraphError(faults, title, draft)
    order = nx.lexicographical_topological_sort(graph, key=str)
    return Hypothesis(
        name=graph.graph.get("name") or Path(title).stem,
        task=graph.graph.get("task", ""),
        nodes={str(name): nodes[str(name)] for name in order},
        root=root,
        expect=expect,
        subspaces=subspaces,
        doc=graph.graph.get("doc", "") or doc,
        source=source,
    )


def _read_node(graph: nx.DiGraph, name: Any, faults: list[str]) -> Node:
    """Read one node's attributes and those of its incoming edges."""
    attributes, where = graph.nodes[name], f"node {str(name)!r}"
    faults += [_unknown(where, key, NODE_KEYS) for key in attributes if key not in NODE_KEYS]
    site = attributes.get("site")
    if not isinstance(site, str):
        faults.append(f"{where}: needs a site, e.g. site='hook_embed[pos=0]'; found {site!r}")
    feature = None
    if attributes.get("feature") is not None:
        try:
            feature = parse_feature(attributes["feature"])
        except FeatureError as error:
            faults += [f"{where}: {fault}" for fault in error.faults]
    unimportant = attributes.get("unimportant", False)
    if not isinstance(unimportant, bool):
        faults.append(f"{where}: unimportant must be True or False, found {unimportant!r}")
    sampler = _read_sampler(attributes.get("sampler", "feature"), where, faults)
    if graph.out_degree(name) and not unimportant and "feature" not in attributes and sampler == "feature":
        faults.append(f"{where}: needs a feature, e.g. feature='a', or unimportant=True")
    other = attributes.get("other", "uniform")
    if other != "uniform" and not graph.in_degree(name) and graph.out_degree(name):
        faults.append(
            f"{where}: other={other!r} says where the rest of what the node reads comes from, and a node "
            "without parents reads nothing; remove it, or add the edges into the node"
        )
    if unimportant and graph.in_degree(name):
        faults.append(f"{where}: is unimportant, so it can have no parents; remove the edges into it")
    parents = []
    for parent in graph.predecessors(name):
        edge, at = graph.edges[parent, name], f"edge {str(parent)!r} -> {str(name)!r}"
        faults += [_unknown(at, key, EDGE_KEYS) for key in edge if key not in EDGE_KEYS]
        if edge.get("paths", "all") not in ("all", "direct"):
            faults.append(f"{at}: paths must be 'all' or 'direct', found {edge['paths']!r}")
        parents.append((str(parent), edge.get("paths", "all")))
    return Node(
        name=str(name),
        site=str(site),
        feature=feature,
        tolerance=_read_numbers(attributes, "tolerance", where, faults),
        period=_read_numbers(attributes, "period", where, faults),
        sampler=sampler,
        other=_read_other(attributes.get("other", "uniform"), where, faults),
        unimportant=unimportant is True,
        parents=tuple(sorted(parents)),
    )


def _read_sampler(value: Any, where: str, faults: list[str]) -> Sampler:
    if value in ("feature", "uniform", "exact"):
        return value
    rows = value if isinstance(value, list | tuple | np.ndarray) else ()
    if len(rows) and all(isinstance(row, int | np.integer) and row >= 0 for row in rows):
        return tuple(int(row) for row in rows)
    faults.append(
        f"{where}: sampler must be 'feature', 'uniform', 'exact' or a list of rows, found {value!r}"
    )
    return "feature"


def _read_other(value: Any, where: str, faults: list[str]) -> str:
    if value in ("uniform", "exact") or (
        isinstance(value, str) and value.removeprefix("together:") not in ("", value)
    ):
        return value
    faults.append(f"{where}: other must be 'uniform', 'exact' or 'together:GROUP', found {value!r}")
    return "uniform"


def _read_numbers(
    attributes: Mapping[str, Any], key: str, where: str, faults: list[str]
) -> tuple[float | None, ...]:
    value = attributes.get(key)
    values = tuple(value) if isinstance(value, list | tuple) else () if value is None else (value,)
    for number in values:
        ok = number is None or (isinstance(number, int | float) and not isinstance(number, bool))
        if not ok or (number is not None and not 0 < number < float("inf")):
            faults.append(
                f"{where}: {key} must be a positive number or a list of such and None, found {value!r}"
            )
            return ()
    return tuple(None if number is None else float(number) for number in values)


def _read_expect(value: Any, faults: list[str]) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        faults.append(f"graph attribute expect must map a variant to a verdict, found {value!r}")
        return {}
    expect = {}
    for variant, verdicts in value.items():
        listed = tuple(verdicts) if isinstance(verdicts, list | tuple) else (verdicts,)
        faults += [
            f"expect[{variant!r}]: unknown verdict {str(v)!r}{nearest(str(v), VERDICTS)}; "
            f"verdicts are {', '.join(VERDICTS)}"
            for v in listed
            if v not in VERDICTS
        ]
        expect[str(variant)] = listed
    return expect


def _read_subspaces(value: Any, faults: list[str]) -> dict[str, tuple[tuple[float, ...], ...]]:
    subspaces = {}
    if not isinstance(value, Mapping):
        faults.append(f"graph attribute subspaces must map names to arrays, found {value!r}")
        return {}
    for name, rows in value.items():
        try:
            array = np.asarray(rows, dtype=float)
        except (TypeError, ValueError, OverflowError):
            array = np.empty(0)
        if array.ndim == 2 and array.size and np.isfinite(array).all():
            subspaces[str(name)] = as_rows(array)
        else:
            faults.append(f"subspace {name!r} must be a (rank, width) array of finite numbers")
    return subspaces


def as_rows(array: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """Return a matrix as nested tuples, which can be hashed."""
    return tuple(tuple(map(float, np.atleast_1d(row))) for row in array)


def _check_shape(graph: nx.DiGraph, nodes: Mapping[str, Node], faults: list[str]) -> str | None:
    """Check that the graph is a DAG with one sink, which reads everything; return the sink."""
    if not nodes:
        faults.append("the graph is empty; add a node with site='logits' and what it reads")
        return None
    if len(nodes) > MAX_NODES:
        faults.append(f"the graph has {len(nodes)} nodes; at most {MAX_NODES} are read")
        return None
    if not nx.is_directed_acyclic_graph(graph):
        cycle = " -> ".join(str(source) for source, _ in nx.find_cycle(graph))
        faults.append(f"the graph has a cycle: {cycle}; a node cannot depend on itself")
    sinks = [str(name) for name in graph if graph.out_degree(name) == 0]
    if len(sinks) == 1:
        return sinks[0]
    if sinks:
        on_logits = [name for name in sinks if nodes[name].site.startswith("logits")]
        root = on_logits[0] if len(on_logits) == 1 else None
        for name in sinks:
            if name != root:
                faults.append(
                    f"node {name!r} does not reach the root: nothing reads it; add an edge from it, or "
                    f"remove it (a hypothesis has one sink, its root{f', here {root!r}' if root else ''})"
                )
    return None


def _unknown(where: str, key: Any, known: Iterable[str]) -> str:
    known = list(known)
    return f"{where}: unknown attribute {key!r}{nearest(str(key), known)}; known are {', '.join(known)}"
