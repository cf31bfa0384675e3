"""Features: functions of a task's input variables, read from text without running any code.

A feature says which inputs a node takes for equivalent: those on which the feature agrees. The
language is small: the task's variables and constants, numbers, ``pi``, ``+ - * / // %``, comparisons,
``and or not``, ``abs min max cos sin``, and tuples of these. In Python a feature may also be a callable on
token rows.

>>> import numpy as np
>>> columns = {"a": np.array([0, 1, 2]), "b": np.array([2, 1, 0])}
>>> parse("(a + b) % p").values(columns, {"p": 3})
(array([2, 2, 2]),)
"""

from __future__ import annotations

import ast
import hashlib
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Int

from scrubkit.errors import FeatureError, nearest

MAX_LENGTH = 2000
MAX_DEPTH = 60
MAX_COMPONENTS = 32
"""Most components of a tuple."""
LARGEST = 2**63 - 1
"""Largest whole number, up to its sign, that a feature may come to on the way."""
_DENSE = 16
"""Values in a range of so many times their number are ranked by counting, others by sorting."""
DECIMALS = 9
"""Real values that agree to this many decimals are the same value."""

_FUNCTIONS: Mapping[str, tuple[Callable[..., Any], int, int]] = {
    "abs": (np.abs, 1, 1),
    "cos": (np.cos, 1, 1),
    "sin": (np.sin, 1, 1),
    "min": (lambda *args: _fold(np.minimum, args), 2, 16),
    "max": (lambda *args: _fold(np.maximum, args), 2, 16),
}
_BINARY: Mapping[type[ast.operator], tuple[str, Callable[..., Any]]] = {
    ast.Add: ("+", np.add),
    ast.Sub: ("-", np.subtract),
    ast.Mult: ("*", np.multiply),
    ast.Div: ("/", np.true_divide),
    ast.FloorDiv: ("//", np.floor_divide),
    ast.Mod: ("%", np.mod),
}
_COMPARE: Mapping[type[ast.cmpop], Callable[..., Any]] = {
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}
ALLOWED = "+ - * / // %, comparisons, and/or/not, abs, min, max, cos, sin, pi and tuples"


@dataclass(frozen=True)
class Feature:
    """A function of the input variables.

    Attributes:
        text: the expression, or the name of the callable.
        function: the callable on token rows, None for an expression.
        digest: SHA-256 of the values that the callable gave on every input, once it was evaluated.
    """

    text: str
    function: Callable[[Any], Any] | None = None
    digest: str = ""

    @property
    def identity(self) -> str:
        """What the feature says: its expression, the values of a function, or the function itself."""
        if self.function is None:
            return self.text
        return f"{self.text} {self.digest or id(self.function)}"

    def settled(self, values: Sequence[np.ndarray]) -> Feature:
        """Return the feature known by its values on every input."""
        digest = hashlib.sha256()
        for component in values:
            digest.update(f"{component.dtype.kind}{component.shape}".encode())
            digest.update(np.ascontiguousarray(component.astype(float)).tobytes())
        return replace(self, digest=digest.hexdigest())

    def values(
        self,
        columns: Mapping[str, np.ndarray],
        constants: Mapping[str, int | float],
        tokens: np.ndarray | None = None,
    ) -> tuple[np.ndarray, ...]:
        """Evaluate the feature on every input.

        Args:
            columns: the value of each variable on each input.
            constants: names that stand for one number.
            tokens: token rows (input, position), needed by a callable.

        Returns:
            One array over the inputs for each component, integer or real.

        Raises:
            FeatureError: a value is missing, not finite, too large, or the callable failed.
        """
        if self.function is not None:
            components = self._call(tokens if tokens is not None else np.stack(list(columns.values()), 1))
        else:
            tree = _syntax_tree(self.text)
            _check_names(self.text, [*columns, *constants])
            with np.errstate(all="ignore"):
                components = _evaluate(tree, {**constants, **columns}, self.text)
        n_inputs = len(next(iter(columns.values())))
        return tuple(_checked(c, n_inputs, self.text, columns) for c in components)

    @property
    def size(self) -> tuple[int, int]:
        """Number of components and of operations and names; (1, 1) for a callable."""
        if self.function is not None:
            return 1, 1
        tree = _syntax_tree(self.text)
        components = len(tree.elts) if isinstance(tree, ast.Tuple) else 1
        return components, sum(isinstance(node, ast.expr) for node in ast.walk(tree))

    def _call(self, tokens: np.ndarray) -> tuple[np.ndarray, ...]:
        assert self.function is not None
        try:
            result = self.function(tokens)
        except Exception as error:
            raise FeatureError(
                f"feature {self.text} failed on the token rows: {type(error).__name__}: {error}"
            ) from error
        if isinstance(result, tuple):
            return tuple(np.asarray(part) for part in result)
        array = np.asarray(result)
        return tuple(array.T) if array.ndim == 2 else (array,)


