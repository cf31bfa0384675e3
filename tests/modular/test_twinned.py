"""The suite ``fast``: each text as often true as false, strata mixed, nothing to be told from the text."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from scrubkit.bench.case import Case, Label, ModelSpec, Stratum
from scrubkit.bench.label import Judge
from scrubkit.bench.models import build, family_of
from scrubkit.bench.suites import load_suite
from scrubkit.families.modular.suites import twinned
from scrubkit.families.modular.suites.arranged import KIND
from scrubkit.families.modular.suites.bases import arrangements
from scrubkit.families.modular.suites.texts import vacuous
from scrubkit.harness.clusters import unit_of
from scrubkit.hypothesis import from_graph
from scrubkit.methods.blind.text_only import fit
from scrubkit.methods.blind.training import Examples, examples, load_examples


@pytest.fixture(scope="module")
def cases() -> tuple[Case, ...]:
    return load_suite("fast").cases


def test_every_text_is_asked_as_often_true_as_false(cases: tuple[Case, ...]) -> None:
    counts = Counter((unit_of(c), json.dumps(c.hypothesis), c.label.label) for c in cases)
    said = {(unit, text) for unit, text, label in counts if label != "vacuous"}
    assert len(said) > 60
    assert all(counts[*text, "true"] == counts[*text, "false"] > 0 for text in said)


def test_no_stratum_is_most_of_the_false_cases_and_vacuous_ones_are_few(cases: tuple[Case, ...]) -> None:
    strata = Counter(c.stratum for c in cases if c.label.label == "false")
    assert strata.keys() >= {"rare", "wrong-place", "left-out", "too-coarse"}
    assert max(strata.values()) < strata.total() / 2
    assert strata["rare"] <= twinned.RARE * strata.total()
    vacuous = sum(c.label.label == "vacuous" for c in cases)
    assert 0.03 < vacuous / len(cases) < 0.08


@pytest.fixture(scope="module")
def seen(cases: tuple[Case, ...]) -> Examples:
    """Return the cases of the suite as numbers."""
    return examples(cases)


def test_text_alone_tells_no_label(seen: Examples) -> None:
    guessed = fit(load_examples(), with_spectra=False).predict_proba(seen.text)[:, 1]
    assert roc_auc_score(seen.true, guessed) <= 0.6


def test_a_forest_that_was_trained_on_other_bases_of_the_suite_is_no_better(
    cases: tuple[Case, ...], seen: Examples
) -> None:
    odd = np.array([c.model.options["base"] % 2 == 1 for c in cases if c.label.label != "vacuous"])
    even = replace(seen, text=seen.text[~odd], spectra=seen.spectra[~odd], true=seen.true[~odd])
    guessed = fit(even, with_spectra=False).predict_proba(seen.text[odd])[:, 1]
    assert roc_auc_score(seen.true[odd], guessed) <= 0.6


@pytest.fixture(scope="module")
def small() -> tuple[Case, ...]:
    """Return a small suite made as ``standard`` is: with noise, and a third cluster."""
    first = twinned.DEFINITIONS["standard"].first
    bases = (("count", 11, 0.0, 6), ("roles", 11, twinned.NOISE, 6))
    definition = twinned.Definition(bases, texts=4, first=first)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(twinned, "DEFINITIONS", {"standard": definition})
        return twinned.make("standard").cases


def test_a_suite_made_as_standard_has_each_text_as_often_true_as_false(small: tuple[Case, ...]) -> None:
    counts = Counter((unit_of(c), json.dumps(c.hypothesis), c.label.label) for c in small)
    said = {(unit, text) for unit, text, label in counts if label != "vacuous"}
    assert {unit.rpartition("-")[2] for unit, _ in said} == {"500", "501"}
    assert all(counts[*text, "true"] == counts[*text, "false"] > 0 for text in said)


def test_text_alone_tells_no_label_of_a_suite_made_as_standard(small: tuple[Case, ...]) -> None:
    seen = examples(small)
    guessed = fit(load_examples(), with_spectra=False).predict_proba(seen.text)[:, 1]
    assert roc_auc_score(seen.true, guessed) <= 0.6


def test_no_two_suites_share_a_base() -> None:
    numbers = [d.first + i for d in twinned.DEFINITIONS.values() for i in range(len(d.bases))]
    assert len(numbers) == len(set(numbers)) and max(numbers) < 1000


def test_claims_that_are_listed_as_vacuous_are() -> None:
    spec = arrangements("pizza-roles", 11, 1)[0]
    judge = Judge.of(build(ModelSpec(kind=KIND, options=spec.model_dump())))
    assert {judge.label(from_graph(graph)).label for _, graph in vacuous()} == {"vacuous"}


def test_an_arranged_model_of_another_seed_has_the_shape_and_other_weights(cases: tuple[Case, ...]) -> None:
    spec = cases[0].model
    found = family_of(spec.kind).another(spec.kind, spec.options, np.random.default_rng(0))
    assert found is not None
    other, model = build(ModelSpec(kind=found[0], options=dict(found[1]))), build(spec)
    assert other.config == model.config and other.weights_hash != model.weights_hash


def _case(number: int, text: int, stratum: Stratum | None) -> Case:
    label = Label(label="false", stratum=stratum) if stratum else Label(label="true")
    spec = ModelSpec(kind=KIND, options={"base": 0})
    return Case(
        id=str(number),
        model=spec,
        variant="v",
        family="f",
        operator="o",
        hypothesis={"text": text},
        label=label,
    )


def test_rare_texts_go_with_their_true_cases_until_they_are_a_quarter() -> None:
    rare = [case for i in range(6) for case in (_case(2 * i, i, None), _case(2 * i + 1, i, "rare"))]
    rest = [case for i in range(6, 12) for case in (_case(2 * i, i, None), _case(2 * i + 1, i, "left-out"))]
    cases = [*rare, *rest]
    kept = twinned.without_most_rare(cases, np.random.default_rng(0))
    counts = Counter((c.label.label, c.stratum) for c in kept)
    assert counts == {("true", None): 8, ("false", "rare"): 2, ("false", "left-out"): 6}
    texts = Counter((c.hypothesis["text"], c.label.label) for c in kept)
    assert set(texts.values()) == {1}


def test_a_base_is_made_once_where_a_folder_is_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []
    few = twinned.Definition((("roles", 11, 0.0, 2),), texts=4, first=0)
    monkeypatch.setattr(twinned, "DEFINITIONS", {"fast": few})
    cases = [c for c in load_suite("fast").cases if c.id.startswith("roles-p11-")][:4]
    monkeypatch.setattr(twinned, "base_cases", lambda *given: asked.append(given) or cases)
    first, again = (twinned.make("fast", 3, folder=tmp_path) for _ in range(2))
    assert [given[:2] + given[3:5] for given in asked] == [("roles-p11-3000", "roles", 2, 4)]
    assert first == again and len(first.cases) == 5
