"""Null models: what they are made of, that claims about them are false, and what accepting them costs."""

import json
from collections import Counter

import numpy as np
import pytest
import torch

from scrubkit.bench import manifest
from scrubkit.bench.case import ModelSpec
from scrubkit.bench.label import label
from scrubkit.bench.models import build
from scrubkit.bench.nulls import SOURCES, build_null, chosen, null_specs, null_suite, shuffled
from scrubkit.bench.spec_check import spec_faults
from scrubkit.bench.suites import load_suite
from scrubkit.harness.clusters import unit_of
from scrubkit.harness.run import validate, with_nulls
from scrubkit.hypothesis import from_json
from scrubkit.report.rows import method_row, null_columns, null_row
from tests.harness import toys


@pytest.fixture(scope="module")
def source():
    """The cases of one compiled model of `fast`, and of one program."""
    kept = []
    for name in SOURCES:
        cases = load_suite(name).cases
        true = [c for c in cases if c.model.key == cases[0].model.key and c.label.label == "true"]
        # One claim of each: labelling them on all null models is what takes the time.
        kept += list({c.family: c for c in true}.values())[:1]
    suite = load_suite(SOURCES[0])
    return suite.model_copy(update={"cases": tuple(kept)})


@pytest.fixture(scope="module")
def nulls(source):
    return null_suite([source], version="t")


def test_every_claim_about_a_null_model_is_false_of_its_weights(nulls):
    assert nulls.counts == {"false": len(nulls.cases)}
    case = nulls.cases[-1]
    assert label(build(case.model), from_json(json.dumps(case.hypothesis))) == case.label


def test_a_null_model_that_gives_one_output_for_every_input_is_not_asked_about(source, monkeypatch):
    def flat(weights, generator):
        return weights.with_(**{"unembed.W_U": torch.zeros_like(weights["unembed.W_U"])})

    monkeypatch.setattr("scrubkit.bench.nulls.shuffled", flat)
    kinds = [how for how, _ in null_specs(source.cases[0].model, np.random.default_rng(97))]
    assert kinds == ["untrained", "other-seed"]


def test_models_are_untrained_shuffled_and_of_another_seed(nulls, source):
    assert set(Counter(c.variant for c in nulls.cases)) == {"untrained", "shuffled", "other-seed"}
    assert {unit_of(c) for c in nulls.cases if c.variant != "other-seed"} == {
        unit_of(c) for c in source.cases
    }


def test_the_same_seed_asks_the_same_of_the_same_models_and_files_hold_it(nulls, source, tmp_path):
    twice = [list(chosen(source.cases, np.random.default_rng(3))) for _ in range(2)]
    assert twice[0] == twice[1]
    specs = [list(null_specs(source.cases[0].model, np.random.default_rng(3))) for _ in range(2)]
    assert specs[0] == specs[1]
    manifest.write(nulls, tmp_path / "nulls.json.gz")
    assert manifest.read(tmp_path / "nulls.json.gz") == nulls


def test_shuffled_weights_are_the_same_numbers_elsewhere(source):
    model = build(source.cases[0].model)
    moved = shuffled(model.weights, torch.Generator().manual_seed(0))
    for name, tensor in model.weights.named().items():
        assert torch.equal(moved[name].flatten().sort().values, tensor.flatten().sort().values)
    assert not torch.equal(moved["embed.W_E"], model.weights["embed.W_E"])


def test_a_model_of_another_seed_has_the_task_and_shape_and_other_weights(source):
    for case in (source.cases[0], source.cases[-1]):
        found = dict(null_specs(case.model, np.random.default_rng(0)))
        other, model = build(found["other-seed"]), build(case.model)
        assert other.config == model.config and torch.equal(other.tokens, model.tokens)
        assert other.weights_hash != model.weights_hash


def test_claims_are_spread_over_models_and_kinds():
    groups = list(chosen(load_suite("programs-fast").cases, np.random.default_rng(0)))
    assert len({unit_of(group[0]) for group in groups}) == 8
    assert all(len({case.family for case in group}) == len(group) for group in groups)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"of": {"kind": "load", "options": {"name": "x"}}, "how": "trained", "seed": 0}, "how"),
        ({"of": {"kind": "null", "options": {}}, "how": "shuffled", "seed": 0}, "another null model"),
        ({"how": "shuffled", "seed": 0}, "of"),
    ],
)
def test_a_description_that_no_null_model_has_is_refused(options, message):
    (fault,) = spec_faults([ModelSpec(kind="null", options=options)])
    assert message in fault


def test_a_null_model_keeps_names_of_sites_and_nothing_else(source, tmp_path):
    spec = dict(null_specs(source.cases[0].model, np.random.default_rng(0)))["untrained"]
    null, model = build_null(spec.options, tmp_path), build(source.cases[0].model)
    assert null.truth == model.truth and null.task == model.task
    accuracy = (null.logits().argmax(-1) == null.labels).double().mean()
    assert accuracy < 0.5


def test_a_method_that_takes_anything_discovers_falsely_and_one_that_takes_nothing_does_not(nulls):
    tiny = toys.tiny_suite(models=("pizza-p11",))
    methods = [toys.AlwaysAccepts(), toys.AlwaysRejects()]
    plain = validate(methods, tiny, in_process=True)
    report = with_nulls(plain, validate(methods, nulls, in_process=True))
    assert report["accepts"].false_discovery.value == 1
    assert report["rejects"].false_discovery.value == 0
    assert report.nulls.cases == len(nulls.cases)
    assert method_row(report["accepts"])[-1] == "100.0 %" and method_row(plain["accepts"])[-1] == "-"
    columns = null_columns(report.methods)
    assert len(null_row(report["accepts"], columns)) == len(columns) == 5
