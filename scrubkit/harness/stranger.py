"""A method of somebody else's that is known by where it is: its module is imported in worker processes alone.

What a module does when it is imported it could otherwise do to the run: end it with a passing exit code, hang
it, or change what judges. The run learns from a worker what the method is called and what it can do.
"""

from __future__ import annotations

import hashlib
from typing import Any

from pydantic import Field

from scrubkit.errors import printable
from scrubkit.harness.identity import Identity, code_hash, identify
from scrubkit.harness.outcome import Record
from scrubkit.methods.registry import Role, find_method, module_of, roles_of


class Card(Record):
    """What a worker says of the method that it has loaded.

    Attributes:
        name: what reports call it.
        version: its version.
        config: as in `Identity`.
        roles: functions that it has.
        estimand: what its scores estimate, where it says so.
        claims_minimality: whether it says that everything named is needed.
    """

    name: str = Field(min_length=1, max_length=200)
    version: str = Field(max_length=200)
    config: str = Field(pattern="^[0-9a-f]{64}$")
    roles: tuple[Role, ...] = Field(min_length=1, max_length=2)
    estimand: str | None = Field(default=None, max_length=200)
    claims_minimality: bool = True


def describe(method: Any) -> Card:
    """Return what the run has to know of a method."""
    who = identify(method)
    estimand = getattr(method, "estimand", None)
    return Card(
        name=who.name,
        version=who.version[:200],
        config=who.config,
        roles=roles_of(method),
        estimand=estimand if isinstance(estimand, str) else None,
        claims_minimality=who.claims_minimality,
    )


class Located:
    """A method of which nothing is known but where it is; unpickled, in a worker, it is the method itself.

    Args:
        source: ``module:attribute`` or the name of an entry point.
    """

    def __init__(self, source: str) -> None:
        self.name = source
        self.source = source

    def __reduce__(self) -> tuple[Any, ...]:
        return find_method, (self.source,)


class Stranger(Located):
    """Stands for a method in the run, where it is known by what a worker said of it.

    Args:
        source: ``module:attribute`` or the name of an entry point.
        card: what a worker said of it.

    Attributes:
        name: what reports call it.
        roles: functions that it has.
        estimand: what its scores estimate, where it says so.
        identity: its identity. Whatever it says of itself, it cannot pass for a method of another package.
    """

    def __init__(self, source: str, card: Card) -> None:
        super().__init__(source)
        self.name = printable(card.name)
        self.roles = card.roles
        self.estimand = card.estimand
        package = code_hash(module_of(source).partition(".")[0])
        config = hashlib.sha256(f"{card.config} {package}".encode()).hexdigest()
        self.identity = Identity(self.name, card.version, config, card.claims_minimality)


def roles(method: Any) -> tuple[Role, ...]:
    """Return the functions of a method, wherever it is."""
    return method.roles if isinstance(method, Stranger) else roles_of(method)


def identity(method: Any) -> Identity:
    """Return the identity of a method, wherever it is."""
    return method.identity if isinstance(method, Stranger) else identify(method)
