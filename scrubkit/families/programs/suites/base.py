"""Bases: a computation in three layers that its variants carry out in different ways.

A base computes two parts of its input, joins them in two ways, and joins these. It also holds a copy of
the first part, a part that nothing needs, and for each join a second *rule* with the same answers, which
reads the first part in another way: from the copy always, rarely, or half the time, from both at once, or
one bit from each. A variant is an arrangement: which slot holds which of all this, and which rules are read.

Nothing is added to one variant that another lacks. The weights of two variants are a permutation of each
other up to what is read, so that no spectrum of theirs differs; the answers are equal, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scrubkit.core.feature import parse

BASE = 21
"""Stream of the random generator."""
TRIES = 10_000
STYLES = ("plain", "rotated", "superposed", "LN", "planted")
"""How a base is compiled; a planted one has more distractors and is rotated."""
_FUNCTIONS = (
    "({a} * {{0}} + {b} * {{1}} + {c}) % {v}",
    "(max({{0}}, {{1}}) + {c}) % {v}",
    "(min({{0}}, {{1}}) + {c}) % {v}",
    "(abs({{0}} - {{1}}) + {c}) % {v}",
    "({{0}} * {{1}} + {c}) % {v}",
    "({{0}} * ({{1}} > {t}) + {c}) % {v}",
    "({{1}} * ({{0}} != {t}) + {c}) % {v}",
    "(({{0}} < {{1}}) + 2 * ({{0}} == {{1}}) + {c}) % {v}",
)
RULES = {
    "plain": "{f}",
    "copy": "{c}",
    "rarely": "(({f} == {t} and {g} == {u}) * {c} + (not ({f} == {t} and {g} == {u})) * {f})",
    "half": "(({g} == {u}) * {c} + ({g} != {u}) * {f})",
    "larger": "max({f}, {c})",
    "backup": "({f} + ({f} == 0) * {c})",
    "bit": "({f} - {f} % 2 + {c} % 2)",
    "gate": "({f} * ({c} != 0))",
}
"""How a join may take the first part f, given its copy c and the second part g."""
PLANTED = {
    "vote": "(({c} == {e}) * {c} + ({c} != {e}) * {f})",
    "cancelling": "(({f} + {d} - {e}) % {v})",
}
"""Further rules, with e a second copy of f for a vote and of the dead part d for a cancelling pair."""


@dataclass(frozen=True)
class Base:
    """What all variants of a base share.

    Attributes:
        seed: what it was drawn from.
        style: one of `STYLES`.
        values: number of values of every variable but the answer.
        inputs: position of each input's token.
        n_ctx: length of the token rows.
        places: positions of the layer of parts and of the layer of joins; the answer is at the last.
        parts: what the contents f, g, c, d (and e) are: an expression and the inputs that it takes.
        joins: the two joins, expressions of {0} and {1}.
        rules: for each join, its two rules: expressions of f, g, c, d, e.
        last: the answer, an expression of {0} and {1}.
    """

    seed: int
    style: str
    values: int
    inputs: tuple[int, ...]
    n_ctx: int
    places: tuple[int, int]
    parts: tuple[tuple[str, tuple[str, ...]], ...]
    joins: tuple[str, str]
    rules: tuple[tuple[str, str], tuple[str, str]]
    last: str

    @property
    def input_names(self) -> tuple[str, ...]:
        """The inputs."""
        return tuple(f"x{i}" for i in range(len(self.inputs)))

    @property
    def contents(self) -> tuple[str, ...]:
        """Letters of the contents of the layer of parts."""
        return tuple("fgcde"[: len(self.parts)])

    @property
    def part_slots(self) -> tuple[str, ...]:
        """Names of the slots of the layer of parts."""
        return tuple(f"a{i}" for i in range(len(self.parts)))

    @cached_property
    def sound(self) -> bool:
        """Whether every input matters to the answer and no two parts or joins tell the same."""
        grid = np.indices([self.values] * len(self.inputs)).reshape(len(self.inputs), -1)
        columns = dict(zip(self.input_names, grid, strict=True))
        f, g, *_ = values = [_value(text.format(*names), columns) for text, names in self.parts]
        joins = [_value(text.format("f", "g"), {"f": f, "g": g}) for text in self.joins]
        out = _value(self.last.format("m", "n"), dict(zip("mn", joins, strict=True)))
        told = [_told(v) for v in (*grid, f, g, values[3], *joins, out)]
        full = all(len(np.unique(v)) == self.values for v in (f, g, values[3], *joins))
        answers = out.reshape([self.values] * len(self.inputs))
        return full and len(set(told)) == len(told) and all(map(_matters(answers), range(answers.ndim)))


def draw_base(seed: int, style: str, *, small: bool = False) -> Base:
    """Draw a base.

    Args:
        seed: decides it.
        style: one of `STYLES`.
        small: three values, four inputs, and everything computed at the last position, so that all bases
            fit one shape.
    """
    rng = np.random.default_rng([seed, STYLES.index(style), BASE])
    for _ in range(TRIES):
        found = _draw(rng, seed, style, small=small)
        if found.sound:
            return found
    raise AssertionError(f"no base in {TRIES} draws")


def _draw(rng: np.random.Generator, seed: int, style: str, *, small: bool) -> Base:
    values, count = (3, 4) if small else [(3, 4), (3, 3), (4, 3)][rng.integers(3)]
    n_ctx = count if small else count + int(rng.integers(2))
    positions = tuple(range(count)) if small else tuple(sorted(rng.permutation(n_ctx)[:count].tolist()))
    places = (n_ctx - 1, n_ctx - 1) if small else tuple(int(rng.integers(n_ctx)) for _ in range(2))
    names = [str(name) for name in rng.permutation([f"x{i}" for i in range(count)])]
    one, two = tuple(names[:2]), tuple((names[2:] + names)[:2])
    dead = tuple(str(name) for name in rng.choice(names, size=2, replace=False))
    f, g, d = ((_function(rng, values), pair) for pair in (one, two, dead))
    planted = str(rng.choice(list(PLANTED))) if style == "planted" else ""
    parts = (f, g, f, d) + {"": (), "vote": (f,), "cancelling": (d,)}[planted]
    rules = [tuple(_rule(rng, name, values) for name in _two_rules(rng)) for _ in range(2)]
    if planted:
        rules[0] = (rules[0][0], PLANTED[planted].replace("{v}", str(values)))
    joins = (_function(rng, values), _function(rng, values))
    last = _function(rng, values)
    return Base(seed, style, values, positions, n_ctx, places, parts, joins, (rules[0], rules[1]), last)  # pyright: ignore[reportArgumentType]


def _two_rules(rng: np.random.Generator) -> list[str]:
    """Draw two ways to read the first part; those that differ on few inputs are drawn more often."""
    weights = np.array([3.0 if name in ("plain", "rarely") else 1.0 for name in RULES])
    return [str(name) for name in rng.choice(list(RULES), size=2, replace=False, p=weights / weights.sum())]


def _function(rng: np.random.Generator, values: int) -> str:
    a, b = (int(n) for n in rng.integers(1, values, size=2))
    numbers = {
        "a": a,
        "b": b,
        "c": int(rng.integers(values)),
        "t": int(rng.integers(values - 1)),
        "v": values,
    }
    return str(rng.choice(_FUNCTIONS)).format(**numbers)


def _rule(rng: np.random.Generator, name: str, values: int) -> str:
    t, u = (int(n) for n in rng.integers(values, size=2))
    return RULES[name].replace("{t}", str(t)).replace("{u}", str(u))


def _value(text: str, columns: dict[str, np.ndarray]) -> np.ndarray:
    return np.asarray(parse(text).values(columns, {})[0]).astype(int)


def _told(values: np.ndarray) -> bytes:
    """Return what a variable tells of the input, whatever its values are called."""
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int32).tobytes()


def _matters(answers: np.ndarray) -> Callable[[int], bool]:
    return lambda axis: bool((np.diff(answers, axis=axis) != 0).any())
