"""Controls that do not ask the model: at chance on suites of programs, and not blind to what does tell."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from scrubkit.bench.suites import load_suite
from scrubkit.families.programs.suites.cases import base_cases
from scrubkit.harness.questions import bare, question_of
from scrubkit.harness.run import validate
from scrubkit.methods.blind.spectra import spectra
from scrubkit.methods.blind.text_features import text_features
from scrubkit.methods.blind.text_only import TextAndSpectra, TextOnly, fit
from scrubkit.methods.blind.training import examples, load_examples


@pytest.fixture(scope="module")
def seen():
    """Two bases of the suite ``programs``, which has other shapes and styles than the examples."""
    made = [base_cases(seed, style, 24)[0] for seed, style in ((0, "plain"), (2, "superposed"))]
    return examples([case for cases in made for case in cases])


def auroc(forest, columns, true):
    return roc_auc_score(true, forest.predict_proba(np.concatenate(columns, axis=1))[:, 1])


def test_text_alone_is_at_chance(seen):
    assert len(seen.true) >= 40 and seen.true.mean() == 0.5
    assert abs(auroc(fit(load_examples(), with_spectra=False), [seen.text], seen.true) - 0.5) <= 0.05


def test_text_with_spectra_is_near_chance(seen):
    forest = fit(load_examples(), with_spectra=True)
    assert abs(auroc(forest, [seen.text, seen.spectra], seen.true) - 0.5) <= 0.1


def test_the_forest_finds_what_the_text_gives_away(seen):
    """Were there no twins, a text would say which way its label leans."""
    known = load_examples()
    told = np.concatenate([known.text, known.true[:, None]], axis=1)
    forest = fit(replace(known, text=told), with_spectra=False)
    assert auroc(forest, [seen.text, seen.true[:, None]], seen.true) > 0.9


def test_the_examples_are_of_other_programs_than_the_published_suite():
    assert 500 <= len(load_examples().true) <= 700
    published = examples(load_suite("programs-fast").cases[:3])
    assert not any((known == published.text[0]).all() for known in load_examples().text)


@pytest.fixture(scope="module")
def question():
    from scrubkit.bench.models import build

    case = load_suite("programs-fast").cases[0]
    model = build(case.model)
    return bare(model), question_of(case, model).hypothesis


def test_text_features_do_not_see_the_model_or_names(question):
    model, hypothesis = question
    features = text_features(hypothesis, model.task)
    bases = {
        name: tuple(tuple(-x for x in row) for row in rows) for name, rows in hypothesis.subspaces.items()
    }
    assert (text_features(replace(hypothesis, subspaces=bases), model.task) == features).all()


def test_spectra_change_with_the_weights(question):
    model, _ = question
    changed = model.weights.with_(**{"blocks.1.mlp.W_out": 2 * model.weights["blocks.1.mlp.W_out"]})
    assert (spectra(model) != spectra(model.with_(weights=changed))).any()


@pytest.mark.parametrize("method", [TextOnly(), TextAndSpectra()])
def test_a_control_answers_a_suite(method):
    suite = load_suite("programs-fast")
    cases = [case for case in suite.cases if case.model.key == suite.cases[0].model.key]
    report = validate(method, suite.model_copy(update={"cases": tuple(cases)}), in_process=True)
    assert report[method.name].faults.count == 0


def test_answers_alone_are_at_chance():
    suite = load_suite("programs-fast")
    cases = tuple(
        case for case in suite.cases if case.model.options["base"] == suite.cases[0].model.options["base"]
    )
    report = validate("answers-only", suite.model_copy(update={"cases": cases}), in_process=True)
    assert report["answers-only"].auroc.value == 0.5
