from pathlib import Path

import pytest

import scrubkit
from scrubkit.errors import ModelError
from scrubkit.families.programs.claims import to_hypothesis
from scrubkit.families.programs.compile import compile_program
from scrubkit.families.programs.distractors import dead
from scrubkit.families.programs.family import FAMILY
from scrubkit.families.programs.label import label
from scrubkit.families.programs.library import LIBRARY, named
from scrubkit.families.programs.model import to_model
from scrubkit.families.programs.near_misses import near_misses

FOLDER = Path(__file__).parents[2] / "hypotheses" / "programs"
ABOUT = {
    "max3_by_pairs": ("max3-rotated", "supported"),
    "max3_other_pair": ("max3-rotated", "refuted"),
    "s3_by_cosets": ("s3-cosets-ln", "supported"),
    "s3_by_permutations": ("s3-permutations", "supported"),
    "induction": ("induction5", "supported"),
}
ABOUT_ANY = {"every_variable": "supported", "answer_alone": "supported", "one_step_constant": "refuted"}


@pytest.mark.parametrize("name", ABOUT)
def test_a_file_is_judged_as_it_says(name):
    model, verdict = ABOUT[name]
    made = FAMILY.models[model].build()
    hypothesis = scrubkit.load_hypothesis(FOLDER / f"{name}.py", truth=made.truth)
    assert hypothesis.expect == {made.truth.variant: (verdict,)}
    assert scrubkit.score(made, hypothesis).verdict == verdict


@pytest.mark.parametrize("program", LIBRARY)
@pytest.mark.parametrize("name", ABOUT_ANY)
def test_a_file_about_any_program_is_judged_as_it_says(name, program):
    """As fine as can be, as coarse as can be, and a near miss."""
    made = FAMILY.models[f"{program}-rotated"].build()
    hypothesis = scrubkit.load_hypothesis(FOLDER / f"{name}.py", truth=made.truth)
    assert hypothesis.expect == {made.truth.variant: (ABOUT_ANY[name],)}
    assert scrubkit.score(made, hypothesis, draws=4).verdict == ABOUT_ANY[name]


def test_a_file_asked_of_another_program_says_so_before_anything_else():
    made = FAMILY.models["sort3"].build()
    with pytest.raises(ModelError) as caught:
        scrubkit.load_hypothesis(FOLDER / "max3_by_pairs.py", truth=made.truth)
    assert caught.value.faults[0] == "is about the task 'max3', and the model is of 'sort3'"
    assert "no variable 'first'" in caught.value.faults[1]


def test_every_file_is_in_the_table():
    assert {path.stem for path in FOLDER.glob("*.py")} == {*ABOUT, *ABOUT_ANY}


@pytest.mark.parametrize("options", [{}, {"normalization": "LN", "codes": "rotated"}])
def test_scores_of_the_weights_agree_with_labels(options):
    """Sufficient claims leave every logit, and others change answers as often as their labels say."""
    program, claim = named("max3").program(), named("max3").claims()["coarse"]
    made = compile_program(program, **options)
    model = to_model(made)
    for _, miss in [("", claim), *list(near_misses(program, claim))[::3]]:
        found = label(program, miss)
        score = scrubkit.score(model, to_hypothesis(miss, made), draws=16)
        assert (1 - score.agreement.value) == pytest.approx(found.failure, abs=0.06)
        assert (score.fidelity.value > 1 - 1e-6) == found.sufficient


def test_match_is_perfect_for_every_variable_and_falls_with_what_is_left_out_or_wrong():
    made = FAMILY.models["max3-rotated"].build()

    def matched(name):
        hypothesis = scrubkit.load_hypothesis(FOLDER / f"{name}.py", truth=made.truth)
        return scrubkit.score(made, hypothesis, draws=2).match

    every, pairs, other = (matched(n) for n in ("every_variable", "max3_by_pairs", "max3_other_pair"))
    assert every.overall == 1.0 and every.edges_precision == every.edges_recall == 1.0
    assert every.overall > pairs.overall > other.overall
    assert pairs.sites_precision == pairs.features == 1.0


def test_a_dead_variable_plays_no_part_in_the_truth():
    program = dead(named("max3").program(), "min(x0, x1)")
    truth = to_model(compile_program(program)).truth
    causal = {statement.of: statement.causal for statement in truth.statements}
    assert causal == {name: name != "dead" for name in program.variables}
