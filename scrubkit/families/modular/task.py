"""Modular arithmetic as tasks: every pair (a, b), and its sum, difference or product mod p.

The three tasks share one description: each is addition in a cyclic group after its tokens have been renamed.
Addition needs no renaming, subtraction negates the second operand, multiplication takes discrete logarithms.
Whatever is known of one is therefore known of all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int

from scrubkit.core.decomposition import Decomposition
from scrubkit.core.task import MAX_INPUTS, Rows, Task
from scrubkit.errors import ModelError, TaskError, nearest
from scrubkit.families.modular.fourier import Fourier

if TYPE_CHECKING:
    from scrubkit.models.model import Model


@dataclass(frozen=True)
class Group:
    """The cyclic group behind a modular task: label index = a index + b index (mod order).

    Attributes:
        order: number of elements n; frequencies are 1 .. n // 2.
        a: group index of each token as the first operand, -1 where the token is no operand.
        b: the same for the second operand.
        c: group index of each label, -1 where the class is never a label.
    """

    order: int
    a: Int[np.ndarray, " p"]
    b: Int[np.ndarray, " p"]
    c: Int[np.ndarray, " p"]

    @property
    def frequencies(self) -> range:
        """All frequencies of the group, 1 .. order // 2; k and order - k are the same."""
        return range(1, self.order // 2 + 1)


class ModularTask(Task):
    """One modular task: every pair (a, b), read as the tokens ``[a, b, "="]``.

    The label of (a, b) is predicted at the last position. Token ids are the residues themselves and "=" is
    token p. Some published models read ``[a, b]`` and predict at b. Rows are ordered by a, then b, and
    enumerated at first use.

    Args:
        name: name in the registry.
        p: modulus.
        equals: whether rows end in "=".

    Raises:
        TaskError: with what is wrong with the name or the modulus.
    """

    family = "modular"

    def __init__(self, name: str, p: int, equals: bool = True) -> None:
        definition = lookup(name)
        found: object = p
        if isinstance(found, bool) or not isinstance(found, int | np.integer):
            raise TaskError(f"p must be a whole number, found {p!r}", title=name)
        if p <= 2:
            raise TaskError(f"p must be larger than 2, found {p}", title=name)
        if p**2 > MAX_INPUTS:
            raise TaskError(
                f"p = {p} gives {p**2:,} inputs, more than the {MAX_INPUTS:,} that are "
                f"enumerated; choose p <= {int(MAX_INPUTS**0.5)}",
                title=name,
            )
        if definition.needs_prime and not is_prime(p):
            raise TaskError(
                f"p must be prime, found {p}; the nearest primes are {near_primes(p)}", title=name
            )
        self.name = name
        self.p = int(p)
        self.equals = bool(equals)
        self.variables = ("a", "b")
        self.constants = {"p": self.p}
        self.n_ctx = 2 + self.equals
        self.answer = (self.n_ctx - 1,)
        self.d_vocab = self.p + self.equals
        self.d_vocab_out = self.p
        self.n_inputs = len(self.operands) ** 2

    @property
    def equals_token(self) -> int:
        """Token id of "="; raises TaskError where rows have none."""
        if not self.equals:
            raise TaskError('rows of this task are [a, b]; there is no "="', title=self.name)
        return self.p

    @property
    def operands(self) -> Int[np.ndarray, " operand"]:
        """The residues that may stand as an operand."""
        return np.arange(lookup(self.name).first_operand, self.p)

    @cached_property
    def group(self) -> Group:
        """The renaming of tokens and classes under which the task is addition mod n."""
        return lookup(self.name).group(self.p)

    @property
    def decompositions(self) -> Mapping[str, Decomposition]:
        """The Fourier components of the group, as ``frequencies``."""
        return {"frequencies": self._fourier}

    @cached_property
    def _fourier(self) -> Fourier:
        tokens = np.full(self.d_vocab, -1)
        tokens[: self.p] = self.group.a
        return Fourier(self.group.order, tokens, self.group.c)

    @property
    def labels(self) -> Int[np.ndarray, " input"]:
        """The right class for each input."""
        found = self.rows().labels
        assert found is not None
        return found

    @property
    def identity(self) -> tuple[Any, ...]:
        """Name, modulus, and whether rows end in "="."""
        return (self.name, self.p, self.equals)

    def rows(self) -> Rows:
        """Return all pairs with their labels."""
        return self._enumerated

    @cached_property
    def _enumerated(self) -> Rows:
        a, b = (grid.ravel() for grid in np.meshgrid(self.operands, self.operands, indexing="ij"))
        equals = [np.full(self.n_inputs, self.equals_token)] if self.equals else []
        tokens = np.stack([a, b, *equals], axis=1)
        return Rows(tokens, lookup(self.name).label(a, b, self.p), {"a": a, "b": b}, None)

    def __str__(self) -> str:
        return f"{self.name} mod {self.p}"

    def __repr__(self) -> str:
        return f"ModularTask({self.name!r}, {self.p}{'' if self.equals else ', equals=False'})"


@dataclass(frozen=True)
class Definition:
    """What sets one modular task apart from the others."""

    label: Callable[[np.ndarray, np.ndarray, int], np.ndarray]
    group: Callable[[int], Group]
    first_operand: int = 0
    needs_prime: bool = False


def _addition_group(p: int) -> Group:
    identity = np.arange(p)
    return Group(p, identity, identity, identity)


def _subtraction_group(p: int) -> Group:
    identity = np.arange(p)
    return Group(p, identity, (-identity) % p, identity)


def _multiplication_group(p: int) -> Group:
    from sympy.ntheory import primitive_root

    logarithm = np.full(p, -1)
    generator = int(primitive_root(p))  # pyright: ignore[reportArgumentType]
    value = 1
    for exponent in range(p - 1):
        logarithm[value] = exponent
        value = value * generator % p
    return Group(p - 1, logarithm, logarithm, logarithm)


TASKS: Mapping[str, Definition] = {
    "modular_addition": Definition(lambda a, b, p: (a + b) % p, _addition_group),
    "modular_subtraction": Definition(lambda a, b, p: (a - b) % p, _subtraction_group),
    "modular_multiplication": Definition(
        lambda a, b, p: a * b % p, _multiplication_group, first_operand=1, needs_prime=True
    ),
}
"""The registry: task name to definition."""


def lookup(name: str) -> Definition:
    """Return a task's definition; raises TaskError naming the known tasks."""
    if name not in TASKS:
        raise TaskError(f"unknown task {name!r}{nearest(name, TASKS)}; known tasks: {', '.join(TASKS)}")
    return TASKS[name]


def ModularAddition(p: int) -> ModularTask:  # noqa: N802 - reads as the class that users look for
    """The task (a, b) -> (a + b) mod p, for any p > 2."""
    return ModularTask("modular_addition", p)


def ModularSubtraction(p: int) -> ModularTask:  # noqa: N802
    """The task (a, b) -> (a - b) mod p, for any p > 2."""
    return ModularTask("modular_subtraction", p)


def ModularMultiplication(p: int) -> ModularTask:  # noqa: N802
    """The task (a, b) -> a b mod p on 1 .. p - 1, for prime p."""
    return ModularTask("modular_multiplication", p)


def is_prime(n: int) -> bool:
    """Say whether n is prime."""
    from sympy.ntheory import isprime

    return bool(isprime(int(n)))


def near_primes(n: int) -> str:
    """Return the nearest primes above 2 on both sides of n, as text."""
    from sympy.ntheory import nextprime, prevprime

    above = nextprime(max(n, 2))
    return f"{prevprime(n)} and {above}" if n > 3 else str(above)


def modular(model: Model) -> ModularTask:
    """Return a model's task; raises ModelError where it is none of this family."""
    if not isinstance(model.task, ModularTask):
        raise ModelError(
            f"its task is {model.task.name}; this is about {', '.join(TASKS)}, see scrubkit.ModularAddition",
            title=model.name,
        )
    return model.task
