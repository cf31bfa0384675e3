"""Features: what the language takes and refuses, and what features are worth."""

import math
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scrubkit.core.feature import MAX_LENGTH, class_ids, parse
from scrubkit.errors import FeatureError

P = 7
A, B = (x.ravel() for x in np.meshgrid(np.arange(P), np.arange(P), indexing="ij"))
COLUMNS = MappingProxyType({"a": A, "b": B})


def values(source):
    return parse(source).values(COLUMNS, {"p": P}, np.stack([A, B], axis=1))


ACCEPTED = [
    ("a", A),
    ("(a + b) % p", (A + B) % P),
    ("(a - b) % p", (A - B) % P),
    ("a // 2 * 2", A // 2 * 2),
    ("a / 2", A / 2),
    ("-a + +b", -A + B),
    ("a * b % p", A * B % P),
    ("a == b", (A == B).astype(int)),
    ("1 < a <= 4", ((A > 1) & (A <= 4)).astype(int)),
    ("a != b and not b > 2", ((A != B) & ~(B > 2)).astype(int)),
    ("a > 3 or b > 3", ((A > 3) | (B > 3)).astype(int)),
    ("abs(cos(pi * 2 * (a - b) / p))", np.abs(np.cos(math.pi * 2 * (A - B) / P))),
    ("sin(a)", np.sin(A)),
    ("min(a, b, 3)", np.minimum(np.minimum(A, B), 3)),
    ("max(a, b)", np.maximum(A, B)),
    ("0", np.zeros_like(A)),
    ("1.5", np.full(A.shape, 1.5)),
]


@pytest.mark.parametrize(("text", "expected"), ACCEPTED, ids=[text for text, _ in ACCEPTED])
def test_expressions_have_the_values_of_numpy(text, expected):
    (found,) = values(text)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_a_tuple_has_a_component_for_each_element():
    first, second = values("((a + b) % p, a > b)")
    np.testing.assert_array_equal(first, (A + B) % P)
    np.testing.assert_array_equal(second, A > B)


REFUSED = [
    ("", "cannot read"),
    ("a +", "cannot read"),
    ("a; b", "cannot read"),
    ("__import__('os')", "not allowed"),
    ("a.__class__", "not allowed"),
    ("a[0]", "not allowed"),
    ("lambda: a", "not allowed"),
    ("[a for a in b]", "not allowed"),
    ("a ** 999999", "not allowed"),
    ("a if b else 0", "not allowed"),
    ("'text'", "not allowed"),
    ("True", "not allowed"),
    ("f'{a}'", "not allowed"),
    ("a << 3", "not allowed"),
    ("tan(a)", "not allowed"),
    ("coss(a)", 'did you mean "cos"'),
    ("cos(a, b)", "takes 1 values, found 2"),
    ("min(a)", "takes 2 to 16"),
    ("max(*a)", "takes 2 to 16|not allowed"),
    ("cos(x=a)", "not allowed"),
    ("((a, b), a)", "not allowed"),
    ("()", "not allowed"),
    ("(a := 3)", "not allowed"),
    ("1j", "not allowed"),
    ("10000000000000000", "not allowed"),
    ("a" + " + a" * MAX_LENGTH, "characters long"),
    ("-" * 100 + "a", "deep|cannot read"),
    ("q + 1", "names 'q'"),
    ("aa", 'did you mean "a"'),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[text[:30] for text, _ in REFUSED])
def test_everything_else_is_refused(text, message):
    with pytest.raises(FeatureError, match=message):
        values(text)


@pytest.mark.parametrize(
    ("text", "row", "where"),
    [
        ("a % (b - 3)", 3, r"a = 0, b = 3"),
        ("a // (a - 2)", 14, r"a = 2, b = 0"),
        ("1 / a", 0, r"a = 0, b = 0"),
        ("a * 10000000000", 7, r"a = 1, b = 0"),
    ],
)
def test_a_feature_that_fails_names_the_first_input(text, row, where):
    with pytest.raises(FeatureError, match=rf"on input {row} \({where}\)"):
        values(text)


def test_a_callable_is_given_token_rows():
    (found,) = values(lambda tokens: tokens[:, 0] * 2)
    np.testing.assert_array_equal(found, A * 2)
    first, second = values(lambda tokens: tokens)
    np.testing.assert_array_equal((first, second), (A, B))


def test_a_callable_that_fails_is_named():
    def broken(tokens):
        return tokens[:, 5]

    with pytest.raises(FeatureError, match="broken failed on the token rows: IndexError"):
        values(broken)


@pytest.mark.parametrize("result", [np.zeros(3), np.array(["x"] * len(A)), np.zeros((2, 2, 2))])
def test_a_callable_with_values_of_another_kind_is_refused(result):
    with pytest.raises(FeatureError, match="one value per input|whole or real"):
        values(lambda tokens: result)


@pytest.mark.parametrize("source", [None, 3, ["a"]])
def test_a_feature_is_text_or_a_callable(source):
    with pytest.raises(FeatureError, match="expression or a callable"):
        parse(source)


def test_spaces_do_not_make_another_feature():
    assert parse("  (a +\n b) % p ").text == parse("(a + b) % p").text


def test_class_ids_agree_where_all_components_do():
    ids = class_ids([(A + B) % P, A > B])
    same = ((A + B) % P)[:, None] == ((A + B) % P)[None, :]
    same &= (A > B)[:, None] == (A > B)[None, :]
    np.testing.assert_array_equal(ids[:, None] == ids[None, :], same)


def test_real_values_that_differ_by_rounding_are_one_class():
    exact = np.cos(math.pi * (A - B) / P)
    assert len(np.unique(class_ids([exact + 1e-13 * A]))) == len(np.unique(class_ids([exact])))


def test_no_text_runs_code(tmp_path):
    target = tmp_path / "made"
    for text in (f"open('{target}', 'w')", f"__import__('pathlib').Path('{target}').touch()"):
        with pytest.raises(FeatureError):
            values(text)
    assert not target.exists()


def power(n):
    """An expression for 2 to the n, of factors that are allowed."""
    return f"({' * '.join(['4294967296'] * (n // 32) + [str(2 ** (n % 32))])})"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (f"({power(62)} - 1 + {power(62)}) // {power(62)}", 1),
        (f"({power(62)} - 1 + {power(62)}) % 1000", 807),
        (f"(0 - {power(62)} + 1 - {power(62)}) % 1000", 193),
        (f"-(0 - {power(62)} + 1 - {power(62)}) % 1000", 807),
        (f"abs(0 - {power(62)} + 1 - {power(62)}) % 1000", 807),
        ("3037000499 * 3037000499 % 1000", 1),
    ],
)
def test_whole_numbers_are_exact_up_to_the_largest_of_64_bits(text, value):
    assert set(np.broadcast_to(values(text)[0], A.shape).tolist()) == {value}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f"({power(62)} + {power(62)}) % 5", "sum"),
        (f"(0 - {power(62)} - {power(62)}) % 5", "difference"),
        (f"(0 - {power(62)} - {power(62)} - 1) % 5", "difference"),
        (f"(0 - {power(62)}) * 2 % 5", "product"),
        ("3037000500 * 3037000500 % 5", "product"),
        (f"{power(32)} * {power(32)} % 5", "product"),
        (f"{power(62)} * 4 % 5", "product"),
        (f"({power(62)} + {power(62)} - 1 + a) % 5", "sum"),
    ],
)
def test_a_whole_number_that_does_not_fit_is_refused(text, what):
    with pytest.raises(FeatureError, match=f"a {what} is beyond 9,223,372,036,854,775,807"):
        values(text)


@settings(deadline=None, database=None)
@given(
    st.lists(st.tuples(st.sampled_from("+-*"), st.integers(0, 10**12)), min_size=1, max_size=6),
    st.integers(0, 10**12),
)
def test_whole_numbers_are_those_of_python_or_refused(steps, first):
    exact, text = first, str(first)
    fits = True
    for symbol, number in steps:
        exact = {"+": exact + number, "-": exact - number, "*": exact * number}[symbol]
        text = f"({text} {symbol} {number})"
        fits = fits and abs(exact) <= 2**63 - 1
    if not fits:
        with pytest.raises(FeatureError, match="is beyond"):
            values(f"{text} % 1000003")
        return
    assert set(np.broadcast_to(values(f"{text} % 1000003")[0], A.shape).tolist()) == {exact % 1000003}


def test_a_feature_has_at_most_32_components():
    assert len(values(", ".join(["a"] * 32))) == 32
    with pytest.raises(FeatureError, match="33 components, at most 32"):
        values(", ".join(["a"] * 33))


def test_reading_a_feature_says_nothing_on_stderr(recwarn):
    with pytest.raises(FeatureError):
        values("1if a else 2")
    assert not recwarn.list
