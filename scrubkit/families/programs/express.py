"""The value of a variable as an expression over the inputs, in scrubkit's feature language."""

from __future__ import annotations

import ast
from collections.abc import Mapping

import numpy as np

from scrubkit.core.feature import MAX_LENGTH, parse
from scrubkit.errors import FeatureError
from scrubkit.families.programs.graph import Program, Variable
from scrubkit.families.programs.rules import Choice


def express(program: Program, name: str) -> str:
    """Return an expression over the inputs that tells what a variable tells.

    Features of the graph are put into each other; where there is a function instead, or that would grow too
    long, the expression lists the inputs on which the variable takes each value. Where even that is too long
    it is the tuple of all inputs that matter, which tells more.
    """
    key = ("express", name)
    if key not in program.memo:
        program.memo[key] = _express(program, name)
    return program.memo[key]


def _express(program: Program, name: str) -> str:
    texts: dict[str, str | None] = {}
    for variable in program.variables.values():
        texts[variable.name] = (
            variable.name if variable.rule is None else _composed(program, variable.name, texts)
        )
        if variable.name == name:
            break
    text = texts[name]
    if text is not None and _agrees(program, name, text):
        return text
    return _listed(program, name)


def _composed(program: Program, name: str, texts: Mapping[str, str | None]) -> str | None:
    """Put the parents' expressions into a node's own."""
    variable = program.variables[name]
    if variable.via == "copy":
        return texts[variable.parents[0]]
    node = program.graph.nodes.get(name, {})
    parents = {p: texts[p] for p in variable.parents}
    if any(text is None for text in parents.values()) or "fn" in node:
        return None
    if isinstance(variable.rule, Choice):
        return _chosen(variable, variable.rule, parents, node.get("where", "key == query"))
    if "feature" not in node and variable.via != "sum":
        return None
    inside = {p: str(text) for p, text in parents.items()}
    if variable.via == "sum":
        inside["sum"] = " + ".join(f"({text})" for text in parents.values())
    text = substitute(node.get("feature", "sum"), inside)
    return text if len(text) <= MAX_LENGTH else None


def _chosen(variable: Variable, rule: Choice, parents: Mapping[str, str | None], where: str) -> str | None:
    """Write a selection as a sum in which each source that matches takes over from those before it."""

    def source(index: int, constant: int) -> str:
        return str(parents[variable.parents[index]]) if index >= 0 else str(constant)

    places = rule.positions or (0,) * len(rule.keys)
    found = [(source(k, at), source(v, at)) for k, v, at in zip(rule.keys, rule.values, places, strict=True)]
    order = found if rule.last else found[::-1]
    whole = order[-1][1]
    for key, value in order:
        match = substitute(where, {"query": str(parents[variable.parents[0]]), "key": key})
        whole = f"({match}) * ({value}) + (not ({match})) * ({whole})"
    whole = ast.unparse(ast.parse(whole, mode="eval"))
    return whole if len(whole) <= MAX_LENGTH else None


def substitute(text: str, inside: Mapping[str, str]) -> str:
    """Return an expression with other expressions in place of some names."""
    trees = {name: ast.parse(inner, mode="eval").body for name, inner in inside.items()}
    return ast.unparse(_Substitute(trees).visit(ast.parse(" ".join(text.split()), mode="eval")))


class _Substitute(ast.NodeTransformer):
    def __init__(self, inside: Mapping[str, ast.expr]) -> None:
        self.inside = inside

    def visit_Name(self, node: ast.Name) -> ast.expr:  # noqa: N802 - the name that ast asks for
        return self.inside.get(node.id, node)


def _agrees(program: Program, name: str, text: str) -> bool:
    columns = {n: program.values[n] for n in program.inputs}
    try:
        found = parse(text).values(columns, {})
    except FeatureError:
        return False
    return len(found) == 1 and bool((found[0] == program.values[name]).all())


def _listed(program: Program, name: str) -> str:
    """List the inputs on which a variable takes each value but the first, each as one number."""
    rows, values = program.rows, program.indices[name]
    matter = [i for i in range(rows.shape[1]) if _matters(rows, values, i)] or [0]
    base = int(rows.max()) + 1
    digits = [f"{base**k} * {program.inputs[i]}" if k else program.inputs[i] for k, i in enumerate(matter)]
    number = " + ".join(digits)
    codes = rows[:, matter] @ base ** np.arange(len(matter))
    terms = []
    for value in np.unique(values)[1:]:
        at = " or ".join(f"{number} == {code}" for code in np.unique(codes[values == value]))
        terms.append(f"{value} * ({at})")
    text = " + ".join(terms) or "0"
    return text if len(text) <= MAX_LENGTH else f"({', '.join(program.inputs[i] for i in matter)},)"


def _matters(rows: np.ndarray, values: np.ndarray, column: int) -> bool:
    """Say whether two rows that differ in one column alone differ in value."""
    others = np.delete(rows, column, axis=1)
    _, group = np.unique(others, axis=0, return_inverse=True)
    pairs = np.unique(np.stack([group.ravel(), values], axis=1), axis=0)
    return len(pairs) > len(np.unique(group))
