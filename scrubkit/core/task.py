"""Tasks: rows of tokens, what is known of each row, and where the answer is read.

A task is a dataset D, enumerated in full or sampled. Every figure about a model is a mean over its rows, each
with its weight. Features of hypotheses speak of its named variables and constants.
"""

from __future__ import annotations

import hashlib
import json
import keyword
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike

from scrubkit import registry
from scrubkit.core.decomposition import Decomposition
from scrubkit.errors import TaskError

MAX_INPUTS = 4_000_000
"""Largest dataset that is held; activations of a larger one would not fit in memory."""

MAX_FAULTS = 20
"""Faults of one task that are reported."""


@dataclass(frozen=True)
class Rows:
    """The dataset of a task.

    Attributes:
        tokens: token rows.
        labels: the right class of each row, at each answer position where there are several; or None.
        columns: value of each variable on each row.
        weights: weight of each row, None for equal weights.
    """

    tokens: Int[np.ndarray, "input pos"]
    labels: Int[np.ndarray, "input ..."] | None
    columns: Mapping[str, np.ndarray]
    weights: Float[np.ndarray, " input"] | None


class Task:
    """A dataset of token rows with named variables, and where a model answers.

    Two tasks are equal when everything in them is.

    Args:
        name: what reports and hypothesis files call it.
        tokens: token rows, (input, pos).
        labels: the right class of each row, (input,); (input, answer) where several positions are answered;
            None where there is no right answer and a model is compared with itself only.
        variables: by name, one number for each row.
        constants: further names that features may use, each one number.
        weights: weight of each row, positive; None for equal weights.
        answer: position at which the answer is read, or several; negative from the end.
        d_vocab: number of tokens; by default the largest in the rows and one more.
        d_vocab_out: number of classes; by default d_vocab, or more where a label needs it.

    Attributes:
        name: as given.
        variables: names of the variables.
        constants: constants by name.
        answer: positions of the answer, from 0.
        n_inputs: number of rows.
        n_ctx: length of a row.
        d_vocab: number of tokens.
        d_vocab_out: number of classes.

    Raises:
        TaskError: with every fault found.

    Examples:
        >>> rows = [[0, 1], [1, 0], [1, 1]]
        >>> task = Task("or", tokens=rows, labels=[1, 1, 1], variables={"x": [0, 1, 1]})
        >>> task.n_inputs, task.n_ctx, task.d_vocab, task.answer
        (3, 2, 2, (1,))
    """

    family = ""
    """Name of the family that the task belongs to, "" for none."""

    def __new__(cls, name: Any = None, *args: Any, **kwargs: Any) -> Self:
        """Refuse a call without rows in words: families make tasks of their own from a few numbers."""
        if cls is Task and name is not None and (args or "tokens" not in kwargs):
            raise TaskError(
                f"a task is its rows: write scrubkit.Task(name, tokens=..., labels=...){_made_by(name)}",
                title=f"{name!r:.80}",
            )
        return super().__new__(cls)

    def __init__(
        self,
        name: str,
        *,
        tokens: ArrayLike,
        labels: ArrayLike | None = None,
        variables: Mapping[str, ArrayLike] | None = None,
        constants: Mapping[str, int | float] | None = None,
        weights: ArrayLike | None = None,
        answer: int | Sequence[int] = -1,
        d_vocab: int | None = None,
        d_vocab_out: int | None = None,
    ) -> None:
        if not isinstance(name, str) or not name:
            raise TaskError(f"the name of a task is a text, found {name!r:.80}")
        reader = _Reader(name)
        rows = reader.tokens(tokens)
        n, length = rows.shape
        positions = reader.answer(answer, length)
        right = None if labels is None else reader.labels(labels, n, len(positions))
        columns = {str(key): reader.column(key, value, n) for key, value in (variables or {}).items()}
        numbers = {str(key): reader.constant(key, value, columns) for key, value in (constants or {}).items()}
        mass = None if weights is None else reader.weights(weights, n)
        highest = -1 if right is None else int(right.max(initial=-1))
        self.d_vocab = reader.size("d_vocab", d_vocab, int(rows.max(initial=0)), 0)
        self.d_vocab_out = reader.size("d_vocab_out", d_vocab_out, highest, self.d_vocab)
        if reader.faults:
            raise TaskError(reader.faults, title=name)
        self.name = name
        self.answer = positions
        self.n_inputs = n
        self.n_ctx = length
        self.constants: Mapping[str, int | float] = numbers
        self.variables = tuple(columns)
        self._rows = Rows(rows, right, columns, mass)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """A family's task has attributes of its own, such as a modulus."""

    def rows(self) -> Rows:
        """Return the dataset; a family may enumerate it at first use."""
        return self._rows

    @property
    def tokens(self) -> Int[np.ndarray, "input pos"]:
        """Token rows."""
        return self.rows().tokens

    @property
    def labels(self) -> Int[np.ndarray, "input ..."] | None:
        """The right class of each row, (input,) or (input, answer); None where there is none."""
        return self.rows().labels

    @property
    def columns(self) -> Mapping[str, np.ndarray]:
        """Value of each variable on each row."""
        return self.rows().columns

    @property
    def weights(self) -> Float[np.ndarray, " input"] | None:
        """Weight of each row, None for equal weights."""
        return self.rows().weights

    @property
    def decompositions(self) -> Mapping[str, Decomposition]:
        """Numbered components of the embedding and the logits, by the key that sites use for them."""
        return {}

    @property
    def identity(self) -> tuple[Any, ...]:
        """What sets the task apart from all others, as JSON values."""
        rows = self.rows()
        arrays = {"tokens": rows.tokens, "labels": rows.labels, "weights": rows.weights}
        arrays |= {f"variable {key}": value for key, value in rows.columns.items()}
        digest = hashlib.sha256()
        for key, value in sorted(arrays.items()):
            if value is not None:
                digest.update(f"{key} {value.dtype} {value.shape}".encode())
                digest.update(np.ascontiguousarray(value).tobytes())
        sizes = [self.d_vocab, self.d_vocab_out, *self.answer]
        return (self.name, dict(sorted(self.constants.items())), sizes, digest.hexdigest())

    @property
    def hash(self) -> str:
        """SHA-256 of everything in the task."""
        if "_hash" not in self.__dict__:
            text = json.dumps([self.family, *self.identity], sort_keys=True)
            self._hash = hashlib.sha256(text.encode()).hexdigest()
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Task) and self.hash == other.hash

    def __hash__(self) -> int:
        return hash(self.hash)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"Task({self.name!r}, {self.n_inputs:,} rows of {self.n_ctx} tokens)"

    def split(self, fraction: float, seed: int) -> Bool[np.ndarray, " input"]:
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


