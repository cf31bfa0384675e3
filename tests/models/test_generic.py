"""Models of any depth on any task, stored and read; and models stored by earlier versions."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch

from scrubkit.core.task import Task
from scrubkit.errors import ModelError
from scrubkit.families.modular.truth import ModularTruth
from scrubkit.models.config import ModelConfig
from scrubkit.models.load import BUNDLED, bundled_names, load
from scrubkit.models.model import Model
from scrubkit.models.record import Certificate, Measurement, Provenance, Statement, Truth
from scrubkit.models.store import RECORD, WEIGHTS, read, save
from scrubkit.models.task_file import TASK
from scrubkit.models.weights import SHORT, Weights, random_weights


def task(**changes) -> Task:
    rows = np.random.default_rng(0).integers(0, 6, (30, 4))
    options = {
        "labels": rows[:, [1, 3]],
        "variables": {"x": rows[:, 0], "y": rows[:, 1] / 2},
        "constants": {"v": 6, "half": 0.5},
        "weights": np.arange(1, 31) / 7,
        "answer": (1, -1),
        "d_vocab": 8,
    }
    return Task("copy", tokens=rows, **(options | changes))


def deep(**changes) -> Model:
    """Two layers with LayerNorm, on a task of no family."""
    on = task()
    options = {"d_model": 6, "n_heads": 2, "d_head": 3, "d_mlp": 10, "n_layers": 2, "normalization": "LN"}
    config = ModelConfig.for_task(on, **(options | {"act_fn": "gelu"} | changes))
    weights = random_weights(config, torch.Generator().manual_seed(0))
    truth = Truth(
        source="construction",
        variant="copier",
        statements=(Statement(site="blocks.1.hook_resid_post[pos=-1]", feature="y"),),
        subspaces={"first": np.eye(6)[:2].tolist()},
        parts={"neurons": {"copiers": (0, 3)}},
    )
    made = Model("deep", on, config, weights, Provenance(kind="trained", seed=1), truth)
    certificate = Certificate(
        certified=True,
        algorithm="copier",
        measurements=(Measurement(name="error", value=0.25, at_most=0.5),),
        weights_hash=made.weights_hash,
    )
    return made.with_(certificate=certificate)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save(deep(), tmp_path / "model")


def test_a_deep_model_on_a_task_of_no_family_comes_back(folder):
    model, found = deep(), load(folder)
    assert found.weights_hash == model.weights_hash
    assert (found.task, found.config, found.provenance) == (model.task, model.config, model.provenance)
    assert (found.truth, found.certificate) == (model.truth, model.certificate)
    assert found.truth is not None and found.truth.names == {"neurons": {"copiers": (0, 3)}}
    assert torch.equal(found.logits(), model.logits())
    assert sorted(path.name for path in folder.iterdir()) == [RECORD, TASK, WEIGHTS]


def test_its_bridge_gives_its_logits(folder):
    model = load(folder)
    assert torch.allclose(model.bridge(model.tokens)[:, [1, 3]].double(), model.logits(), atol=1e-5)


@pytest.mark.parametrize(
    "changes", [{"labels": None}, {"weights": None}, {"variables": None}, {"constants": None}]
)
def test_a_task_without_one_of_its_parts_comes_back(tmp_path, changes):
    model = deep().with_(task=task(**changes), truth=None)
    assert load(save(model, tmp_path / "m")).task == model.task


def test_a_task_without_labels_has_none_to_give():
    with pytest.raises(ModelError, match="the task copy has no labels"):
        deep().with_(task=task(labels=None)).labels  # noqa: B018


@pytest.mark.parametrize(
    "changes",
    [{"act_fn": "gelu_new"}, {"attention": "bidirectional"}, {"eps": 1e-6}, {"normalization": "RMS"}],
    ids=str,
)
def test_another_way_to_run_the_same_numbers_is_another_model(changes):
    assert deep(**changes).weights_hash != deep().weights_hash


def test_rows_of_another_task_are_refused(folder):
    arrays = safetensors.numpy.load((folder / TASK).read_bytes())
    arrays["tokens"][0, 0] = (arrays["tokens"][0, 0] + 1) % 6
    (folder / TASK).write_bytes(safetensors.numpy.save(arrays))
    with pytest.raises(ModelError, match="rows hash to .* not of one model"):
        read(folder)


def edit(folder: Path, change) -> None:
    document = json.loads((folder / RECORD).read_text())
    change(document)
    (folder / RECORD).write_text(json.dumps(document))


def options(document: dict) -> dict:
    return document["task"]["options"]


FAULTS = {
    "an unknown family": (
        lambda d: d["task"].update(family="modlar"),
        r'no family \'modlar\' \(did you mean "modular"',
    ),
    "a family of a truth": (lambda d: d["truth"].update(family="x"), "truth.family: no family 'x'"),
    "a family that is no text": (lambda d: d["truth"].update(family=[1]), r"truth.family: no family \[1\]"),
    "an unknown key of a truth": (
        lambda d: d["truth"].update(p=5),
        "truth.p: Extra inputs are not",
    ),
    "another constant": (lambda d: d["task"]["options"]["constants"].update(v=7), "rows hash to"),
    "a constant that is no number": (
        lambda d: d["task"]["options"]["constants"].update(v="7"),
        "constant 'v' must be one finite number",
    ),
    "an unknown option": (lambda d: d["task"]["options"].update(p=7), "unknown option of the task 'p'"),
    "a missing variable": (
        lambda d: d["task"]["options"]["variables"].append("z"),
        "missing rows 'variable.z'",
    ),
    "an unknown variable": (
        lambda d: d["task"]["options"].update(variables=["x"]),
        "unknown rows 'variable.y'",
    ),
    "variables that are no list": (
        lambda d: d["task"]["options"].update(variables=7),
        "variables must be a list",
    ),
    "positions that are no list": (
        lambda d: d["task"]["options"].update(answer="1"),
        "answer must be a list",
    ),
    "a vocabulary that the model lacks": (
        lambda d: d["config"].update(d_vocab=7),
        "d_vocab is 7, but the task copy",
    ),
    "a basis of another width": (
        lambda d: d["truth"]["subspaces"].update(first=[[1.0, 0.0]]),
        "has rows of 2 numbers, but this model's sites have 3, 6, 8, 10",
    ),
    "sizes that multiply to terabytes": (
        lambda d: d["config"].update(d_model=8192, d_mlp=65536, n_layers=64),
        "parameters, more than the 67,108,864 held",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_record_is_one_clear_error(folder, name):
    change, message = FAULTS[name]
    edit(folder, change)
    with pytest.raises(ModelError, match=message):
        read(folder)


def test_faults_of_the_record_and_of_its_truth_are_reported_at_once(folder):
    edit(folder, lambda d: (d.update(extra=1), d["truth"].pop("variant"), d["certificate"].update(x=1)))
    with pytest.raises(ModelError) as caught:
        read(folder)
    assert len(caught.value.faults) == 3


@pytest.mark.parametrize("kept", [0, 8, 100, -1])
def test_truncated_rows_are_one_clear_error(folder, kept):
    data = (folder / TASK).read_bytes()
    (folder / TASK).write_bytes(data[:kept])
    with pytest.raises(ModelError, match=f"{TASK}.*not a complete safetensors file"):
        read(folder)


def header(**tensors):
    """Return a file of rows that says what it holds, and holds nothing."""
    said = {
        name: {"dtype": dtype, "shape": shape, "data_offsets": [0, 0]}
        for name, (dtype, shape) in tensors.items()
    }
    text = json.dumps(said).encode()
    return len(text).to_bytes(8, "little") + text


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (header(tokens=("I8", [2**27, 1])), "134,217,728 numbers, more than the"),
        (header(tokens=("BOOL", [2**20, 4]), labels=("I8", [2**20, 4, 32])), "numbers, more than the"),
        (header(tokens=("I8", [10**39, 10**39])), "numbers, more than the"),
        (header(tokens=("I8", [-5, 3])), "not a complete safetensors file"),
        (header(tokens=("I8", ["many"])), "not a complete safetensors file"),
        ((2**40).to_bytes(8, "little"), "a header of 1,099,511,627,776 bytes"),
        ((200_010).to_bytes(8, "little") + b"[" * 200_010, "values, more than the"),
        ((2).to_bytes(8, "little") + b"[]", "not a complete safetensors file"),
    ],
)
def test_rows_that_would_take_gigabytes_are_refused_by_what_they_say_of_themselves(folder, data, message):
    (folder / TASK).write_bytes(data)
    with pytest.raises(ModelError, match=message):
        read(folder)


def test_a_file_of_rows_of_a_gigabyte_is_not_read(folder):
    with open(folder / TASK, "wb") as file:
        file.truncate(2**30)
    with pytest.raises(ModelError, match="bytes, more than the 536,870,912"):
        read(folder)


def test_missing_rows_are_named(folder):
    (folder / TASK).unlink()
    with pytest.raises(ModelError, match=f"{TASK}: .*this one is missing"):
        read(folder)


@pytest.mark.parametrize("name", bundled_names())
def test_models_of_version_1_keep_their_identity_and_all_that_is_known_of_them(name):
    old = json.loads((BUNDLED / name / RECORD).read_text())
    assert old["schema_version"] == 1
    model = load(name)
    assert model.weights_hash == old["weights_hash"]
    assert isinstance(model.truth, ModularTruth)
    assert list(model.truth.frequencies) == old["truth"]["frequencies"]
    assert [s.site for s in model.truth.statements] == [s["site"] for s in old["truth"]["carries"]]
    assert model.truth.n_neurons == old["config"]["d_mlp"]
    assert set(model.truth.names["neurons"]) == {*(f"cluster:{k}" for k in old["truth"]["clusters"]), "rest"}


def test_a_model_of_version_1_is_stored_as_version_2_and_is_the_same(tmp_path):
    model = load("modadd-p59")
    folder = save(model, tmp_path / "m")
    assert json.loads((folder / RECORD).read_text())["schema_version"] == 2
    again = load(folder)
    assert (again.weights_hash, again.task) == (model.weights_hash, model.task)
    assert (again.truth, again.certificate) == (model.truth, model.certificate)


def test_a_fault_in_a_file_of_version_1_is_one_clear_error(tmp_path):
    folder = Path(shutil.copytree(BUNDLED / "modadd-p59", tmp_path / "m"))
    edit(folder, lambda d: (d["task"].pop("name"), d["truth"].update(p="x"), d.update(certificate=7)))
    with pytest.raises(ModelError) as caught:
        read(folder)
    assert len(caught.value.faults) == 3


def plain() -> Weights:
    config = ModelConfig(d_vocab=4, d_vocab_out=3, d_model=4, n_heads=1, d_head=2, d_mlp=5)
    return random_weights(config, torch.Generator().manual_seed(0))


def test_short_names_are_attributes_of_one_block():
    weights = plain()
    for short, full in SHORT.items():
        assert getattr(weights, short) is weights[full] is weights.short()[short]
    assert Weights.one_layer(**weights.short()).digest() == weights.digest()


def test_short_names_of_a_block_among_several_are_ambiguous():
    weights = deep().weights
    assert weights.W_E is weights["embed.W_E"]
    with pytest.raises(AttributeError, match=r"W_Q of which block\? There are 2"):
        weights.W_Q  # noqa: B018
    assert weights.block(1)["attn.W_Q"] is weights["blocks.1.attn.W_Q"]
    with pytest.raises(AttributeError, match="no .W_q. .did you mean"):
        weights.W_q  # noqa: B018


def test_parameters_are_replaced_by_either_name():
    zero = torch.zeros(4, 5)
    assert plain().with_(W_in=zero).W_in is zero
    assert plain().with_(**{"blocks.0.mlp.W_in": zero}).W_in is zero
    with pytest.raises(ModelError, match=r"no parameter 'W_inn'"):
        plain().with_(W_inn=zero)
    with pytest.raises(ModelError, match="no parameter 'W_in'"):
        deep().weights.with_(W_in=zero)
