from collections import Counter

import numpy as np
import pytest

from scrubkit.bench.manifest import Suite
from scrubkit.bench.suites import load_suite
from scrubkit.errors import BenchError
from scrubkit.families.programs.compile import compile_program
from scrubkit.families.programs.label import label
from scrubkit.families.programs.suites import make as making
from scrubkit.families.programs.suites.arrangement import VARIANTS, arrangements
from scrubkit.families.programs.suites.base import STYLES, draw_base
from scrubkit.families.programs.suites.cases import base_cases
from scrubkit.families.programs.suites.make import Definition, make
from scrubkit.families.programs.suites.models import build, compile_all, variants
from scrubkit.families.programs.suites.twins import said, twins
from scrubkit.harness.batches import lay_out
from tests.programs.scrub_weights import share_changed

CASES = 20


@pytest.fixture(scope="module")
def base():
    return draw_base(3, "plain", small=True)


@pytest.fixture(scope="module")
def programs(base):
    return variants(base)


@pytest.fixture(scope="module")
def found(programs):
    return twins(programs, CASES, seed=3)


@pytest.fixture(scope="module")
def pair():
    """The cases and models of two bases, in two styles."""
    made = [base_cases(seed, style, 8) for seed, style in ((5, "rotated"), (6, "superposed"))]
    return [case for cases, _ in made for case in cases], {
        k: m for _, models in made for k, m in models.items()
    }


def decisive(cases):
    return [case for case in cases if not case.label.vacuous]


def test_all_variants_give_the_same_answers(programs):
    assert len(programs) == VARIANTS
    assert all(np.array_equal(programs[0].labels, other.labels) for other in programs)


@pytest.mark.parametrize("style", STYLES)
def test_every_style_has_sound_bases_whose_variants_answer_alike(style):
    base = draw_base(11, style)
    assert base.sound
    made = variants(base)
    assert all(np.array_equal(made[0].labels, other.labels) for other in made)


def test_every_switch_is_set_both_ways_equally_often(base):
    every = arrangements(base)
    for number in (0, 1):
        assert Counter(on.live[number] for on in every) == {0: 4, 1: 4}
    assert Counter(Counter(on.parts for on in every).values()) == {4: 2}


def test_every_text_is_as_often_true_as_false(found):
    count = Counter((said(case.claim), case.label.true) for case in decisive(found))
    assert len(found) >= CASES - 2
    assert all(count[text, True] == count[text, False] for text, _ in count)


def test_true_and_false_are_balanced_for_every_model(found):
    count = Counter((case.variant, case.label.true) for case in decisive(found))
    assert all(abs(count[v, True] - count[v, False]) <= 1 for v in range(VARIANTS))


def test_claims_are_false_in_several_ways():
    rare = twins(variants(draw_base(4, "planted", small=True)), 24, seed=4)
    assert len({case.label.stratum for case in decisive(rare)} - {""}) >= 4


def test_vacuous_claims_are_few_and_form_a_set_of_their_own(found):
    vacuous = [case for case in found if case.label.vacuous]
    assert 1 <= len(vacuous) <= 2
    assert {case.change for case in vacuous} == {"vacuous"}


def test_small_models_have_one_shape():
    shapes = {
        model.config.model_copy(update={"normalization": None})
        for number, style in enumerate(making.FAST_STYLES)
        for model in compile_all(draw_base(number, style, small=True), small=True)[1][:1]
    }
    assert len(shapes) == 1


def test_a_text_names_the_same_sites_and_bases_in_every_variant(pair):
    cases, _ = pair
    keys = lay_out(cases).keys
    assert len(set(keys.values())) == len(cases)
    models = {case.model.key: build(case.model.options) for case in cases}
    by_text = {}
    for case in cases:
        truth = models[case.model.key].truth
        named = tuple(sorted(node["site"] for node in case.hypothesis["nodes"]))
        bases = tuple(
            map(str, (truth.subspaces[s.split("subspace=")[1].rstrip("]")] for s in named if "subspace" in s))
        )
        by_text.setdefault((case.model.options["base"], named), set()).add(bases)
    assert all(len(bases) == 1 for bases in by_text.values())


def test_weights_of_twins_have_the_same_spectra(pair):
    _, models = pair
    by_shape = {}
    for model in models.values():
        spectra = {
            name: np.round(np.linalg.svd(value, compute_uv=False), 9).tolist()
            for name, value in model.weights.items()
            if value.ndim == 2
        }
        by_shape.setdefault(model.config.model_dump_json(), []).append(spectra)
    assert len(by_shape) == 2
    for spectra in by_shape.values():
        assert all(one == spectra[0] for one in spectra)


