"""Which method gave an answer: its name, its version, and a hash of its code and settings.

Stored answers are used again only while all three are unchanged.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import torch

import scrubkit

MAX_SOURCES = 2000
"""Packages with more source files than this are known by the method's own module alone."""


@dataclass(frozen=True)
class Identity:
    """A method, so far as its answers depend on it.

    Attributes:
        name: what reports call it.
        version: its own `version`, or the ``__version__`` of its package; "" if neither is there.
        config: SHA-256 of its code, its settings and the versions of scrubkit and torch. Its code is the
            whole package that it is from, and whatever that imports which is not installed.
        claims_minimality: whether it says that everything named is needed; decides how it is judged.
    """

    name: str
    version: str
    config: str
    claims_minimality: bool = True


def identify(method: Any) -> Identity:
    """Return the identity of a method."""
    kind = type(method)
    settings = {key: value for key, value in sorted(_settings(method).items()) if not key.startswith("_")}
    parts = [kind.__module__, kind.__qualname__, code_hash(kind.__module__)]
    parts += [scrubkit.__version__, torch.__version__]
    text = json.dumps([*parts, settings], default=_spell)
    package = sys.modules.get(kind.__module__.partition(".")[0])
    version = str(getattr(method, "version", "") or getattr(package, "__version__", ""))
    minimal = bool(getattr(method, "claims_minimality", True))
    return Identity(method.name, version, hashlib.sha256(text.encode()).hexdigest(), minimal)


@lru_cache(maxsize=64)
def code_hash(module: str) -> str:
    """Return the SHA-256 of a module's whole package, or of its file, and of the own code that it imports."""
    digest = hashlib.sha256()
    for path in sorted(_sources(module)):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _sources(module: str) -> set[Path]:
    """Return the files of a module's package, and of what is imported there and not installed."""
    found = _package(module)
    waiting, seen = list(found), {module.partition(".")[0]}
    while waiting and len(found) <= MAX_SOURCES:
        for name in _imports(_read(waiting.pop())) - seen:
            seen.add(name)
            new = _package(name) - found if _is_own(name) else set()
            found |= new
            waiting += new
    return found


def _package(module: str) -> set[Path]:
    """Return the files of the package that a module is from; of a huge package only the module's own."""
    sources = {path for folder in _folders(module.partition(".")[0]) for path in folder.rglob("*.py")}
    if sources and len(sources) <= MAX_SOURCES:
        return sources
    own = getattr(sys.modules.get(module), "__file__", None) or _origin(module)
    return {Path(own)} if own else set()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@lru_cache(maxsize=MAX_SOURCES)
def _imports(source: bytes) -> frozenset[str]:
    """Return the top-level names that a file imports, or may import.

    Args:
        source: its text. All methods of a package share its files, so that each is parsed once.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return frozenset()
    names: set[str] = set()
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        # Relative imports stay inside the package, all of which counts anyway.
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module.partition(".")[0])
    return frozenset(names)


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield all statements, at whatever depth; expressions, which are most of a tree, hold no import."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            waiting += getattr(node, block, ())


def _is_own(name: str) -> bool:
    """Say whether a top-level name is one's own code: neither Python's, nor installed, nor scrubkit's."""
    if name in sys.stdlib_module_names or name == scrubkit.__name__:
        return False
    origin = _origin(name)
    places = _folders(name) or ([Path(origin)] if origin else [])
    return bool(places) and all(place.suffix in ("", ".py") and not _is_installed(place) for place in places)


def _is_installed(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in _INSTALLED) or bool(
        {"site-packages", "dist-packages"} & set(path.parts)
    )


_INSTALLED = {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}


def _folders(name: str) -> list[Path]:
    """Return the folders of a top-level package; it is found and not imported."""
    spec = _spec(name)
    loaded = getattr(sys.modules.get(name), "__path__", None)
    return [Path(folder) for folder in loaded or (spec and spec.submodule_search_locations) or ()]


def _settings(method: Any) -> dict[str, Any]:
    slots = [name for kind in type(method).__mro__ for name in getattr(kind, "__slots__", ())]
    return {**{name: getattr(method, name, None) for name in slots}, **getattr(method, "__dict__", {})}


def _spell(value: Any) -> str:
    """Return a value as text; an object whose text holds an address is known by its type."""
    if isinstance(value, torch.Tensor):
        return hashlib.sha256(value.detach().cpu().contiguous().numpy().tobytes()).hexdigest()
    text = repr(value)
    return type(value).__qualname__ if " at 0x" in text else text


def _origin(module: str) -> str | None:
    found = _spec(module)
    return found.origin if found and found.has_location else None


def _spec(module: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError):
        return None
