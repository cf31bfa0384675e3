"""Code that repeats one failure alone, to be pasted into a shell."""

from __future__ import annotations

import dataclasses
from typing import Any

from scrubkit.harness.stranger import Stranger
from scrubkit.methods.protocol import Budget


def case_snippet(method: Any, case_id: str, suite: str, seed: int, budget: Budget) -> str:
    """Return code that puts one case to a method."""
    imports, expression = spelled(method)
    options = _options(suite=(suite, "fast"), seed=(seed, 0), budget=(budget, Budget()))
    call = f"scrubkit.testing.load_case({', '.join([repr(case_id), *options])}).check({expression})"
    return "\n".join([*_header(imports, budget), "", call])


def check_snippet(method: Any, check: str, seed: int, budget: Budget) -> str:
    """Return code that makes one conformance check."""
    imports, expression = spelled(method)
    options = _options(seed=(seed, 0), budget=(budget, Budget()))
    arguments = ", ".join([expression, f"only=[{check!r}]", *options])
    return "\n".join([*_header(imports, budget), "", f"scrubkit.testing.check_method({arguments})"])


def spelled(method: Any) -> tuple[list[str], str]:
    """Return the lines that bring a method in, and an expression for it.

    An instance with settings is spelled by its repr where that is code, as that of a dataclass; of others the
    settings stand in a comment.
    """
    if isinstance(method, Stranger):
        return [], repr(method.source)
    kind = type(method)
    settings = {name: value for name, value in vars(method).items() if not name.startswith("_")}
    root = kind.__qualname__.partition(".")[0]
    if "<locals>" in kind.__qualname__ or kind.__module__ == "__main__":
        shown = ", ".join(f"{name}={value!r:.60}" for name, value in settings.items())
        return [f"method = ...  # {kind.__name__}({shown}), as the test makes it"], "method"
    imports = [f"from {kind.__module__} import {root}"]
    if settings == _defaults(kind):
        return imports, f"{kind.__qualname__}()"
    if dataclasses.is_dataclass(method) and "object at 0x" not in repr(method):
        return imports, repr(method)
    shown = ", ".join(f"{name}={value!r:.60}" for name, value in settings.items())
    return [*imports, f"method = {kind.__qualname__}(...)  # with {shown}"], "method"


def _defaults(kind: type) -> dict[str, Any] | None:
    """Return the settings of an instance made without arguments, None where there is none."""
    try:
        made = vars(kind())
    except Exception:
        return None
    return {name: value for name, value in made.items() if not name.startswith("_")}


def _header(imports: list[str], budget: Budget) -> list[str]:
    needed = [] if budget == Budget() else ["from scrubkit import Budget"]
    return ["import scrubkit.testing", *needed, *imports]


def _options(**values: tuple[Any, Any]) -> list[str]:
    """Return ``name=value`` for each value that is not its default."""
    return [f"{name}={value!r}" for name, (value, default) in values.items() if value != default]
