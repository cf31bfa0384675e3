"""Mutants of the engine and the labels: cosmic-ray's operators at places drawn at random.

A place is a position in a file together with a family of operators (arithmetic, comparisons, numbers, and,
or, not, loops, decorators, exceptions). Places are drawn evenly, and at each one operator of its family; so a
sum, which has eleven replacements, weighs no more than a comparison. Mutants that cannot differ are left out:
those in annotations and docstrings, which nothing evaluates.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

LEFT_OUT = ("VariableReplacer", "VariableInserter")
"""Operators that need a variable to be named."""
SOURCES = (
    "scrubkit/scrubbing/*.py",
    "scrubkit/bench/label/*.py",
    "scrubkit/families/programs/label.py",
    "scrubkit/families/programs/judge.py",
    "scrubkit/families/programs/near_misses.py",
)


@dataclass(frozen=True)
class Mutant:
    """One change of one file.

    Attributes:
        path: the file, from the root of the repository.
        operator: cosmic-ray's name of the operator.
        occurrence: which of the places where it applies.
        line: where it is.
    """

    path: str
    operator: str
    occurrence: int
    line: int

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"{self.path}:{self.line} {self.operator.removeprefix('core/')} #{self.occurrence}"

    def source(self, root: Path) -> str:
        """Return the file with the change made."""
        changed = mutate_code((root / self.path).read_text(), get_operator(self.operator)(), self.occurrence)
        assert changed is not None
        return changed

    def differs(self, root: Path) -> bool:
        """Say whether the change is legal Python that does something else."""
        try:
            return _meaning(self.source(root)) != _meaning((root / self.path).read_text())
        except SyntaxError:
            return False

    def change(self, root: Path) -> str:
        """Return the lines that differ."""
        old, new = (root / self.path).read_text().splitlines(), self.source(root).splitlines()
        pairs = [(a.strip(), b.strip()) for a, b in zip(old, new, strict=False) if a != b]
        return "; ".join(f"{a}  ->  {b}" for a, b in pairs[:2])


def sample(root: Path, size: int, seed: int) -> list[Mutant]:
    """Draw mutants; the first of a larger sample of a seed are those of a smaller one."""
    rng = np.random.default_rng(seed)
    places = list(_places(root))
    found = []
    for i in rng.permutation(len(places)):
        mutant = places[i][int(rng.integers(len(places[i])))]
        if mutant.differs(root):
            found.append(mutant)
        if len(found) == size:
            break
    return found


def _places(root: Path) -> Iterator[list[Mutant]]:
    """Yield for each place the mutants there are."""
    operators = {name: get_operator(name)() for name in operator_names() if not name.endswith(LEFT_OUT)}
    for path in sorted(found for pattern in SOURCES for found in root.glob(pattern)):
        groups: dict[tuple[object, ...], list[Mutant]] = {}
        counts = dict.fromkeys(operators, 0)
        for node in ast_nodes(get_ast(path.read_text())):
            for name, operator in operators.items():
                for start, end in operator.mutation_positions(node):
                    mutant = Mutant(str(path.relative_to(root)), name, counts[name], start[0])
                    family = name.split("_")[0].removeprefix("core/Replace")
                    groups.setdefault((start, end, family), []).append(mutant)
                    counts[name] += 1
        yield from groups.values()


def _meaning(source: str) -> str:
    """Return what a module does, without annotations and docstrings."""
    return ast.dump(_Bare().visit(ast.parse(source)))


class _Bare(ast.NodeTransformer):
    """Drops annotations and free-standing strings."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            node.value = ast.Constant("")
        return self.generic_visit(node)
