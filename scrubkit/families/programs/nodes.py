"""Reading one node of a program: its rule, by enumeration of its parents' values."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any

import networkx as nx
import numpy as np
import torch
from jaxtyping import Int

from scrubkit.core.feature import parse
from scrubkit.errors import FeatureError, ProgramError, nearest
from scrubkit.families.programs.graph import Variable
from scrubkit.families.programs.rules import Choice, Table, Total

MAX_COMBINATIONS = 4096
"""Entries of one table: a neuron each."""
_KEYS: Mapping[str, tuple[str, ...]] = {
    "table": ("fn", "feature"),
    "sum": ("fn", "feature"),
    "copy": (),
    "select": ("query", "keys", "values", "where", "prefer", "positions"),
}
_COMMON = ("via", "pos", "family")
POSITIONS = "positions"
"""Stands for the positions themselves among a selection's keys or values."""


def read_node(graph: nx.DiGraph, name: str, known: Mapping[str, Variable]) -> Variable:
    """Return a node as a variable.

    Args:
        graph: the program.
        name: the node, which has parents.
        known: the variables read so far, its parents among them.

    Raises:
        ProgramError: with the node's fault.
    """
    node = graph.nodes[name]
    via = node.get("via", "table")
    if via not in _KEYS:
        raise ProgramError(f"node {name!r}: via is {via!r}; allowed are {', '.join(_KEYS)}")
    allowed = (*_KEYS[via], *_COMMON)
    unknown = [f"{key!r}{nearest(str(key), allowed)}" for key in node if key not in allowed]
    if unknown:
        raise ProgramError(
            f"node {name!r}: unknown {', '.join(unknown)}; via={via} takes {', '.join(allowed)}"
        )
    parents = [known[parent] for parent in graph.predecessors(name)]
    domain, rule, order = _READERS[via](name, node, parents)
    return Variable(name, domain, order, rule, via, node.get("pos"), node.get("family", name))


def _read_table(name: str, node: Mapping[str, Any], parents: Sequence[Variable]) -> Any:
    count = math.prod(parent.size for parent in parents)
    if count > MAX_COMBINATIONS:
        raise ProgramError(
            f"node {name!r}: its parents have {count} combinations of values, at most {MAX_COMBINATIONS}; "
            "compute it in steps, or via sum"
        )
    grid = np.meshgrid(*(np.array(parent.domain) for parent in parents), indexing="ij")
    columns = {p.name: axis.ravel() for p, axis in zip(parents, grid, strict=True)}
    values = _evaluate(name, node, columns)
    domain, answers = np.unique(values, return_inverse=True)
    shape = tuple(parent.size for parent in parents)
    return _tuple(domain), Table(answers.reshape(shape)), tuple(p.name for p in parents)


def _read_sum(name: str, node: Mapping[str, Any], parents: Sequence[Variable]) -> Any:
    low = sum(parent.domain[0] for parent in parents)
    high = sum(parent.domain[-1] for parent in parents)
    if high - low >= MAX_COMBINATIONS:
        raise ProgramError(
            f"node {name!r}: the sum takes {high - low + 1} values, at most {MAX_COMBINATIONS}"
        )
    sums = np.arange(low, high + 1)
    values = _evaluate(name, node, {"sum": sums}) if {"fn", "feature"} & set(node) else sums
    domain, answers = np.unique(values, return_inverse=True)
    terms = tuple(np.array(parent.domain) for parent in parents)
    return _tuple(domain), Total(terms, low, answers), tuple(p.name for p in parents)


def _read_copy(name: str, node: Mapping[str, Any], parents: Sequence[Variable]) -> Any:
    if len(parents) != 1:
        raise ProgramError(f"node {name!r}: a copy has one parent, found {len(parents)}")
    return parents[0].domain, Table(np.arange(parents[0].size)), (parents[0].name,)


