from dataclasses import replace
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import scrubkit
from scrubkit.cli.app import app
from scrubkit.errors import TrainingError
from scrubkit.families.programs.library import named
from scrubkit.families.programs.reading import read_program
from scrubkit.families.programs.train.align import align, n_layers
from scrubkit.families.programs.train.certify import certify, with_certificate
from scrubkit.families.programs.train.interchange import answers, draw, interchanged
from scrubkit.families.programs.train.train import Recipe, train_program
from scrubkit.models.weights import Weights
from tests.programs.graphs import add, inputs

FOLDER = Path(__file__).parents[2] / "hypotheses" / "programs"
QUICK = Recipe(steps=120, batch=64, d_model=48, d_mlp=48)


def tiny():
    """The larger of two, then of it and a third."""
    g = add(inputs(3, 2), "first", ["x0", "x1"], feature="max(x0, x1)")
    return read_program(add(g, "out", ["first", "x2"], feature="max(first, x2)"))


@pytest.fixture(scope="module")
def model():
    return train_program(tiny(), recipe=QUICK, name="tiny")


def test_every_variable_has_a_place_of_its_own():
    program = named("s3-cosets").program()
    places = align(program)
    assert [(p.variable, p.layer) for p in places] == [
        ("side", 0),
        ("turn", 0),
        ("all_sides", 1),
        ("all_turns", 1),
    ]
    dims = [d for p in places for d in p.dims]
    assert len(set(dims)) == len(dims) and n_layers(program) == 3


def test_answers_under_an_interchange_are_those_of_the_program():
    program = tiny()
    (place,) = align(program)
    base, sources = draw(np.random.default_rng(0), len(program.rows), (place,), 50)
    x = program.rows
    first = x[sources[place], :2].max(axis=1)
    assert (answers(program, base, sources) == np.maximum(first, x[base, 2])).all()


def test_an_interchange_with_oneself_changes_nothing(model):
    (place,) = align(tiny())
    rows, tokens = torch.arange(8), model.tokens
    same = interchanged(model.weights, model.config, tokens, rows, {place: rows})
    assert torch.allclose(same, interchanged(model.weights, model.config, tokens, rows, {}), atol=1e-6)
    assert torch.allclose(same.double(), model.logits(), atol=1e-4)


def test_a_trained_program_is_certified_by_interchange_accuracy(model):
    assert model.certificate.certified and model.provenance.kind == "trained"
    named_figures = {m.name: m for m in model.certificate.measurements}
    assert (
        named_figures["interchange of first"].value >= named_figures["interchange of first"].at_least == 0.99
    )


def test_the_same_hypotheses_are_asked_of_trained_and_compiled_models(model):
    def claim(feature):
        g = nx.DiGraph([("first", "logits"), ("x2", "logits")], name="claim")
        g.nodes["logits"]["site"] = "logits"
        g.add_node("first", site=model.truth.site("first"), feature=feature)
        g.add_node("x2", site=model.truth.site("x2"), feature="x2")
        return g

    assert scrubkit.score(model, claim("max(x0, x1)")).verdict == "supported"
    assert scrubkit.score(model, claim("x0")).verdict == "refuted"
    every = scrubkit.load_hypothesis(FOLDER / "every_variable.py", truth=model.truth)
    assert set(every.graph.edges) == {("x0", "first"), ("x1", "first"), ("first", "logits"), ("x2", "logits")}
    assert scrubkit.score(model, every).verdict == "supported"


def test_weights_that_do_not_compute_by_the_variable_get_no_truth(model):
    program = tiny()
    (place,) = align(program)
    w = {k: v.clone() for k, v in model.weights.named().items()}
    # The variable moves to other dimensions: the answers stay, the place is empty.
    order = torch.arange(model.config.d_model).roll(len(place.dims))
    for name in ("embed.W_E", "pos_embed.W_pos"):
        w[name] = w[name][:, order]
    for layer in range(model.config.n_layers):
        for part in ("attn.W_Q", "attn.W_K", "attn.W_V"):
            w[f"blocks.{layer}.{part}"] = w[f"blocks.{layer}.{part}"][:, order]
        w[f"blocks.{layer}.attn.W_O"] = w[f"blocks.{layer}.attn.W_O"][..., order]
        w[f"blocks.{layer}.mlp.W_in"] = w[f"blocks.{layer}.mlp.W_in"][order]
        for part in ("mlp.W_out", "mlp.b_out"):
            w[f"blocks.{layer}.{part}"] = w[f"blocks.{layer}.{part}"][..., order]
    w["unembed.W_U"] = w["unembed.W_U"][order]
    moved = with_certificate(model.with_(weights=Weights(w), certificate=None, truth=None), program)
    found = {m.name: m.passed for m in moved.certificate.measurements}
    assert found["accuracy"] and not found["interchange of first"]
    assert moved.truth is None and "interchange of first is" in moved.certificate.reasons[0]


def test_a_seed_decides_the_weights(model):
    short = replace(QUICK, steps=5)
    one, other, another = (train_program(tiny(), recipe=short, seed=s) for s in (0, 0, 1))
    assert one.weights_hash == other.weights_hash != another.weights_hash
    assert certify(model, tiny()) == model.certificate


def test_programs_with_several_answers_are_refused():
    with pytest.raises(TrainingError, match="compile it instead"):
        train_program(named("sort3").program())


def test_the_command_stores_a_certified_model(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import networkx as nx\n"
        "def program():\n"
        "    g = nx.DiGraph([('x0', 'out'), ('x1', 'out')], name='or')\n"
        "    g.add_nodes_from(['x0', 'x1'], values=range(2))\n"
        "    g.nodes['out']['feature'] = 'max(x0, x1)'\n"
        "    return g\n"
    )
    command = ["train-program", str(tmp_path / "mine.py"), "--out", str(tmp_path / "m"), "--steps", "60"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert "certified: or" in result.output
    found = scrubkit.load(tmp_path / "m")
    assert found.certificate.certified and found.truth.variant == "or"