def parse(source: str | Callable[[Any], Any]) -> Feature:
    """Read a feature.

    Args:
        source: an expression, or a callable that takes token rows (input, position) and returns one
            value, or one row of values, an input.

    Raises:
        FeatureError: the text is not in the language.
    """
    if callable(source):
        return Feature(getattr(source, "__qualname__", type(source).__name__), source)
    if not isinstance(source, str):
        raise FeatureError(f"a feature is an expression or a callable, found {source!r}")
    text = " ".join(source.split())
    _syntax_tree(text)
    return Feature(text)


def class_ids(components: Sequence[np.ndarray]) -> Int[np.ndarray, " input"]:
    """Return a number for each input that is equal where all components agree."""
    ids = np.zeros(len(components[0]), dtype=np.int64)
    for component in components:
        own = _ranks(_as_integers(component))
        # Both factors are below the number of inputs, so the product fits.
        ids = _ranks(ids * (own.max() + 1) + own)
    return ids


def _ranks(values: Int[np.ndarray, " input"]) -> Int[np.ndarray, " input"]:
    """Return the rank of each value among the different ones."""
    low, high = int(values.min()), int(values.max())
    if high - low > _DENSE * len(values):
        return np.unique(values, return_inverse=True)[1]
    shifted = values - low
    there = np.zeros(high - low + 1, dtype=np.int64)
    there[shifted] = 1
    return (there.cumsum() - 1)[shifted]


def _as_integers(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "f":
        return np.round(values * 10.0**DECIMALS).astype(np.int64)
    return values.astype(np.int64)


@lru_cache(maxsize=4096)
def _syntax_tree(text: str) -> ast.expr:
    """Read an expression; those of one task come again and again, and nobody changes the tree."""
    if len(text) > MAX_LENGTH:
        raise FeatureError(f"the feature is {len(text)} characters long, at most {MAX_LENGTH} are read")
    try:
        with warnings.catch_warnings():
            # "1if" and the like are told of on stderr, and refused or meant.
            warnings.simplefilter("ignore")
            tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = getattr(error, "msg", "too deep")
        raise FeatureError(f"cannot read feature {text!r}: {reason}; write e.g. '(a + b) % p'") from None
    _check_syntax(tree, text, depth=0)
    return tree


def _check_syntax(node: ast.expr, text: str, depth: int) -> None:
    """Raise FeatureError unless the tree holds the language's constructs only."""
    if depth > MAX_DEPTH:
        raise FeatureError(f"feature is nested more than {MAX_DEPTH} deep")
    for child in _operands(node, text, top=depth == 0):
        _check_syntax(child, text, depth + 1)


def _operands(node: ast.expr, text: str, *, top: bool) -> Sequence[ast.expr]:
    match node:
        case ast.Tuple(elts=elements) if top and elements:
            if len(elements) > MAX_COMPONENTS:
                raise FeatureError(
                    f"feature {text[:80]!r}... has {len(elements)} components, at most {MAX_COMPONENTS} are "
                    "read; split the node"
                )
            return elements
        case ast.BinOp(op=op) if type(op) in _BINARY:
            return [node.left, node.right]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Not()):
            return [node.operand]
        case ast.BoolOp():
            return node.values
        case ast.Compare() if all(type(op) in _COMPARE for op in node.ops):
            return [node.left, *node.comparators]
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            _, low, high = _FUNCTIONS[name]
            if not low <= len(args) <= high or any(isinstance(arg, ast.Starred) for arg in args):
                wanted = str(low) if low == high else f"{low} to {high}"
                raise FeatureError(f"feature {text!r}: {name} takes {wanted} values, found {len(args)}")
            return args
        case ast.Name():
            return []
        case ast.Constant(value=int() | float() as value) if type(value) is not bool and abs(value) <= 10**12:
            return []
    try:
        found = ast.unparse(node)
    except RecursionError:
        found = text
    hint = nearest(node.func.id, _FUNCTIONS) if _is_named_call(node) else ""  # pyright: ignore
    raise FeatureError(f"feature {text!r}: {found[:80]!r} is not allowed{hint}; allowed are {ALLOWED}")


