import inspect

import numpy as np
import pytest

from scrubkit.errors import ProgramError
from scrubkit.families.programs.compile import compile_program
from scrubkit.families.programs.label import label
from scrubkit.families.programs.library import LIBRARY, named

SMALL = [name for name in LIBRARY if len(named(name).program().rows) <= 700]


def balanced(row) -> bool:
    depths = np.cumsum(2 * row - 1)
    return bool(depths[-1] == 0 and (depths >= 0).all())


def following(row) -> int:
    matches = [i for i in range(1, 4) if row[i - 1] == row[4]]
    return row[matches[-1] if matches else 3]


def compose(row) -> int:
    r, s = 0, 0
    for element in row:
        r, s = (r + (-1) ** s * (element % 3)) % 3, (s + element // 3) % 2
    return r + 3 * s


ANSWERS = {
    "max3": max,
    "min4": min,
    "sort3": sorted,
    "greater-than": lambda x: 4 * x[0] + x[1] > 4 * x[2] + x[3],
    "reverse4": lambda x: x[::-1],
    "histogram3": lambda x: [(x == v).sum() for v in x],
    "most-frequent": lambda x: np.bincount(x, minlength=3).argmax(),
    "induction5": following,
    "indirect-object": lambda x: x[0] if x[1] == x[2] else x[1],
    "parity5": lambda x: x.sum() % 2,
    "parity5-chain": lambda x: x.sum() % 2,
    "addition-lookup": lambda x: x.sum() % 9,
    "addition-carry": lambda x: divmod((3 * x[0] + x[1] + 3 * x[2] + x[3]) % 9, 3),
    "brackets6": balanced,
    "automaton5": lambda x: int("".join(map(str, x)), 2) % 3,
    "s3-permutations": compose,
    "s3-cosets": compose,
}


@pytest.mark.parametrize("name", LIBRARY)
def test_a_program_computes_what_its_name_says(name):
    program = named(name).program()
    assert all(
        np.array_equal(label, np.asarray(ANSWERS[name](row)).astype(int))
        for row, label in zip(program.rows, program.labels, strict=True)
    )


@pytest.mark.parametrize("name", LIBRARY)
def test_a_program_compiles_exactly_with_and_without_layernorm(name):
    for options in ({}, {"normalization": "LN", "codes": "rotated"}):
        made = compile_program(named(name).program(), **options)
        assert made.errors.code < 1e-10 and made.errors.logit < 1e-10 and made.errors.wrong == 0


@pytest.mark.parametrize("name", LIBRARY)
def test_its_claims_at_two_or_more_grains_are_true(name):
    claims = named(name).claims()
    assert len(claims) >= 2
    for claim in claims.values():
        found = label(named(name).program(), claim)
        assert found.true, (claim.name, found)


def test_every_program_names_its_source():
    assert all(len(inspect.getdoc(entry.build) or "") > 60 for entry in LIBRARY.values())


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ProgramError, match="did you mean"):
        named("sort4")
