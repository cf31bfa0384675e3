import itertools

import numpy as np
import pytest

from scrubkit.errors import ProgramError
from scrubkit.families.programs.compile import compile_program
from scrubkit.families.programs.compile.check import measure
from scrubkit.families.programs.random import random_program
from tests.programs.graphs import chain, induction, parity


@pytest.mark.parametrize("graph", [chain, parity, induction])
def test_simplex_codes_need_fewer_dimensions_and_interfere_in_nothing(graph):
    plain, made = compile_program(graph()), compile_program(graph(), codes="superposed", ratio=1.25)
    assert made.config.d_model < plain.config.d_model
    assert made.code.bound < 1e-12 and made.errors.code < 1e-12 and made.errors.wrong == 0


def _crowded():
    """Codes that interfere, and are read right all the same."""
    for seed, ratio in itertools.product(range(10), (1.8, 1.7)):
        try:
            made = compile_program(
                random_program(seed, nodes=5), codes="superposed", ratio=ratio, placement="random", seed=seed
            )
        except ProgramError:
            continue
        if made.errors.code > 0.01:
            return made
    raise AssertionError("no program fits")


def test_interference_is_stated_and_measured():
    made = _crowded()
    assert 0.01 < made.errors.code < 0.5 and made.errors.wrong == 0
    home = {name: made.truth.where(name)[0] for name in made.program.computed}
    _, by_variable = measure(made.program, made.weights, made.config, made.code, made.truth)
    unmoved = [name for name in home if len(made.truth.where(name)) == 1]
    assert unmoved and all(by_variable[name] <= made.code.bound + 1e-12 for name in unmoved)


def test_too_high_a_ratio_is_refused_with_what_would_do():
    with pytest.raises(ProgramError, match="take a lower one"):
        compile_program(random_program(0, nodes=5), codes="superposed", ratio=3)


def test_noise_is_measured_and_refused_where_it_changes_answers():
    made = compile_program(chain(), codes="rotated", noise=0.002)
    assert 1e-6 < made.errors.code < 0.5 and made.errors.wrong == 0
    with pytest.raises(ProgramError, match="too much for this program"):
        compile_program(chain(), noise=0.5)


def test_noise_leaves_what_is_zero():
    made = compile_program(parity(), noise=0.001, n_layers=2)
    assert all((value == 0).all() for name, value in made.weights.items() if name.startswith("blocks.1."))
    assert not np.array_equal(made.weights["embed.W_E"], compile_program(parity()).weights["embed.W_E"])
