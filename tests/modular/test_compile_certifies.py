"""Every request that is accepted gives a model that its certificate bears out."""

import pytest

from scrubkit.errors import ModelError
from scrubkit.families.modular.certify.certificate import certify
from scrubkit.families.modular.compile import VARIANTS, compile_model
from scrubkit.families.modular.compile.scale import ALPHA, choose_alpha, formula_loss

FREQUENCIES = {
    5: [(1,), (1, 2)],
    9: [(1,), (2, 4), (1, 3, 4)],
    12: [(1,), (1, 5), (2, 3)],
    13: [(1,), (6,), (1, 2), (4, 5, 6)],
    19: [(3,), (3, 6), (1, 2, 9)],
    31: [(2, 11), (1, 2, 3, 4, 5, 6, 7)],
    59: [(6, 9, 12)],
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("p", FREQUENCIES)
def test_what_is_accepted_is_certified(variant, p):
    certified = 0
    for frequencies in FREQUENCIES[p]:
        try:
            model = compile_model(variant=variant, p=p, frequencies=frequencies)
        except ModelError:
            continue
        found = certify(model)
        assert found.certified, (frequencies, found.reasons)
        assert found.frequencies == frequencies
        certified += 1
    assert certified or (variant == "pizza" and p == 12)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_usual_scale_is_kept_where_it_does(variant):
    assert choose_alpha(variant, 113, (14, 35, 41, 42, 52)) == ALPHA[variant]
    assert (
        compile_model(variant=variant, p=13, frequencies=(2, 5)).provenance.history["alpha"] == ALPHA[variant]
    )


def test_frequencies_that_leave_a_small_margin_get_a_larger_scale():
    usual = formula_loss("clock-attention", 113, (9, 20, 33), ALPHA["clock-attention"])
    assert usual == pytest.approx(0.00464, abs=1e-5)
    chosen = choose_alpha("clock-attention", 113, (9, 20, 33))
    assert formula_loss("clock-attention", 113, (9, 20, 33), chosen) <= 1e-4


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_loss_of_the_formula_is_the_models_own(variant):
    model = compile_model(variant=variant, p=31, frequencies=(2, 11, 13))
    alpha = model.provenance.history["alpha"]
    assert certify(model)["loss"].value == pytest.approx(
        formula_loss(variant, 31, (2, 11, 13), alpha), rel=0.2
    )
