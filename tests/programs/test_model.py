import numpy as np
import pytest
import torch

import scrubkit
from scrubkit.errors import ModelError
from scrubkit.families.programs.family import FAMILY, STYLES
from scrubkit.families.programs.library import LIBRARY
from scrubkit.families.programs.model import compile_graph
from tests.programs.graphs import chain, induction, reverse

STYLED = [
    {},
    {"normalization": "LN", "codes": "rotated"},
    {"normalization": "RMS", "act_fn": "gelu"},
    {"attention": "bidirectional", "permute": True},
]


@pytest.mark.parametrize("options", STYLED)
def test_transformer_lens_gives_the_answers(options):
    model = compile_graph(induction(), **options)
    with torch.no_grad():
        theirs = model.bridge(model.tokens, return_type="logits")[:, -1]
    assert (theirs - model.logits().reshape(theirs.shape)).abs().max() < 1e-3
    assert (theirs.argmax(dim=-1).numpy() == model.task.labels).all()


def test_a_model_is_stored_and_read_back(tmp_path):
    model = scrubkit.compile_graph(chain(), codes="superposed", name="mine")
    scrubkit.save(model, tmp_path / "mine")
    again = scrubkit.load(tmp_path / "mine")
    assert again.weights_hash == model.weights_hash and again.truth == model.truth
    assert again.truth.site("s") == "blocks.0.hook_resid_post[pos=2, subspace=s]"


def test_answers_at_several_positions_are_the_tasks():
    model = compile_graph(reverse(), attention="bidirectional")
    assert model.task.answer == (0, 1, 2)
    assert (model.logits().argmax(dim=-1).numpy() == model.task.labels).all()


def test_truth_names_sites_by_kind():
    truth = compile_graph(chain()).truth
    assert truth.site("x0") == "hook_embed[pos=0]"
    assert truth.site("x0@2", "head") == "blocks.0.attn.hook_z[pos=2, head=0]"
    assert truth.site("s", "neurons") == "blocks.0.mlp.hook_post[pos=2, neurons=0,1,2,3,4,5,6,7,8]"
    assert truth.feature("x0@2") == "x0" and truth.feature("s") == "(x0 + x1) % 3"
    with pytest.raises(ModelError, match="did you mean"):
        truth.site("x0@3")
    with pytest.raises(ModelError, match="it has subspace"):
        truth.site("x0", "neurons")


def test_bases_are_orthonormal():
    for options in STYLED:
        for rows in compile_graph(chain(), **options).truth.subspaces.values():
            assert np.allclose(np.array(rows) @ np.array(rows).T, np.eye(len(rows)), atol=1e-9)


def test_every_program_of_the_library_is_a_model_in_every_style():
    assert set(FAMILY.models) == {f"{name}{style}" for name in LIBRARY for style in STYLES}
    for style in STYLES:
        model = FAMILY.models[f"sort3{style}"].build()
        assert (model.logits().argmax(dim=-1).numpy() == model.task.labels).all()
        assert FAMILY.hypotheses(model)


def test_hypotheses_say_where_variables_are():
    model = FAMILY.models["max3"].build()
    hypothesis = FAMILY.hypotheses(model)["max3-coarse"]
    assert hypothesis.nodes["first"] == {
        "site": "blocks.0.hook_resid_post[pos=2, subspace=first]",
        "feature": "max(x0, x1)",
    }