def _made_by(name: object) -> str:
    """Say how a family makes the task of a name, if one does."""
    for family in map(registry.family, registry.families()):
        if name in family.tasks:
            return f", or, for {name}, {family.task_call(str(name))}"
    return ""


class _Reader:
    """Turns what a user gave into arrays and gathers the faults."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.faults: list[str] = []

    def fault(self, text: str) -> None:
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(text)

    def tokens(self, given: ArrayLike) -> Int[np.ndarray, "input pos"]:
        """Read token rows; nothing else can be judged without them, so a fault is raised at once."""
        found = _array(given)
        if found is None or found.ndim != 2 or 0 in found.shape or found.dtype.kind not in "iu":
            shape = "no array" if found is None else f"shape {found.shape} of {found.dtype}"
            raise TaskError(
                f"tokens must be whole numbers of shape (input, pos), found {shape}", title=self.name
            )
        if len(found) > MAX_INPUTS:
            raise TaskError(
                f"{len(found):,} rows are more than the {MAX_INPUTS:,} that are held; sample them",
                title=self.name,
            )
        if found.min() < 0:
            self.fault(f"tokens must be 0 or more, found {found.min()}")
        return found.astype(np.int64)

    def answer(self, given: int | Sequence[int], length: int) -> tuple[int, ...]:
        """Read the positions of the answer."""
        listed = [given] if isinstance(given, int | np.integer) else list(given)
        whole = [i for i in listed if isinstance(i, int | np.integer) and not isinstance(i, bool)]
        wrong = [i for i in listed if i not in whole or not -length <= i < length]
        if wrong or not listed:
            self.fault(
                f"answer is {wrong[0] if wrong else 'empty'}; give positions from 0 to {length - 1}, or "
                f"-{length} to -1 from the end"
            )
            return (length - 1,)
        positions = tuple(int(i) % length for i in listed)
        if len(set(positions)) < len(positions):
            self.fault(f"answer names a position twice: {', '.join(map(str, positions))}")
        return positions

    def labels(self, given: ArrayLike, n: int, n_answers: int) -> Int[np.ndarray, "input ..."]:
        """Read the right classes."""
        found = _array(given)
        shape = (n,) if n_answers == 1 else (n, n_answers)
        if found is not None and found.shape == (n, 1) == (*shape, 1):
            found = found[:, 0]
        if found is None or found.shape != shape or found.dtype.kind not in "iu":
            what = "no array" if found is None else f"shape {found.shape} of {found.dtype}"
            self.fault(f"labels must be whole numbers of shape {shape}, found {what}")
            return np.zeros(shape, dtype=np.int64)
        if found.min() < 0:
            self.fault(f"labels must be 0 or more, found {found.min()}")
        return found.astype(np.int64)

    def column(self, key: object, given: ArrayLike, n: int) -> np.ndarray:
        """Read the values of a variable."""
        self.named("variable", key)
        found = _array(given)
        if found is None or found.shape != (n,) or found.dtype.kind not in "biuf":
            what = "no array" if found is None else f"shape {found.shape} of {found.dtype}"
            self.fault(f"variable {key!r} must be one number per row, shape ({n},), found {what}")
            return np.zeros(n, dtype=np.int64)
        if found.dtype.kind != "f":
            return found.astype(np.int64)
        if not np.isfinite(found).all():
            self.fault(f"variable {key!r} holds NaN or infinite values")
        return found.astype(np.float64)

    def constant(self, key: object, value: object, columns: Mapping[str, Any]) -> int | float:
        """Read a constant."""
        self.named("constant", key)
        if key in columns:
            self.fault(f"{key!r} is the name of a variable and of a constant")
        number = value.item() if isinstance(value, np.generic) else value
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            self.fault(f"constant {key!r} must be one finite number, found {value!r:.80}")
            return 0
        return number

    def named(self, what: str, key: object) -> None:
        """Check that features can name something."""
        if not isinstance(key, str) or not key.isidentifier() or keyword.iskeyword(key) or key == "pi":
            self.fault(f"{what} {key!r:.80} cannot be named in a feature; write letters, digits and _")

    def weights(self, given: ArrayLike, n: int) -> Float[np.ndarray, " input"]:
        """Read the weights of the rows."""
        found = _array(given)
        if found is None or found.shape != (n,) or found.dtype.kind not in "biuf":
            what = "no array" if found is None else f"shape {found.shape} of {found.dtype}"
            self.fault(f"weights must be one number per row, shape ({n},), found {what}")
            return np.ones(n)
        found = found.astype(np.float64)
        wrong = np.flatnonzero(~(np.isfinite(found) & (found > 0)))
        if len(wrong):
            self.fault(f"weights must be positive and finite, found {found[wrong[0]]} in row {wrong[0]}")
        return found

    def size(self, what: str, given: int | None, highest: int, default: int) -> int:
        """Read the number of tokens or classes, or choose it."""
        if given is None:
            return max(highest + 1, default)
        if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < 1:
            self.fault(f"{what} must be a whole number from 1, found {given!r:.80}")
            return max(highest + 1, default)
        if given <= highest:
            self.fault(f"{what} is {given}, but the rows need at least {highest + 1}")
        return int(given)


def _array(given: ArrayLike) -> np.ndarray | None:
    """Return a copy as an array, None if it is none."""
    try:
        return np.array(given)
    except (ValueError, TypeError):
        return None