def test_what_inputs_and_outputs_say_is_the_same_for_true_and_false(pair):
    """A control that asks whether the features at the root determine the answer gives each text one score."""
    cases, models = pair
    scores = {"true": [], "false": []}
    for case in cases:
        if case.label.label == "vacuous":
            continue
        labels = models[case.model.key].program.labels
        scores[case.label.label].append(
            (case.model.options["base"], repr(case.hypothesis["nodes"]), labels.tobytes())
        )
    assert sorted(scores["true"]) == sorted(scores["false"])


def test_a_description_gives_the_model_that_the_labels_are_about(pair):
    cases, models = pair
    case = cases[-1]
    built, made = build(case.model.options), models[case.model.key]
    assert np.array_equal(
        built.weights.named()["unembed.W_U"], made.weights["unembed.W_U"].astype(np.float32)
    )
    assert built.task.labels.tolist() == made.program.labels.tolist()


@pytest.mark.parametrize(
    "options", [{"base": -1}, {"style": "odd"}, {"variant": 8}, {"codes": "x"}, {"more": 1}]
)
def test_a_wrong_description_is_refused(options):
    from scrubkit.families.programs.family import FAMILY

    right = {"base": 1, "style": "LN", "variant": 0}
    assert FAMILY.option_faults("program", right) == []
    (fault,) = FAMILY.option_faults("program", right | options)
    assert next(iter(options)) in fault


@pytest.mark.parametrize(
    "options", [{}, {"normalization": "LN", "codes": "rotated"}, {"codes": "superposed"}]
)
def test_scrubbing_the_weights_changes_answers_as_often_as_the_label_says(programs, found, options):
    rng = np.random.default_rng(0)
    made = {}
    for case in rng.choice(np.array(decisive(found), dtype=object), size=4, replace=False):
        if case.variant not in made:
            made[case.variant] = compile_program(programs[case.variant], attention="causal", **options)
        share = share_changed(made[case.variant], case.claim, draws=8, seed=1)
        # 648 draws: five standard errors.
        assert abs(share - case.label.failure) < 0.1
        assert (share == 0) or not case.label.sufficient


def test_a_seed_decides_the_cases_and_another_has_other_programs(programs, found):
    again = twins(programs, CASES, seed=3)
    assert [(c.variant, said(c.claim)) for c in again] == [(c.variant, said(c.claim)) for c in found]
    assert draw_base(3, "plain") != draw_base(3 + making.HELD_OUT, "plain")


TINY = Definition(bases=2, cases=4, styles=("plain",), small=True)


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(making, "DEFINITIONS", {"tiny": TINY})


def test_a_making_that_was_broken_off_goes_on_and_gives_the_same_suite(tiny, tmp_path, monkeypatch):
    whole = make("tiny", folder=tmp_path)
    (tmp_path / "0001.json").write_text("{ broken off")
    asked = []
    kept = making._make
    monkeypatch.setattr(making, "_make", lambda d, s, f, n: asked.append(n) or kept(d, s, f, n))
    assert make("tiny", folder=tmp_path) == whole and asked == [1]
    assert isinstance(whole, Suite) and {case.label.label for case in whole.cases} == {
        "true",
        "false",
        "vacuous",
    }


def test_labels_say_in_words_why_a_claim_is_false(pair):
    cases, _ = pair
    for case in cases:
        assert (case.operator, bool(case.label.failed)) == {
            "true": ("none", False),
            "vacuous": ("vacuous", False),
        }.get(case.label.label, (case.operator, True))
        if case.label.label == "false":
            assert case.label.failed[0].startswith(f"{case.operator}: ")


def test_a_published_suite_is_no_held_out_one():
    from scrubkit.bench.suites import held_out

    with pytest.raises(BenchError, match="seed above 0"):
        held_out("programs-fast", 0)


def test_labels_are_those_of_the_source(programs, found):
    for case in found[:4]:
        assert label(programs[case.variant], case.claim) == case.label


def test_the_shipped_suite_is_the_one_that_is_made():
    suite = load_suite("programs-fast")
    definition = making.DEFINITIONS["programs-fast"]
    made, _ = base_cases(0, making.style_of(definition, 0), definition.cases, small=True)
    assert list(suite.cases[: len(made)]) == made
    assert 280 <= len(suite.cases) <= 320 and suite.counts["true"] == suite.counts["false"]
    assert {case.operator for case in suite.cases} - {"none", "vacuous"} == {
        "rare",
        "wrong-place",
        "left-out",
        "too-coarse",
        "not-needed",
    }
