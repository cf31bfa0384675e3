"""A family from outside the package goes through all of it, and no file of the package knows of it."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch

import scrubkit
from scrubkit import registry
from scrubkit.bench import models
from scrubkit.bench.family_suite import family_suite
from scrubkit.bench.label import Judge
from scrubkit.bench.suites import load_suite
from scrubkit.errors import BenchError
from scrubkit.harness.questions import bare
from scrubkit.hypothesis import from_graph
from scrubkit.methods.protocol import Budget
from scrubkit.methods.registry import find_method
from scrubkit.models.family import Family
from scrubkit.models.load import load, made_names
from scrubkit.subjects.sites import Sites

SOURCE = Path(__file__).parent / "tiny"
METADATA = "Metadata-Version: 2.1\nName: scrubkit-tiny\nVersion: 1.0\n"
ENTRY = "[scrubkit.families]\ntiny = scrubkit_tiny:FAMILY\n"
CLAIMS = ("digits-gap-less", "by-the-head", "answer-only")
JUDGING = ("causal-scrubbing", "audited-scrubbing")
KEEPING = ("zero-ablation", "mean-ablation", "resample-ablation", "path-patching", "circuit-tests")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """The family, installed as a package manager leaves it, here and in processes that start from here."""
    place = tmp_path_factory.mktemp("site")
    info = place / "scrubkit_tiny-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text(ENTRY)
    (place / "scrubkit_tiny.py").write_text((SOURCE / "scrubkit_tiny.py").read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(place))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(place), os.environ.get("PYTHONPATH", "")]))
        patch.setenv("SCRUBKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield importlib.import_module("scrubkit_tiny")
    sys.modules.pop("scrubkit_tiny", None)
    registry._load.cache_clear()
    models._build.cache_clear()


@pytest.fixture(scope="module")
def model(tiny):
    return load("less-5")


def turned(tiny, model, name):
    """A hypothesis that is false."""
    return tiny.other_way(tiny.claim(name), model, np.random.default_rng(0))


def ask(method, model, hypothesis):
    sites = Sites.of(model)
    stripped = from_graph(hypothesis).stripped(lambda site: sites.part(site, {}))
    return find_method(method).score(
        bare(model),
        stripped,
        task=model.task,
        generator=torch.Generator().manual_seed(0),
        budget=Budget(),
    )


def test_it_is_written_in_under_150_lines():
    assert len((SOURCE / "scrubkit_tiny.py").read_text().splitlines()) < 150


def test_its_model_is_made_by_name_stored_and_read_with_its_truth(tiny, model, tmp_path):
    assert "less-5" in made_names()
    found = load(scrubkit.save(model, tmp_path / "m"))
    assert (type(found.truth), type(found.task)) == (tiny.LessTruth, tiny.LessTask)
    assert (found.task, found.truth) == (model.task, model.truth)
    assert not (tmp_path / "m" / "task.safetensors").exists()


def test_its_weights_run_in_transformer_lens_and_answer_every_row(model):
    logits = model.bridge(model.tokens)[:, -1]
    assert model.config.n_layers == 2
    assert torch.equal(logits.argmax(dim=1), model.labels)
    torch.testing.assert_close(logits.double(), model.logits(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", CLAIMS)
def test_what_it_says_of_its_model_is_supported_and_its_mutant_is_not(tiny, model, name):
    assert scrubkit.score(model, tiny.claim(name)).verdict == "supported"
    assert scrubkit.score(model, turned(tiny, model, name)).verdict == "refuted"


def test_every_statement_of_its_truth_is_true(model):
    judge = Judge.of(model)
    for said in model.truth.statements:
        graph = nx.DiGraph(name="statement", task="less")
        graph.add_node("part", site=said.site, feature=said.feature)
        graph.add_node("out", site="logits", other="exact")
        graph.add_edge("part", "out")
        figures = judge.label(from_graph(graph)).evidence
        (moved,) = [figure.value for figure in figures if figure.claim == "sufficient"]
        assert moved < 1e-6, said.site


@pytest.mark.parametrize("name", CLAIMS)
def test_interventions_label_both_forms_rightly(tiny, model, name):
    judge = Judge.of(model)
    assert judge.label(from_graph(tiny.claim(name))).label == "true"
    assert judge.label(from_graph(turned(tiny, model, name))).label == "false"


def test_a_wrong_node_is_explained_by_its_name(tiny, model):
    wrong = tiny.claim("digits-gap-less")
    wrong.nodes["gap"]["feature"] = "x1"
    found = scrubkit.explain(model, wrong)
    assert [step.where for step in found.failing] == ["gap"]
    assert found.breaks_at is not None and found.breaks_at.where == "gap"


def test_its_hypothesis_can_be_bound_and_patched(tiny, model):
    bound = scrubkit.bind(model, tiny.claim("digits-gap-less"))
    rows = torch.arange(model.task.n_inputs)
    x0, x1 = model.tokens.T
    assert torch.equal(bound.nodes["gap"].read(rows).flatten(), (x1 - x0).clamp(min=0).float())


@pytest.mark.parametrize("method", JUDGING)
@pytest.mark.parametrize("name", CLAIMS)
def test_methods_that_look_at_features_tell_both_forms_apart(tiny, model, method, name):
    assert ask(method, model, tiny.claim(name)).verdict == "supported"
    assert ask(method, model, turned(tiny, model, name)).verdict == "refuted"


@pytest.mark.parametrize("method", KEEPING)
def test_methods_that_keep_what_is_named_find_that_nothing_is_lost(tiny, model, method):
    assert ask(method, model, tiny.claim("by-the-head")).score == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("method", ["interchange-accuracy", "linear-probe"])
def test_methods_that_read_variables_prefer_the_true_form(tiny, model, method):
    right = ask(method, model, tiny.claim("by-the-head")).score
    assert method == "linear-probe" or right == pytest.approx(1)
    assert right > ask(method, model, turned(tiny, model, "by-the-head")).score


def test_its_suite_has_a_true_and_a_false_case_of_each_hypothesis(tiny):
    suite = load_suite("tiny")
    assert suite.counts == {"true": 3, "false": 3}
    assert {case.operator for case in suite.cases} == {"none", "other_way"}


def test_methods_are_validated_on_its_suite_in_worker_processes(tiny):
    report = scrubkit.validate(["causal-scrubbing", "random-scores"], "tiny")
    scrubbing = report.methods[0]
    assert scrubbing.auroc.value == 1
    assert (scrubbing.false_accept.value, scrubbing.false_reject.value, scrubbing.faults.value) == (0, 0, 0)
    assert report.methods[1].auroc.value is not None


def test_a_family_without_models_and_mutators_has_no_suite():
    with pytest.raises(BenchError, match="it has no models") as found:
        family_suite(Family(), version="1")
    assert found.value.faults == ("it has no models", "it has no mutators")


def test_a_family_whose_hypotheses_are_false_has_no_suite(tiny, monkeypatch):
    monkeypatch.setattr(tiny.TinyFamily, "hypotheses", lambda self, m: {"turned": turned(tiny, m, CLAIMS[0])})
    with pytest.raises(BenchError, match="turned is not true of less-5: x1: stand-ins of its feature move"):
        load_suite("tiny")


@pytest.mark.parametrize("name", ["attribution-patching", "integrated-gradients"])
def test_attribution_finds_what_is_used_in_both_blocks(model, name):
    found = find_method(name).find(
        bare(model), task=model.task, generator=torch.Generator().manual_seed(0), budget=Budget()
    )
    used = {
        "hook_embed[pos=0]",
        "hook_embed[pos=1]",
        "blocks.0.attn.hook_z[head=0]",
        "blocks.0.mlp.hook_post[neurons=0]",
        *(f"blocks.1.mlp.hook_post[pos=-1, neurons={i}]" for i in (0, 1)),
    }
    assert {site for site, importance in found.sites.items() if importance > 0} == used
