from collections import Counter

import numpy as np
import pytest

from scrubkit.errors import ProgramError
from scrubkit.families.programs.compile import compile_program
from scrubkit.families.programs.twins import all_switches, family, pool, twins
from tests.programs.scrub_weights import share_changed


@pytest.fixture(scope="module")
def programs():
    return family(0, variants=4)


@pytest.fixture(scope="module")
def cases(programs):
    return twins(programs)


def test_all_variants_give_the_same_answers(programs):
    answers = [program.labels for program in programs.values()]
    assert len(answers) == 4 and all(np.array_equal(answers[0], other) for other in answers)


def test_every_text_is_as_often_true_as_false(cases):
    count = Counter((case.text, case.label.true) for case in cases)
    assert len(cases) >= 40
    assert all(count[text, True] == count[text, False] for text, _ in count)


def test_true_and_false_are_nearly_balanced_for_every_model(cases):
    count = Counter((case.variant, case.label.true) for case in cases)
    assert all(abs(count[name, True] - count[name, False]) <= 4 for name, _ in count)


def test_claims_are_false_in_several_ways(cases):
    assert len({case.label.stratum for case in cases} - {""}) >= 4


def test_all_variants_compile_into_one_shape(programs):
    sizes = dict(room=9, d_model=110, n_heads=3, d_head=9, d_mlp=160, n_layers=3)
    made = [compile_program(program, codes="rotated", **sizes) for program in programs.values()]
    assert len({model.config for model in made}) == 1


def test_sites_of_a_claim_are_the_same_text_in_every_variant(programs):
    made = [compile_program(program) for program in programs.values()]
    slots = ["a0", "a1", "a2", "b0", "b1", "x0", "x3"]
    assert len({tuple(model.truth.site(slot) for slot in slots) for model in made}) == 1


def test_a_seed_decides_the_cases():
    first, again, other = (pool(family(seed, variants=2)) for seed in (1, 1, 2))
    assert list(first) == list(again) and list(first) != list(other)


def test_too_many_variants_are_refused():
    with pytest.raises(ProgramError, match="there are 2 to 96"):
        family(0, variants=len(all_switches()) + 1)


@pytest.mark.parametrize(
    "options", [{}, {"normalization": "LN", "codes": "rotated"}, {"codes": "superposed"}]
)
def test_scrubbing_the_weights_changes_answers_as_often_as_the_label_says(programs, cases, options):
    made = {name: compile_program(program, **options) for name, program in programs.items()}
    rng = np.random.default_rng(0)
    for case in rng.choice(np.array(cases, dtype=object), size=6, replace=False):
        share = share_changed(made[case.variant], case.claim, draws=8, seed=1)
        # 648 draws: five standard errors.
        assert abs(share - case.label.failure) < 0.1
        assert (share == 0) or not case.label.sufficient
