"""Other projects' checkpoints: each format computes the same logits after conversion, the rest is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from scrubkit.errors import ModelError, ScrubkitError
from scrubkit.families.modular.certify.certificate import certify
from scrubkit.families.modular.published.read import read_published
from scrubkit.families.modular.task import ModularAddition, ModularMultiplication, ModularSubtraction
from scrubkit.models.bridge import build_bridge
from scrubkit.models.model import Model
from scrubkit.models.record import Provenance
from scrubkit.models.store import read, save
from tests.modular.published import (
    D,
    H,
    P,
    hooked_state,
    nanda_logits,
    nanda_state,
    ours,
)

RELU: dict[str, Any] = {"activation": "relu", "allow_inaccurate": True}
"""Options under which weights drawn at random are read."""


def write(content: object, path: Path) -> Path:
    torch.save(content, path)
    return path


def assert_same_logits(model: Model, expected: Tensor) -> None:
    torch.testing.assert_close(model.logits(), expected.double(), atol=1e-5, rtol=1e-5)


CONTAINERS = {
    "bare": lambda state: state,
    "model": lambda state: {"model": state, "epoch": 3, "train_losses": [1.0, 0.5], "config": {"p": P}},
    "state_dict": lambda state: {"state_dict": state},
    "model_state_dict": lambda state: {"model_state_dict": state, "optimizer_state_dict": {"lr": 0.1}},
    "DataParallel": lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
    "torch.compile": lambda state: {"model": {f"_orig_mod.{name}": t for name, t in state.items()}},
    "both": lambda state: {f"module._orig_mod.{name}": tensor for name, tensor in state.items()},
    "group composition": lambda state: state | {"x_embed": torch.ones(P, D), "y_embed": torch.ones(P, D)},
    "state_dicts": lambda state: {"state_dicts": [nanda_state(P + 3), state], "epochs": [0, 100]},
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_nandas_format_computes_the_same_logits(tmp_path, container):
    state = nanda_state()
    model = read_published(write(CONTAINERS[container](state), tmp_path / "run.pth"), **RELU)
    assert model.task == ModularAddition(P)
    assert (model.config.d_vocab_out, model.config.n_heads, model.name) == (P, H, "run")
    assert_same_logits(model, nanda_logits(state, model.tokens))


@pytest.mark.parametrize("classes", [P, P + 1])
def test_a_hooked_transformer_computes_the_same_logits(tmp_path, classes):
    config, weights = ours(classes=classes)
    model = read_published(write(hooked_state(weights), tmp_path / "x.pt"), **RELU)
    reference = Model("x", ModularAddition(P), config, weights, Provenance(kind="trained"))
    assert_same_logits(model, reference.logits()[:, :P])


def test_a_hooked_transformer_may_lack_the_biases_of_attention(tmp_path):
    _, weights = ours()
    state = hooked_state(weights)
    biases = [name for name in state if ".b_" in name and "mlp" not in name]
    for name in biases:
        state[name] = torch.zeros_like(state[name])
    whole = read_published(write(state, tmp_path / "x.pt"), **RELU)
    for name in biases:
        del state[name]
    assert len(biases) == 5
    assert read_published(write(state, tmp_path / "x.pt"), **RELU).weights_hash == whole.weights_hash


def test_a_safetensors_file_is_read_too(tmp_path):
    from safetensors.torch import save_file

    _, weights = ours()
    state = {name: t.contiguous() for name, t in hooked_state(weights).items()}
    save_file(state, tmp_path / "x.safetensors")
    assert read_published(tmp_path / "x.safetensors", **RELU).weights_hash == weights.digest()


def test_a_bridge_computes_the_same_logits_once_its_heads_are_known(tmp_path):
    config, weights = ours()
    path = write(build_bridge(weights, config).state_dict(), tmp_path / "x.pt")
    assert read_published(path, heads=H, **RELU).weights_hash == weights.digest()
    with pytest.raises(ModelError, match="does not say how many heads"):
        read_published(path, **RELU)
    with pytest.raises(ModelError, match="has no 5 equal heads"):
        read_published(path, heads=5, **RELU)


def pizza_config(**changes: object) -> dict[str, object]:
    return {
        "name": f"modadd_{P}",
        "funcs": f"lambda x: (x[0]+x[1])%{P}",
        "C": P,
        "n_heads": H,
        "d_model": D,
        "n_layers": 1,
        "attention_dir": "casual",
        "act_fn": "ReLU",
        "attn_coeff": 0.0,
        "diff_vocab": 0,
        "eqn_sign": False,
        "func": None,
        **changes,
    }


def write_pizza(tmp_path: Path, state: dict[str, Tensor], **changes: object) -> Path:
    (tmp_path / "config_abc.json").write_text(json.dumps(pizza_config(**changes)))
    return write(state, tmp_path / "model_abc.pt")


@pytest.mark.parametrize("equals", [False, True])
@pytest.mark.parametrize("rate", [0.0, 1.0, 0.37])
def test_the_pizza_repositorys_attention_computes_the_same_logits(tmp_path, rate, equals):
    state = nanda_state(P + equals, 2 + equals)
    model = read_published(
        write_pizza(tmp_path, state, attn_coeff=rate, eqn_sign=equals), allow_inaccurate=True
    )
    assert model.tokens.shape[1] == 2 + equals
    assert model.config.n_heads == (H if rate in (0, 1) else 2 * H)
    assert model.provenance.recipe["config"]["attn_coeff"] == rate
    assert_same_logits(model, nanda_logits(state, model.tokens, rate))
    bridge = model.bridge(model.tokens)[:, -1].detach()
    torch.testing.assert_close(bridge.double(), model.logits(), atol=1e-5, rtol=1e-5)


def test_a_converted_model_is_stored_like_any_other(tmp_path):
    model = read_published(write_pizza(tmp_path, nanda_state(P, 2)), allow_inaccurate=True)
    again = read(save(model, tmp_path / "out"))
    assert (again.task, again.weights_hash) == (model.task, model.weights_hash)
    assert again.provenance.kind == "imported"
    assert 0 <= again.provenance.history["accuracy"] <= 1


def test_a_model_without_the_equals_sign_is_measured_like_any_other(tmp_path):
    certificate = certify(
        read_published(write_pizza(tmp_path, nanda_state(P, 2), attn_coeff=0.4), allow_inaccurate=True)
    )
    assert not certificate.certified
    assert certificate["attention_on_equals"].value == 0


def test_the_config_names_the_task(tmp_path):
    path = write_pizza(tmp_path, nanda_state(P, 2), funcs=f"lambda x: (x[0]-x[1])%{P}")
    assert read_published(path, **RELU).task.name == "modular_subtraction"
    with pytest.raises(
        ModelError, match="modular_addition was asked for, but the config says modular_subtraction"
    ):
        read_published(path, task="modular_addition", **RELU)


PIZZA_FAULTS = {
    "layers": ({"n_layers": 2}, "n_layers is 2"),
    "activation": ({"act_fn": "GeLU"}, "act_fn is 'GeLU'"),
    "two embeddings": ({"diff_vocab": 1}, "diff_vocab is set"),
    "no transformer": ({"use_linear": True}, "use_linear is set"),
    "rate": ({"attn_coeff": 1.5}, "attn_coeff: .*less than or equal to 1"),
    "function": ({"funcs": "lambda x: __import__('os').system('true')"}, "funcs is .*known are"),
    "modulus": ({"C": 5, "funcs": ""}, "p = 5 was configured"),
}


@pytest.mark.parametrize("name", PIZZA_FAULTS)
def test_what_the_architecture_cannot_hold_is_said(tmp_path, name):
    changes, message = PIZZA_FAULTS[name]
    with pytest.raises(ModelError, match=message):
        read_published(write_pizza(tmp_path, nanda_state(P, 2), **changes), allow_inaccurate=True)


def test_all_faults_of_a_config_are_said_at_once(tmp_path):
    with pytest.raises(ModelError) as caught:
        read_published(
            write_pizza(tmp_path, nanda_state(P, 2), n_layers=3, act_fn="Tanh", diff_vocab=1),
            allow_inaccurate=True,
        )
    assert len(caught.value.faults) == 3


def test_two_positions_without_a_config_ask_for_it(tmp_path):
    with pytest.raises(ModelError, match="put config_abc.json beside the file"):
        read_published(write(nanda_state(P, 2), tmp_path / "model_abc.pt"), **RELU)


def test_a_config_may_lie_elsewhere_and_other_json_is_not_one(tmp_path):
    path = write(nanda_state(P, 2), tmp_path / "x.pt")
    (tmp_path / "x.json").write_text('{"epochs": 3}')
    with pytest.raises(ModelError, match="put x.json beside"):
        read_published(path, **RELU)
    (tmp_path / "elsewhere.json").write_text(json.dumps(pizza_config()))
    assert read_published(path, config=tmp_path / "elsewhere.json", **RELU).task.equals is False


def test_the_task_that_is_asked_for_is_held_to_the_vocabulary(tmp_path):
    path = write(nanda_state(), tmp_path / "x.pt")
    assert read_published(path, p=P, task="modular_multiplication", **RELU).task == ModularMultiplication(P)
    assert read_published(path, task="modular_subtraction", **RELU).task == ModularSubtraction(P)
    with pytest.raises(ModelError, match=f"{P + 1} tokens, {P} residues and .*p = 11 was asked for"):
        read_published(path, p=11, **RELU)
    with pytest.raises(ScrubkitError, match="unknown task 'modular_divison'"):
        read_published(path, task="modular_divison", **RELU)
    with pytest.raises(ScrubkitError, match="must be prime"):
        read_published(write(nanda_state(9 + 1), tmp_path / "y.pt"), task="modular_multiplication", **RELU)


def test_a_config_of_another_projects_file_is_refused(tmp_path):
    (tmp_path / "x.json").write_text(json.dumps(pizza_config()))
    with pytest.raises(ModelError, match="the file is of the format transformerlens"):
        read_published(write(hooked_state(ours()[1]), tmp_path / "x.pt"), **RELU)


STATE_FAULTS = {
    "missing": (lambda s: s.pop("embed.W_E"), "missing tensor embed.W_E"),
    "unknown": (lambda s: s.update({"blocks.0.attn.W_X": torch.ones(1)}), "unknown tensor blocks.0.attn.W_X"),
    "axes": (lambda s: s.update({"embed.W_E": torch.ones(3)}), "embed.W_E has 1 axes, expected 2"),
    "sizes": (lambda s: s.update({"blocks.0.mlp.b_in": torch.ones(3)}), r"b_in has shape \(3,\), expected"),
    "output": (lambda s: s.update({"blocks.0.attn.W_O": torch.ones(D, 5)}), "W_O has "),
    "NaN": (lambda s: s["embed.W_E"].fill_(torch.nan), "W_E holds NaN"),
    "whole": (
        lambda s: s.update({"embed.W_E": torch.ones(D, P + 1).int()}),
        "embed.W_E has dtype torch.int32",
    ),
    "norm": (lambda s: s.update({"blocks.0.ln1.w": torch.ones(D)}), "has LayerNorm"),
    "layers": (lambda s: s.update(nanda_state(layers=2)), "has 2 layers"),
    "classes": (lambda s: s.update({"unembed.W_U": torch.ones(D, 4)}), "has 4 classes, expected 7 or 8"),
    "one position": (lambda s: s.update({"pos_embed.W_pos": torch.ones(1, D)}), "has 1 positions"),
    "no format": (
        lambda s: (s.clear(), s.update({"fc.weight": torch.ones(2)})),
        "no known format; found tensors fc",
    ),
}


@pytest.mark.parametrize("name", STATE_FAULTS)
def test_a_faulty_state_dict_is_one_clear_error(tmp_path, name):
    change, message = STATE_FAULTS[name]
    state = nanda_state()
    change(state)
    with pytest.raises(ModelError, match=message):
        read_published(write(state, tmp_path / "x.pt"), **RELU)


class Evil:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return (print, ("ran",))


@pytest.mark.parametrize(
    "content", [Evil(), {"model": nanda_state(), "config": Evil()}, {"rng": np.random.default_rng(0)}]
)
def test_objects_are_not_unpickled(tmp_path, capsys, content):
    with pytest.raises(
        ModelError, match="holds a .*not unpickled; if you trust the file, keep only its tensors"
    ):
        read_published(write(content, tmp_path / "x.pt"), **RELU)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x80\x02}q\x00.", b"hello", b"\x80"])
def test_damaged_files_are_one_clear_error(tmp_path, data):
    (tmp_path / "x.pt").write_bytes(data)
    with pytest.raises(ModelError, match="x.pt: not a checkpoint of PyTorch, or damaged"):
        read_published(tmp_path / "x.pt", **RELU)


@pytest.mark.parametrize("content", [[1, 2], {"epochs": 3}, {"state_dicts": []}, torch.ones(2), {}])
def test_files_without_a_state_dict_say_what_they_hold(tmp_path, content):
    with pytest.raises(ModelError, match="holds no state dict"):
        read_published(write(content, tmp_path / "x.pt"), **RELU)


def test_a_file_cut_short_is_one_clear_error(tmp_path):
    path = write(nanda_state(), tmp_path / "x.pt")
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ModelError, match="not a checkpoint of PyTorch, or damaged"):
        read_published(path, **RELU)


def test_missing_and_oversize_files_are_clear_errors(tmp_path, monkeypatch):
    with pytest.raises(ModelError, match="no such file"):
        read_published(tmp_path / "x.pt", **RELU)
    monkeypatch.setattr("scrubkit.families.modular.published.checkpoint.MAX_BYTES", 10)
    with pytest.raises(ModelError, match="more than the 10"):
        read_published(write(nanda_state(), tmp_path / "x.pt"), **RELU)


def test_the_accuracy_is_measured(tmp_path):
    model = read_published(write(nanda_state(), tmp_path / "x.pt"), **RELU)
    right = (model.logits().argmax(-1) == model.labels).double().mean()
    assert model.provenance.history["accuracy"] == pytest.approx(float(right))
