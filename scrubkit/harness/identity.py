"""Which method gave an answer: its name, its version, and a hash of its code and settings.

Stored answers are used again only while all three are unchanged.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

MAX_SOURCES = 2000
"""Packages with more source files than this are known by the method's own module alone."""


@dataclass(frozen=True)
class Identity:
    """A method, so far as its answers depend on it.

    Attributes:
        name: what reports call it.
        version: its own `version`, or the ``__version__`` of its package; "" if neither is there.
        config: SHA-256 of its code, its settings and the version of torch.
    """

    name: str
    version: str
    config: str


def identify(method: Any) -> Identity:
    """Return the identity of a method."""
    kind = type(method)
    settings = {key: value for key, value in sorted(_settings(method).items()) if not key.startswith("_")}
    parts = [kind.__module__, kind.__qualname__, code_hash(kind.__module__), torch.__version__]
    text = json.dumps([*parts, settings], default=_spell)
    package = sys.modules.get(kind.__module__.partition(".")[0])
    version = str(getattr(method, "version", "") or getattr(package, "__version__", ""))
    return Identity(method.name, version, hashlib.sha256(text.encode()).hexdigest())


@lru_cache(maxsize=64)
def code_hash(module: str) -> str:
    """Return the SHA-256 of the sources of a module's whole package, or of its file alone."""
    package = sys.modules.get(module.partition(".")[0])
    folders = [Path(folder) for folder in getattr(package, "__path__", [])]
    sources = sorted(path for folder in folders for path in folder.rglob("*.py"))
    if not sources or len(sources) > MAX_SOURCES:
        own = getattr(sys.modules.get(module), "__file__", None) or _origin(module)
        sources = [Path(own)] if own else []
    digest = hashlib.sha256()
    for path in sources:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


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
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return found.origin if found and found.has_location else None
