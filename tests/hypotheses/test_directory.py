"""The hypotheses that come with scrubkit: they load, they fit, and what they expect comes out."""

import ast
from pathlib import Path

import pytest
import torch

import scrubkit
from scrubkit.errors import ModelError
from scrubkit.families.modular.compile import compile_model
from scrubkit.hypothesis import from_json, load_hypothesis, to_json
from scrubkit.models.model import Model
from scrubkit.models.record import Provenance
from scrubkit.models.weights import Weights
from scrubkit.scrubbing.expectation import expected_verdicts, variant_keys
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.scoring import Scorer

from .conftest import FILES, VARIANTS, compiled

BUNDLED = "modadd-p113"


def on(path: Path, model: Model):
    return load_hypothesis(path, truth=model.truth)


def needs_clusters(path: Path) -> bool:
    return "neurons=cluster:" in path.read_text() and "truth.clusters" not in path.read_text()


def applicable() -> list[tuple[Path, str]]:
    return [(f, v) for f in FILES for v in VARIANTS if v != "clock-attention" or not needs_clusters(f)]


def identify(pairs) -> list[str]:
    return [f"{path.stem}-{variant}" for path, variant in pairs]


def test_there_are_at_least_twenty():
    assert len(FILES) >= 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_says_what_it_claims_and_where_from(path):
    module = ast.parse(path.read_text())
    doc = ast.get_docstring(module) or ""
    assert "Reference:" in doc
    imports = [n for n in ast.walk(module) if isinstance(n, ast.Import | ast.ImportFrom)]
    assert [alias.name for n in imports for alias in n.names] == ["networkx"]
    hypothesis = on(path, compiled("pizza"))
    assert hypothesis.name == path.stem
    assert hypothesis.doc == doc
    assert hypothesis.task == "modular_addition"


@pytest.mark.parametrize(("path", "variant"), applicable(), ids=identify(applicable()))
def test_a_file_binds_and_expects_something_of_every_model_that_it_applies_to(path, variant):
    model = compiled(variant)
    hypothesis = on(path, model)
    bind(hypothesis, Scorer(model, device="cpu").subject)
    assert expected_verdicts(hypothesis, model), f"{path.stem} expects nothing of {variant}"
    assert "trained" in hypothesis.expect


@pytest.mark.parametrize(("path", "variant"), applicable(), ids=identify(applicable()))
def test_expectations_hold_on_small_compiled_models(path, variant):
    model = compiled(variant)
    hypothesis = on(path, model)
    score = Scorer(model, device="cpu").score(hypothesis, seed=1)
    assert score.verdict in expected_verdicts(hypothesis, model), str(score)


@pytest.mark.parametrize("path", [f for f in FILES if needs_clusters(f)], ids=lambda path: path.stem)
def test_claims_about_clusters_are_refused_where_there_are_none(path):
    model = compiled("clock-attention")
    with pytest.raises(scrubkit.ScrubkitError, match="names none"):
        bind(on(path, model), Scorer(model, device="cpu").subject)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_json_gives_the_same_hypothesis_back(path):
    hypothesis = on(path, compiled("pizza"))
    again = from_json(to_json(hypothesis))
    assert again.hash == hypothesis.hash
    assert again.nodes == hypothesis.nodes
    assert (again.name, again.task, again.root) == (hypothesis.name, hypothesis.task, hypothesis.root)
    assert (again.expect, again.subspaces, again.doc) == (
        hypothesis.expect,
        hypothesis.subspaces,
        hypothesis.doc,
    )
    assert to_json(again) == to_json(hypothesis)


def test_what_is_stripped_says_nothing_of_what_is_expected(pizza):
    scorer = Scorer(pizza, device="cpu")
    for path in FILES:
        hypothesis = on(path, pizza)
        stripped = hypothesis.stripped(lambda site, h=hypothesis: scorer.subject.part(site, h.subspaces))
        assert not stripped.expect and not stripped.doc and not stripped.source
        text = to_json(stripped)
        assert "cluster" not in text and "key" not in text and path.stem not in text


def test_a_trained_model_is_known_as_trained(pizza):
    assert variant_keys(pizza) == ("pizza",)
    assert pizza.truth is not None
    measured = pizza.with_(truth=pizza.truth.model_copy(update={"variant": "measured"}))
    assert "trained" in variant_keys(measured)
    kind = pizza.with_(truth=pizza.truth.model_copy(update={"variant": "measured-pizza"}))
    assert variant_keys(kind) == ("trained-pizza", "measured", "trained")
    assert variant_keys(pizza.with_(truth=None)) == ("trained",)


@pytest.fixture(scope="module")
def trained_pizza():
    """A model of which nothing is known but its weights, and whose clusters have the heights of a pizza."""
    found = compile_model(variant="pizza", p=23, frequencies=(3, 7), rotate=True)
    generator = torch.Generator().manual_seed(0)
    noisy = {
        name: value + 0.02 * value.std() * torch.randn(value.shape, generator=generator)
        for name, value in found.weights.tensors.items()
    }
    found = found.with_(weights=Weights(noisy), truth=None, provenance=Provenance(kind="imported"))
    return scrubkit.with_certificate(found)


def test_a_model_with_the_heights_of_a_pizza_is_known_as_a_trained_pizza(trained_pizza):
    assert trained_pizza.certificate.certified and trained_pizza.truth.source == "certificate"
    assert variant_keys(trained_pizza)[0] == "trained-pizza"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_expectations_hold_on_a_trained_pizza(path, trained_pizza):
    hypothesis = on(path, trained_pizza)
    score = Scorer(trained_pizza, device="cpu").score(hypothesis, seed=1)
    assert score.verdict in expected_verdicts(hypothesis, trained_pizza), str(score)


@pytest.mark.benchmark
@pytest.mark.parametrize("name", [BUNDLED, "pizza-p113", "clock-torus-p113", "clock-attention-p113"])
def test_expectations_hold_on_large_models(name):
    try:
        model = scrubkit.load(name)
    except ModelError as error:
        pytest.skip(str(error))
    scorer, wrong = Scorer(model), {}
    for path in FILES:
        if name.startswith("clock-attention") and needs_clusters(path):
            continue
        hypothesis = on(path, model)
        verdict = scorer.score(hypothesis).verdict
        if verdict not in expected_verdicts(hypothesis, model):
            wrong[path.stem] = verdict
    assert not wrong
