"""Arranged models: one shape, the same answers and spectra; texts are true of one and false of another."""

from __future__ import annotations

from collections import Counter

import networkx as nx
import numpy as np
import pytest

from scrubkit.bench.case import ModelSpec
from scrubkit.bench.models import build, family_of
from scrubkit.families.modular.suites import asked, bases
from scrubkit.families.modular.suites.arranged import KIND, Arranged, slot_members
from scrubkit.families.modular.suites.bases import STYLES, arrangements
from scrubkit.families.modular.suites.texts import texts
from scrubkit.models.model import Model


def made(spec: Arranged) -> Model:
    return build(ModelSpec(kind=KIND, options=spec.model_dump()))


@pytest.mark.parametrize("style", STYLES)
def test_arrangements_of_a_base_have_one_shape_and_slots(style: str) -> None:
    specs = arrangements(style, 13, 1)
    models = [made(spec) for spec in specs]
    assert len({model.config.model_dump_json() for model in models}) == 1
    assert len({spec.model_dump_json() for spec in specs}) == 4
    for spec, model in zip(specs, models, strict=True):
        slots = [set(members) for members in slot_members(spec)]
        assert model.truth is not None
        for i, k in enumerate(sorted(spec.keys)):
            assert set(model.truth.clusters[k]) <= slots[spec.neurons[i]]


def test_exchanged_slots_change_no_answer_and_no_spectrum() -> None:
    first, second = (made(spec) for spec in arrangements("roles", 13, 2)[:2])
    assert first.weights_hash != second.weights_hash
    assert np.array_equal(first.logits().argmax(-1), second.logits().argmax(-1))
    for name, value in first.weights.named().items():
        if value.ndim == 2:
            there = second.weights.named()[name]
            spectra = [np.linalg.svd(v.double().numpy(), compute_uv=False) for v in (value, there)]
            assert np.allclose(*spectra, atol=1e-5), name


def test_every_text_is_kept_as_often_true_as_false(monkeypatch: pytest.MonkeyPatch) -> None:
    def few(spec: Arranged, known: object) -> list[tuple[str, nx.DiGraph]]:
        return [told for told in texts(spec, known) if told[0] in ("clusters", "path")][:3]  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(asked, "texts", few)
    cases = asked.base_cases("x", "roles", bases.specs("roles", 13, 1), 6, None, np.random.default_rng(1))
    counts = Counter((repr(case.hypothesis), case.label.label) for case in cases)
    said = {text for text, _ in counts}
    assert said and all(counts[text, "true"] == counts[text, "false"] > 0 for text in said)
    assert {case.stratum for case in cases if case.label.label == "false"} - {None}


def test_descriptions_without_noise_and_with_the_first_slots_are_as_they_were() -> None:
    spec = arrangements("roles", 13, 1)[0]
    assert not {"noise", "slot"} & spec.model_dump().keys()
    noisy = spec.model_copy(update={"noise": 0.01, "slot": 81}).model_dump()
    assert (noisy["noise"], noisy["slot"]) == (0.01, 81)


def test_noise_changes_the_weights_and_no_answer() -> None:
    plain, noisy = (bases.specs("roles", 13, 1, noise)[0] for noise in (0.0, 0.005))
    one, other = build(plain), build(noisy)
    assert one.weights_hash != other.weights_hash
    assert np.array_equal(one.logits().argmax(-1), other.logits().argmax(-1))


def test_frequencies_are_drawn_again_until_they_fit_their_slots() -> None:
    for base in range(507, 511):
        for spec in arrangements("difference", 41, base):
            assert family_of(KIND).option_faults(KIND, spec.model_dump()) == []


def test_a_third_cluster_takes_a_slot_of_decoys_or_of_nothing() -> None:
    two, other, three, fourth = arrangements("count", 19, 1)
    assert len(two.keys) == len(other.keys) == 2 and len(three.keys) == len(fourth.keys) == 3
    assert set(two.keys) < set(three.keys)
    assert two.neurons[-1] in three.neurons[:3] and two.neurons[-1] == fourth.neurons[-1]
    assert set(two.neurons) != set(other.neurons)


@pytest.mark.parametrize(
    "options", [{"variant": "oven"}, {"slots": 1}, {"neurons": [0, 0, 1]}, {"heads": [0]}, {"more": 1}]
)
def test_a_wrong_description_is_refused(options: dict[str, object]) -> None:
    right = arrangements("roles", 13, 1)[0].model_dump()
    faults = family_of(KIND).option_faults
    assert faults(KIND, right) == []
    assert faults(KIND, right | options)
