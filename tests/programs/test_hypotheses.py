from pathlib import Path

import pytest

import scrubkit
from scrubkit.families.programs.claims import to_hypothesis
from scrubkit.families.programs.compile import compile_program
from scrubkit.families.programs.family import FAMILY
from scrubkit.families.programs.label import label
from scrubkit.families.programs.library import named
from scrubkit.families.programs.model import to_model
from scrubkit.families.programs.near_misses import near_misses

FOLDER = Path(__file__).parents[2] / "hypotheses" / "programs"
ABOUT = {
    "max3_by_pairs": ("max3-rotated", "supported"),
    "max3_other_pair": ("max3-rotated", "refuted"),
    "s3_by_cosets": ("s3-cosets-ln", "supported"),
    "induction": ("induction5", "supported"),
    "every_variable": ("brackets6-superposed", "supported"),
}


@pytest.mark.parametrize("name", ABOUT)
def test_a_file_is_judged_as_it_says(name):
    model, verdict = ABOUT[name]
    made = FAMILY.models[model].build()
    hypothesis = scrubkit.load_hypothesis(FOLDER / f"{name}.py", truth=made.truth)
    assert scrubkit.score(made, hypothesis).verdict == verdict


def test_every_file_is_in_the_table():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(ABOUT)


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
