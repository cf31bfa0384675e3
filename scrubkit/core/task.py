"""Tasks: a finite input domain, its labels and its named input variables.

A task is enumerated in full, so every figure about a model is a mean over all inputs rather than
an estimate. The three modular tasks share one description: each is addition in a cyclic group after
its tokens have been renamed. Addition needs no renaming, subtraction negates the second operand,
multiplication takes discrete logarithms. Whatever is known of one is therefore known of all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int

from scrubkit.errors import TaskError, nearest

MAX_INPUTS = 4_000_000
"""Largest domain that is enumerated; activations of a larger one would not fit in memory."""


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


@dataclass(frozen=True)
class Task:
    """One modular task: every pair (a, b), read as the tokens ``[a, b, "="]``.

    The label of (a, b) is predicted at the last position. Token ids are the residues themselves and
    "=" is token p. Some published models read ``[a, b]`` and predict at b.

    Attributes:
        name: name in the registry.
        p: modulus.
        equals: whether rows end in "=".
    """

    name: str
    p: int
    equals: bool = True

    def __post_init__(self) -> None:
        """Check the modulus; raises TaskError with all that is wrong with it."""
        definition = lookup(self.name)
        p: object = self.p
        if isinstance(p, bool) or not isinstance(p, int | np.integer):
            raise TaskError(f"p must be a whole number, found {p!r}", title=self.name)
        if self.p <= 2:
            raise TaskError(f"p must be larger than 2, found {self.p}", title=self.name)
        if self.p**2 > MAX_INPUTS:
            raise TaskError(
                f"p = {self.p} gives {self.p**2:,} inputs, more than the {MAX_INPUTS:,} that are "
                f"enumerated; choose p <= {int(MAX_INPUTS**0.5)}",
                title=self.name,
            )
        if definition.needs_prime and not is_prime(self.p):
            raise TaskError(
                f"p must be prime, found {self.p}; the nearest primes are {near_primes(self.p)}",
                title=self.name,
            )

    @property
    def variables(self) -> tuple[str, str]:
        """Names of the input variables."""
        return ("a", "b")

    @property
    def constants(self) -> dict[str, int]:
        """Names that a feature expression may use beside the variables."""
        return {"p": self.p}

    @property
    def equals_token(self) -> int:
        """Token id of "="; raises TaskError where rows have none."""
        if not self.equals:
            raise TaskError('rows of this task are [a, b]; there is no "="', title=self.name)
        return self.p

    @property
    def d_vocab(self) -> int:
        """Number of input tokens, p residues and "=" where rows have it."""
        return self.p + self.equals

    @property
    def d_vocab_out(self) -> int:
        """Number of classes."""
        return self.p

    @property
    def n_ctx(self) -> int:
        """Length of a token row."""
        return 2 + self.equals

    @property
    def n_inputs(self) -> int:
        """Size of the input domain D."""
        return len(self.operands) ** 2

    @property
    def operands(self) -> Int[np.ndarray, " operand"]:
        """The residues that may stand as an operand."""
        return np.arange(lookup(self.name).first_operand, self.p)

    @cached_property
    def columns(self) -> Mapping[str, Int[np.ndarray, " input"]]:
        """Value of each variable on each input; inputs are ordered by a, then b."""
        a, b = np.meshgrid(self.operands, self.operands, indexing="ij")
        return {"a": a.ravel(), "b": b.ravel()}

    @cached_property
    def tokens(self) -> Int[np.ndarray, "input pos"]:
        """Token rows, ``[a, b, "="]`` or ``[a, b]``."""
        operands = [self.columns["a"], self.columns["b"]]
        equals = [np.full(self.n_inputs, self.equals_token)] if self.equals else []
        return np.stack([*operands, *equals], axis=1)

    @cached_property
    def labels(self) -> Int[np.ndarray, " input"]:
        """The right class for each input."""
        return lookup(self.name).label(self.columns["a"], self.columns["b"], self.p)

    @cached_property
    def group(self) -> Group:
        """The renaming of tokens and classes under which the task is addition mod n."""
        return lookup(self.name).group(self.p)

    def split(self, fraction: float, seed: int) -> np.ndarray:
        """Choose the training inputs.

        Args:
            fraction: share of the inputs to train on, in (0, 1).
            seed: seed of the shuffle.

        Returns:
            Boolean mask over the inputs, True for training.

        Raises:
            TaskError: the fraction leaves the training or the test set empty.
        """
        if not 0 < fraction < 1:
            raise TaskError(f"train fraction must lie in (0, 1), found {fraction}", title=self.name)
        n_train = int(fraction * self.n_inputs)
        if n_train == 0 or n_train == self.n_inputs:
            raise TaskError(
                f"train fraction {fraction} of {self.n_inputs} inputs leaves a set empty; choose one "
                f"between {1 / self.n_inputs:.3g} and {1 - 1 / self.n_inputs:.3g}",
                title=self.name,
            )
        order = np.random.default_rng(seed).permutation(self.n_inputs)
        mask = np.zeros(self.n_inputs, dtype=bool)
        mask[order[:n_train]] = True
        return mask


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
    logarithm = np.full(p, -1)
    generator = primitive_root(p)
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


def ModularAddition(p: int) -> Task:  # noqa: N802 - reads as the class that users look for
    """The task (a, b) -> (a + b) mod p, for any p > 2."""
    return Task("modular_addition", p)


def ModularSubtraction(p: int) -> Task:  # noqa: N802
    """The task (a, b) -> (a - b) mod p, for any p > 2."""
    return Task("modular_subtraction", p)


def ModularMultiplication(p: int) -> Task:  # noqa: N802
    """The task (a, b) -> a b mod p on 1 .. p - 1, for prime p."""
    return Task("modular_multiplication", p)


def is_prime(n: int) -> bool:
    """Say whether n is prime, by trial division."""
    return n > 1 and all(n % d for d in range(2, int(n**0.5) + 1))


def near_primes(n: int) -> str:
    """Return the nearest primes above 2 on both sides of n, as text."""
    below = next((q for q in range(n - 1, 2, -1) if is_prime(q)), None)
    above = next(q for q in range(max(n + 1, 3), 2 * max(n, 3) + 3) if is_prime(q))
    return f"{below} and {above}" if below else str(above)


def primitive_root(p: int) -> int:
    """Return the smallest generator of the multiplicative group of a prime p."""
    factors = {q for q in range(2, p) if (p - 1) % q == 0 and is_prime(q)}
    return next(g for g in range(1, p) if all(pow(g, (p - 1) // q, p) != 1 for q in factors))
