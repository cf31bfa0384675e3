"""What no tensor says: the activation function, the number of heads, the task. It is asked for or refused."""

import json

import pytest
import torch

from scrubkit.errors import ModelError
from scrubkit.families.modular.published.read import read_published
from scrubkit.models.load import load
from tests.modular.published import P, in_nandas_format, nanda_state


@pytest.fixture(scope="module")
def grokked_state():
    return in_nandas_format(load("modadd-p59"))


def save(content, path):
    torch.save(content, path)
    return path


def test_an_activation_that_nobody_names_is_asked_for(grokked_state, tmp_path):
    with pytest.raises(ModelError, match="does not say its activation function.*--activation relu"):
        read_published(save(grokked_state, tmp_path / "x.pt"))


def test_a_published_model_that_solves_its_task_is_read(grokked_state, tmp_path):
    model = read_published(save(grokked_state, tmp_path / "x.pt"), activation="relu")
    assert model.weights_hash == load("modadd-p59").weights_hash
    assert model.provenance.recipe["activation"] == "relu"


@pytest.mark.parametrize("settings", [{"act_fn": "relu"}, {"act_type": "ReLU", "num_heads": 4}])
def test_settings_in_the_file_name_the_activation(settings, grokked_state, tmp_path):
    path = save({"model": grokked_state, "config": settings}, tmp_path / "x.pt")
    assert read_published(path).provenance.recipe["activation"] == "relu"


def test_a_json_config_names_the_activation(grokked_state, tmp_path):
    (tmp_path / "c.json").write_text(json.dumps({"act_fn": "relu", "n_heads": 4, "seed": 3}))
    path = save(grokked_state, tmp_path / "x.pt")
    assert read_published(path, config=tmp_path / "c.json").provenance.recipe["activation"] == "relu"


def test_a_config_that_says_otherwise_is_not_overruled(grokked_state, tmp_path):
    path = save({"model": grokked_state, "cfg": {"act_fn": "gelu", "n_heads": 4}}, tmp_path / "x.pt")
    with pytest.raises(ModelError, match="activation 'relu' was asked for, but its config says 'gelu'"):
        read_published(path, activation="relu", allow_inaccurate=True)
    with pytest.raises(ModelError, match="2 heads were asked for, but its config says 4"):
        read_published(path, heads=2)


def test_an_activation_that_cannot_be_held_is_refused_by_name(grokked_state, tmp_path):
    with pytest.raises(ModelError, match="its activation function is 'tanh'; models can be held with relu"):
        read_published(save(grokked_state, tmp_path / "x.pt"), activation="tanh")


def test_a_model_that_fails_on_the_task_is_refused_with_its_accuracy(tmp_path):
    path = save(nanda_state(), tmp_path / "x.pt")
    with pytest.raises(ModelError, match=f"accuracy on all {P * P} inputs of modular_addition mod {P} is 0"):
        read_published(path, activation="relu")
    assert read_published(path, activation="relu", allow_inaccurate=True).provenance.kind == "imported"


def test_a_number_of_heads_that_still_answers_rightly_is_refused_all_the_same(tmp_path):
    path = save(load("modadd-p59").bridge.state_dict(), tmp_path / "x.pt")
    with pytest.raises(
        ModelError, match="read with 8 heads .*it was trained with 4; say --heads 4"
    ) as caught:
        read_published(path, activation="relu", heads=8)
    assert "accuracy" not in str(caught.value)
    assert read_published(path, activation="relu", heads=4).weights_hash == load("modadd-p59").weights_hash
    assert read_published(path, activation="relu", heads=8, allow_inaccurate=True).config.n_heads == 8


def test_a_pointer_of_git_lfs_is_called_one(tmp_path):
    text = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 912345\n"
    (tmp_path / "model.pt").write_text(text)
    with pytest.raises(ModelError, match="is a Git LFS pointer and not the checkpoint itself"):
        read_published(tmp_path / "model.pt", activation="relu")


@pytest.mark.parametrize("text", ["[1]", "{", '"relu"', "{" * 2**21])
def test_a_config_that_is_no_json_object_is_one_clear_error(text, grokked_state, tmp_path):
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(ModelError, match="c.json: "):
        read_published(save(grokked_state, tmp_path / "x.pt"), config=tmp_path / "c.json")