def _is_named_call(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


@lru_cache(maxsize=4096)
def _names(text: str) -> frozenset[str]:
    """Return the variables and constants that an expression names."""
    nodes = list(ast.walk(_syntax_tree(text)))
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    return frozenset(n.id for n in nodes if isinstance(n, ast.Name) and id(n) not in called) - {"pi"}


def _check_names(text: str, known: Sequence[str]) -> None:
    unknown = sorted(_names(text) - set(known))
    if unknown:
        shown = ", ".join(f"{name!r}{nearest(name, known)}" for name in unknown)
        raise FeatureError(f"feature {text!r} names {shown}; known are {', '.join([*known, 'pi'])}")


def _evaluate(node: ast.expr, names: Mapping[str, Any], text: str) -> tuple[np.ndarray, ...]:
    if isinstance(node, ast.Tuple):
        return tuple(_value(element, names, text) for element in node.elts)
    return (_value(node, names, text),)


def _value(node: ast.expr, names: Mapping[str, Any], text: str) -> np.ndarray:
    """Evaluate one checked expression; the cases are those of `_operands`."""
    match node:
        case ast.Constant(value=value):
            return np.asarray(value)
        case ast.Name(id=name):
            return np.asarray(math.pi if name == "pi" and name not in names else names[name])
        case ast.BinOp():
            left, right = _value(node.left, names, text), _value(node.right, names, text)
            return _binary(node.op, left, right, text)
        case ast.UnaryOp(op=ast.Not()):
            return np.logical_not(_value(node.operand, names, text))
        case ast.UnaryOp():
            value = _number(_value(node.operand, names, text))
            return -value if isinstance(node.op, ast.USub) else value
        case ast.BoolOp():
            combine = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return _fold(combine, [_value(v, names, text) for v in node.values])
        case ast.Compare():
            chain = [_value(v, names, text) for v in (node.left, *node.comparators)]
            pairs = zip(node.ops, chain[:-1], chain[1:], strict=True)
            return _fold(np.logical_and, [_COMPARE[type(op)](x, y) for op, x, y in pairs])
        case ast.Call(func=ast.Name(id=name), args=args):
            return _FUNCTIONS[name][0](*(_number(_value(arg, names, text)) for arg in args))
    raise AssertionError(f"unchecked syntax in {text!r}")


def _binary(op: ast.operator, left: np.ndarray, right: np.ndarray, text: str) -> np.ndarray:
    symbol, function = _BINARY[type(op)]
    left, right = _number(left), _number(right)
    whole = left.dtype.kind == right.dtype.kind == "i"
    if whole and symbol in ("+", "-", "*"):
        return _exactly(symbol, left, right, text)
    if left.dtype.kind == "f" or right.dtype.kind == "f" or symbol == "/":
        return function(left.astype(float), right.astype(float))
    if symbol in ("//", "%") and np.any(right == 0):
        # Integer division by zero gives 0 in numpy; as a real it gives NaN, which is caught later.
        return function(left.astype(float), right.astype(float))
    return function(left, right)


def _exactly(symbol: str, left: np.ndarray, right: np.ndarray, text: str) -> np.ndarray:
    """Return a sum, difference or product of whole numbers; one that does not fit is an error.

    numpy keeps the last 64 bits of such a result and says nothing. The smallest 64-bit number is refused too,
    since its negative does not fit.
    """
    if symbol == "*":
        result = left * right
        divisor = np.where(right == 0, 1, right)
        # The division is exact where the product is; its own overflow, -2**63 // -1, has that result.
        wrong = (right != 0) & (result // divisor != left)
    elif symbol == "+":
        result = left + right
        wrong = ((left ^ result) & (right ^ result)) < 0
    else:
        result = left - right
        wrong = ((left ^ right) & (left ^ result)) < 0
    if np.any(wrong | (result < -LARGEST)):
        what = {"+": "sum", "-": "difference", "*": "product"}[symbol]
        raise FeatureError(
            f"feature {text!r}: a {what} is beyond {LARGEST:,}; take a remainder or use smaller numbers"
        )
    return result


def _number(value: np.ndarray) -> np.ndarray:
    return value.astype(np.int64) if value.dtype.kind in "bu" else value


def _fold(function: Callable[..., Any], values: Sequence[np.ndarray]) -> np.ndarray:
    result = values[0]
    for value in values[1:]:
        result = function(result, value)
    return result


def _checked(values: np.ndarray, n_inputs: int, text: str, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    if values.dtype.kind not in "biuf":
        raise FeatureError(f"feature {text!r} gives {values.dtype} values; whole or real numbers are allowed")
    if values.ndim > 1 or (values.ndim == 1 and len(values) != n_inputs):
        raise FeatureError(f"feature {text!r} gives shape {values.shape}; one value per input is expected")
    values = np.broadcast_to(_number(values), (n_inputs,))
    wrong = np.flatnonzero(~np.isfinite(values.astype(float)) | (np.abs(values.astype(float)) > 9e9))
    if len(wrong):
        row = int(wrong[0])
        at = ", ".join(f"{name} = {column[row]}" for name, column in columns.items())
        raise FeatureError(
            f"feature {text!r} gives {values[row]} on input {row} ({at}), and on {len(wrong)} inputs in "
            "all; it must be a finite number below 9e9 on every input"
        )
    return values
