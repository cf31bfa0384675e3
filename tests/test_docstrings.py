"""Public functions say what they take, what they give back, and what they raise."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import scrubkit

PACKAGE = Path(scrubkit.__file__).parent
FOLDERS = ("bench", "models", "methods")
ELSEWHERE = ("scrubkit.FunctionGraph.",)
"""What `scrubkit.subjects.subject.Subject` describes for every kind of subject."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


def parameters(function: Function) -> list[str]:
    """The parameters that a caller gives."""
    found = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return [p.arg for p in found if p.arg not in ("self", "cls")]


def functions(path: Path, only: str | None = None) -> Iterator[tuple[str, Function]]:
    """The public functions of a module, and the public methods of one class."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, Function) and not node.name.startswith("_") and only in (None, node.name):
            yield node.name, node
        if isinstance(node, ast.ClassDef) and node.name == only:
            for inner in node.body:
                if isinstance(inner, Function) and not inner.name.startswith("_"):
                    yield f"{node.name}.{inner.name}", inner


def documented() -> dict[str, Function]:
    found: dict[str, Function] = {}
    for name, module in scrubkit._HOME.items():
        base = PACKAGE.parent / module.replace(".", "/")
        path = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
        found |= {f"scrubkit.{key}": function for key, function in functions(path, name)}
    for folder in FOLDERS:
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            place = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
            found |= {f"{place}.{key}": function for key, function in functions(path)}
    return {key: f for key, f in found.items() if len(parameters(f)) > 1 and not key.startswith(ELSEWHERE)}


def test_there_are_public_functions() -> None:
    assert {"scrubkit.score", "scrubkit.Bound.given", "bench.label.judge.label"} <= set(documented())


@pytest.mark.parametrize("name", sorted(documented()))
def test_a_public_function_describes_every_parameter(name: str) -> None:
    function = documented()[name]
    text = ast.get_docstring(function) or ""
    section = text.partition("Args:")[2]
    missing = [p for p in parameters(function) if f"    {p}: " not in section]
    assert not missing, f"Args of {name} leave out {', '.join(missing)}"
    returns = function.returns
    nothing = returns is None or (isinstance(returns, ast.Constant) and returns.value is None)
    assert nothing or "Return" in text or "Yield" in text, f"{name} does not say what it returns"
