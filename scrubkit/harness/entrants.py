"""The methods of a run, each found where nothing that it does can end the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scrubkit.errors import BenchError
from scrubkit.harness.identity import Identity
from scrubkit.harness.stranger import Located, Stranger, identity, roles
from scrubkit.harness.worker.link import Packed, Worker
from scrubkit.methods.registry import Role, builtin_methods, find_method, module_of


@dataclass(frozen=True)
class Entrant:
    """A method in one of its roles.

    Attributes:
        method: the method, or what stands for it here.
        identity: under which its answers are kept.
        role: "score" or "find".
    """

    method: Any
    identity: Identity
    role: Role


def find_one(source: Any, *, in_process: bool = False, memory: int | None = None) -> Any:
    """Return the method that a source stands for; one that is named by module is imported in a worker only.

    Args:
        source: a built-in name, an entry point, ``module:attribute``, or the method itself.
        in_process: import it here, for debugging.
        memory: bytes that the worker may allocate.

    Raises:
        BenchError: there is no such method, or it cannot be loaded.
    """
    if in_process or not isinstance(source, str) or source in builtin_methods():
        return source if isinstance(source, Stranger) else find_method(source)
    module_of(source)  # a name that is neither built in nor installed is refused here, without a worker
    with Worker(Packed(Located(source)), memory=memory) as worker:
        return Stranger(source, worker.describe())


def find(methods: Any, *, in_process: bool = False, memory: int | None = None) -> list[Any]:
    """Return the methods that sources stand for, as `find_one` does.

    Raises:
        BenchError: there are none, one cannot be found, or two have one name.
    """
    sources = [methods] if isinstance(methods, str) or not isinstance(methods, Sequence) else list(methods)
    if not sources:
        raise BenchError("no methods given")
    found = [find_one(source, in_process=in_process, memory=memory) for source in sources]
    names = [method.name for method in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BenchError([f"two methods are called {name!r}; give one another name" for name in twice])
    return found


def enter(found: Sequence[Any]) -> list[Entrant]:
    """Give each role of each method an identity."""
    return [Entrant(method, identity(method), role) for method in found for role in roles(method)]