def _read_select(name: str, node: Mapping[str, Any], parents: Sequence[Variable]) -> Any:
    by_name = {parent.name: parent for parent in parents}
    query = node.get("query")
    sources = {key: _sources(name, node, key, by_name) for key in ("keys", "values")}
    if len(sources["keys"]) != len(sources["values"]) or not sources["keys"]:
        raise ProgramError(f"node {name!r}: keys and values must be lists of one length, at least 1")
    named = [query, *(s for key in sources for s in sources[key] if isinstance(s, str))]
    if query not in by_name or set(named) != set(by_name):
        raise ProgramError(
            f"node {name!r}: its parents are {', '.join(by_name)}; query, keys and values name "
            f"{', '.join(map(str, dict.fromkeys(named)))}"
        )
    order = tuple(dict.fromkeys(named))
    key_domain = _shared_domain(name, sources["keys"], by_name)
    value_domain = tuple(sorted({v for s in sources["values"] for v in _domain(s, by_name)}))
    u, w = np.meshgrid(by_name[query].domain, key_domain, indexing="ij")
    where = {"feature": node.get("where", "key == query")}
    matches = _evaluate(name, where, {"query": u.ravel(), "key": w.ravel()}).reshape(u.shape) != 0
    if node.get("prefer", "last") not in ("first", "last"):
        raise ProgramError(f"node {name!r}: prefer is {node['prefer']!r}; allowed are first, last")
    rule = Choice(
        matches,
        tuple(order.index(s) if isinstance(s, str) else -1 - key_domain.index(s) for s in sources["keys"]),
        tuple(order.index(s) if isinstance(s, str) else -1 for s in sources["values"]),
        tuple(np.searchsorted(value_domain, _domain(s, by_name)) for s in sources["values"]),
        node.get("prefer", "last") == "last",
        tuple(int(pos) for pos in node[POSITIONS]) if POSITIONS in node else (),
    )
    return value_domain, rule, order


def _sources(
    name: str, node: Mapping[str, Any], key: str, parents: Mapping[str, Variable]
) -> list[str | int]:
    given = node.get(key)
    if given == POSITIONS:
        if POSITIONS not in node:
            raise ProgramError(f"node {name!r}: {key} are positions; say which, positions=[...]")
        return [int(pos) for pos in node[POSITIONS]]
    found = list(given) if isinstance(given, list | tuple) else []
    strange = [repr(s) for s in found if s not in parents]
    if strange or not found:
        raise ProgramError(
            f"node {name!r}: {key} must list parents or be 'positions'; found {', '.join(strange) or given!r}"
        )
    return found


def _domain(source: str | int, parents: Mapping[str, Variable]) -> tuple[int, ...]:
    return parents[source].domain if isinstance(source, str) else (source,)


def _shared_domain(name: str, keys: list[str | int], parents: Mapping[str, Variable]) -> tuple[int, ...]:
    if not isinstance(keys[0], str):
        return tuple(sorted(int(key) for key in keys))
    domains = {_domain(key, parents) for key in keys}
    if len(domains) > 1:
        raise ProgramError(f"node {name!r}: keys must have one domain, found {sorted(domains)}")
    return domains.pop()


def _evaluate(
    name: str, node: Mapping[str, Any], columns: Mapping[str, Int[np.ndarray, " row"]]
) -> Int[np.ndarray, " row"]:
    """Return a node's value on rows of its arguments' values."""
    if ("fn" in node) == ("feature" in node):
        raise ProgramError(f"node {name!r} needs fn or feature, one of them, of {', '.join(columns)}")
    values = (
        _called(name, node["fn"], columns) if "fn" in node else _expressed(name, node["feature"], columns)
    )
    if values.shape != next(iter(columns.values())).shape:
        raise ProgramError(f"node {name!r} gives shape {values.shape}; one number per row is expected")
    whole = np.round(values.astype(float))
    if not np.all(np.abs(values.astype(float) - whole) < 1e-9) or np.abs(whole).max() > 1e9:
        raise ProgramError(f"node {name!r} gives {values[values != whole][:1]}; values must be whole numbers")
    return whole.astype(np.int64)


def _called(name: str, fn: Any, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    if not callable(fn):
        raise ProgramError(f"node {name!r}: fn must be a function of {', '.join(columns)}")
    try:
        inspect.signature(fn).bind(**columns)
    except TypeError as error:
        raise ProgramError(f"node {name!r}: fn cannot be called with its parents by name: {error}") from None
    except ValueError:
        pass  # A builtin without signature is tried.
    try:
        return torch.as_tensor(fn(**{k: torch.from_numpy(v.copy()) for k, v in columns.items()})).numpy()
    except Exception as error:
        raise ProgramError(
            f"node {name!r}: fn failed on tensors of its parents' values on all inputs (x if c else y is "
            f"written torch.where(c, x, y)): {type(error).__name__}: {error}"
        ) from error


def _expressed(name: str, text: Any, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    try:
        components = parse(text).values(columns, {})
    except FeatureError as error:
        raise ProgramError([f"node {name!r}: {fault}" for fault in error.faults]) from None
    if len(components) != 1:
        raise ProgramError(
            f"node {name!r}: a feature with {len(components)} parts; write one number, e.g. a + 3 * b"
        )
    return components[0]


def _tuple(domain: np.ndarray) -> tuple[int, ...]:
    return tuple(int(value) for value in domain)


_READERS: Mapping[str, Any] = {
    "table": _read_table,
    "sum": _read_sum,
    "copy": _read_copy,
    "select": _read_select,
}
