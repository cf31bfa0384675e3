"""Phases of a run: where they begin and end, and which of their published signs are seen."""

import math

import pytest

from scrubkit.families.modular.certify.certificate import certify
from scrubkit.families.modular.progress.measures import progress_measures
from scrubkit.families.modular.progress.phases import EXPECTED, find_phases
from scrubkit.models.load import load

# A run as it is published: fit by step 30, formed by step 60, and then cleaned up.
STEPS = (0, 10, 30, 50, 60, 80, 100)
TEXTBOOK = {
    "train_loss": (4.7, 1.0, 1e-3, 1e-3, 1e-3, 1e-5, 1e-6),
    "test_loss": (4.7, 8.0, 12.0, 11.0, 9.0, 1.0, 1e-5),
    "restricted_loss": (4.7, 4.6, 4.0, 1.0, 0.5, 0.01, 1e-6),
    "excluded_loss": (4.7, 2.0, 0.2, 3.0, 6.0, 6.5, 7.0),
    "gini_embedding": (0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 0.7),
    "gini_map": (0.03, 0.05, 0.1, 0.2, 0.3, 0.6, 0.8),
    "squared_weights": (1400.0, 2000.0, 2900.0, 2500.0, 2300.0, 1200.0, 800.0),
}


def test_the_phases_follow_the_excluded_and_the_test_loss():
    phases = find_phases(STEPS, TEXTBOOK)
    assert [(p.name, p.first, p.last) for p in phases] == [
        ("memorisation", 0, 30),
        ("circuit formation", 30, 60),
        ("clean-up", 60, 100),
    ]


def test_a_run_as_it_is_published_shows_every_sign():
    signs = [sign for phase in find_phases(STEPS, TEXTBOOK) for sign in phase.signs]
    assert len(signs) == 17
    assert [sign.says for sign in signs if not sign.holds] == []


LEVEL = {name: (values[0],) * len(values) for name, values in TEXTBOOK.items()}
"""A run in which one figure at a time does not move."""


@pytest.mark.parametrize("figure", ["train_loss", "restricted_loss", "gini_embedding", "squared_weights"])
def test_a_figure_that_does_not_move_shows_no_sign_of_moving(figure):
    phases = find_phases(STEPS, TEXTBOOK | {figure: LEVEL[figure]})
    moving = [s for p in phases for s in p.signs if s.figure == figure and "stays" not in s.says]
    assert moving and not any(sign.holds for sign in moving)


def test_a_run_that_never_generalises_has_no_clean_up():
    phases = find_phases(STEPS, TEXTBOOK | {"test_loss": (4.7, 8.0, 9.0, 9.0, 9.0, 9.0, 9.0)})
    assert (phases[2].first, phases[2].last, phases[2].signs) == (100, 100, ())


def test_the_signs_name_figures_that_are_measured():
    measured = {m.name for m in progress_measures(load("modadd-p59"), (3,))}
    assert {sign.figure for signs in EXPECTED.values() for sign in signs} <= measured


def test_the_measures_of_a_certified_model_are_its_certificates():
    model = load("modadd-p59")
    certificate = certify(model)
    for measured in progress_measures(model, certificate.frequencies):
        name = {"test_loss": "held_out_loss"}.get(measured.name, measured.name)
        if name != "squared_weights":
            assert measured.value == pytest.approx(certificate[name].value, rel=1e-9), name


def test_excluding_frequencies_that_are_not_used_costs_nothing():
    model = load("modadd-p59")
    unused = next(k for k in range(1, 30) if k not in certify(model).frequencies)
    measured = {m.name: m.value for m in progress_measures(model, (unused,))}
    assert measured["excluded_loss"] == pytest.approx(measured["train_loss"], abs=1e-4)
    assert measured["restricted_loss"] > 0.9 * math.log(59)
