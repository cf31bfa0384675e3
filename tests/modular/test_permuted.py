"""Permuted models: the answers and spectra of a trained model, at other frequencies and neurons."""

from __future__ import annotations

from collections import Counter
from typing import Any

import networkx as nx
import numpy as np
import pytest

from scrubkit.bench.case import ModelSpec
from scrubkit.bench.label import Judge
from scrubkit.bench.models import build, family_of
from scrubkit.families.modular.suites import asked, permuted
from scrubkit.families.modular.suites.bases import specs
from scrubkit.families.modular.suites.known import Known
from scrubkit.families.modular.suites.trained_texts import trained_texts
from scrubkit.families.modular.truth import ModularTruth
from scrubkit.hypothesis import from_graph
from scrubkit.models.model import Model

P, BASE = 59, 500


@pytest.fixture(scope="module")
def described() -> list[ModelSpec]:
    return specs("trained", P, BASE)


@pytest.fixture(scope="module")
def models(described: list[ModelSpec]) -> list[Model]:
    return [build(spec) for spec in described]


def truth_of(model: Model) -> ModularTruth:
    assert isinstance(model.truth, ModularTruth)
    return model.truth


def test_a_unit_multiplies_the_frequencies_and_keeps_answers_and_spectra(models: list[Model]) -> None:
    first, third = models[0], models[2]
    options = specs("trained", P, BASE)[2].options
    multiplied = {min(options["unit"] * k % P, -options["unit"] * k % P) for k in truth_of(first).frequencies}
    assert set(truth_of(third).frequencies) == multiplied != set(truth_of(first).frequencies)
    for model in models:
        assert model.task.labels is not None
        assert np.array_equal(model.logits().argmax(-1), model.task.labels)
        for name, value in model.weights.named().items():
            if value.ndim == 2:
                there = first.weights.named()[name]
                found = [np.linalg.svd(v.double().numpy(), compute_uv=False) for v in (value, there)]
                assert np.allclose(*found, atol=1e-4), name


def test_exchanged_neurons_are_those_of_a_cluster_and_of_none(models: list[Model]) -> None:
    plain, exchanged = (truth_of(model).clusters for model in models[:2])
    moved = [k for k in plain if set(plain[k]) != set(exchanged[k])]
    assert moved == [max(plain, key=lambda k: len(plain[k]))]


def test_a_claim_about_planes_is_true_at_one_unit_and_false_at_the_other(models: list[Model]) -> None:
    told = [graph for grain, graph in trained_texts(models[0], Known.of(models[0])) if grain == "planes"]
    claim = from_graph(told[0])
    assert [Judge.of(model).label(claim).label for model in (models[0], models[2])] == ["true", "false"]


def test_every_text_is_kept_as_often_true_as_false(
    described: list[ModelSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    def few(model: Model, known: Known) -> list[tuple[str, nx.DiGraph]]:
        return list(trained_texts(model, known))[:1]

    monkeypatch.setattr(asked, "trained_texts", few)
    cases = asked.base_cases("x", "trained", described, 4, None, np.random.default_rng(0))
    counts = Counter((repr(case.hypothesis), case.label.label) for case in cases)
    said = {text for text, _ in counts}
    assert said and all(counts[text, "true"] == counts[text, "false"] > 0 for text in said)


@pytest.mark.parametrize(
    "options",
    [{"unit": 0}, {"more": 1}, {"of": {"kind": "functions", "options": {"name": "xor"}}}, {"base": -1}],
)
def test_a_wrong_description_is_refused(described: list[ModelSpec], options: dict[str, Any]) -> None:
    faults = family_of(permuted.KIND).option_faults
    right = described[0].options
    assert faults(permuted.KIND, right) == []
    assert faults(permuted.KIND, {**right, **options})


def test_another_seed_is_another_trained_model(described: list[ModelSpec]) -> None:
    spec = described[0]
    found = family_of(spec.kind).another(spec.kind, spec.options, np.random.default_rng(0))
    assert found is not None and found[1]["of"]["options"] == {"name": "modadd-p59-b"}
