"""Saving and reading models: what is written comes back, and nothing else is let through."""

import json
import os
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch

from scrubkit.core.task import Task
from scrubkit.errors import ModelError
from scrubkit.families.modular.task import ModularAddition, ModularTask
from scrubkit.families.modular.truth import ModularCertificate, ModularTruth
from scrubkit.models import atomic, store
from scrubkit.models.model import Model
from scrubkit.models.record import Measurement, ModelConfig, Provenance, Statement
from scrubkit.models.store import MAX_RECORD_BYTES, RECORD, WEIGHTS, read, save
from scrubkit.models.weights import random_weights


def tiny(seed: int = 0, task: Task | None = None) -> Model:
    task = task or ModularAddition(5)
    config = ModelConfig.for_task(task, d_model=8, n_heads=2, d_head=4, d_mlp=16)
    weights = random_weights(config, torch.Generator().manual_seed(seed))
    return Model("tiny", task, config, weights, Provenance(kind="trained", seed=seed, recipe={"lr": 0.01}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save(tiny(), tmp_path / "model")


def edit(folder: Path, change) -> None:
    document = json.loads((folder / RECORD).read_text())
    change(document)
    (folder / RECORD).write_text(json.dumps(document))


def test_a_model_comes_back_as_it_was_saved(tmp_path):
    truth = ModularTruth(
        source="construction",
        variant="pizza",
        p=5,
        frequencies=(1, 2),
        clusters={1: (0, 3), 2: (4,)},
        statements=(Statement(site="hook_embed[pos=0]", feature="a", exact=True),),
        subspaces={"plane": [[0.1, 1 / 3, 0.0, 0.5]]},
    )
    model = tiny()
    certificate = ModularCertificate(
        certified=False,
        algorithm="measured",
        reasons=("too few",),
        frequencies=(1,),
        clusters={1: (0,)},
        measurements=(Measurement(name="share", value=float("nan"), at_least=0.5),),
        weights_hash=model.weights_hash,
    )
    model = model.with_(truth=truth, certificate=certificate)
    found = read(save(model, tmp_path / "new" / "model"))
    assert found.weights_hash == model.weights_hash
    assert (found.name, found.task, found.config) == (model.name, model.task, model.config)
    assert found.provenance == model.provenance
    assert found.truth == truth
    assert found.certificate is not None
    assert found.certificate.clusters == {1: (0,)}
    assert str(found.certificate["share"].value) == "nan"
    assert torch.equal(found.logits(), model.logits())


def test_a_task_without_the_equals_sign_comes_back(tmp_path):
    model = tiny(task=ModularTask("modular_subtraction", 5, equals=False))
    assert read(save(model, tmp_path / "m")).task == model.task


def test_saving_twice_gives_the_same_bytes(tmp_path):
    one, two = save(tiny(), tmp_path / "one"), save(tiny(), tmp_path / "two")
    for name in (WEIGHTS, RECORD):
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_saving_over_a_model_needs_to_be_asked_for(folder):
    with pytest.raises(ModelError, match="already holds"):
        save(tiny(1), folder)
    assert read(folder).weights_hash == tiny().weights_hash
    save(tiny(1), folder, overwrite=True)
    assert read(folder).weights_hash == tiny(1).weights_hash


def test_other_files_in_the_folder_are_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    save(tiny(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [RECORD, "notes.txt", WEIGHTS]


def test_a_save_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic.os, "fsync", disk_full)
    with pytest.raises(ModelError, match="no space left on device; free some space"):
        save(tiny(), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_an_overwrite_that_fails_leaves_the_old_model(folder, monkeypatch):
    monkeypatch.setattr(atomic.os, "fsync", disk_full)
    with pytest.raises(ModelError, match="no space left"):
        save(tiny(1), folder, overwrite=True)
    assert read(folder).weights_hash == tiny().weights_hash
    assert sorted(path.name for path in folder.iterdir()) == [RECORD, WEIGHTS]


def disk_full(descriptor: int) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.skipif(sys.platform == "win32", reason="permissions differ there")
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_an_error(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ModelError, match="permission denied"):
        save(tiny(), tmp_path / "model")


def test_a_file_in_the_place_of_the_folder_is_an_error(tmp_path):
    (tmp_path / "model").write_text("")
    with pytest.raises(ModelError, match="is a file"):
        save(tiny(), tmp_path / "model")


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    model = tiny()
    model = model.with_(weights=model.weights.with_(b_U=torch.full((5,), float("inf"))))
    with pytest.raises(ModelError, match="b_U holds NaN or infinite values"):
        save(model, tmp_path / "model")


RECORD_FAULTS = {
    "a future version": (lambda d: d.update(schema_version=3), "schema version 3 is from a newer scrubkit"),
    "no version": (lambda d: d.pop("schema_version"), "schema_version must be a whole number"),
    "a version that is no number": (lambda d: d.update(schema_version="1"), "schema_version must be"),
    "an unknown key": (lambda d: d.update(extra=1), "extra: Extra inputs are not permitted, found 1"),
    "a missing key": (lambda d: d.pop("config"), "config: Field required"),
    "a wrong type": (lambda d: d["config"].update(d_mlp="many"), "config.d_mlp: .*found 'many'"),
    "a size out of range": (lambda d: d["config"].update(d_mlp=10**9), "config.d_mlp: .*65536"),
    "an unknown task": (
        lambda d: d["task"].update(name="modular_adition"),
        'did you mean "modular_addition"',
    ),
    "another modulus": (
        lambda d: d["task"]["options"].update(p=7),
        "config.d_vocab is 6, but modular_addition mod 7 has 8",
    ),
    "another hash": (lambda d: d.update(weights_hash="0" * 64), "hash to .*says 000000000000"),
}


@pytest.mark.parametrize("name", RECORD_FAULTS)
def test_a_faulty_record_is_one_clear_error(folder, name):
    change, message = RECORD_FAULTS[name]
    edit(folder, change)
    with pytest.raises(ModelError, match=message):
        read(folder)


def test_all_faults_of_a_record_are_reported_at_once(folder):
    edit(folder, lambda d: (d.update(extra=1), d.pop("config"), d["provenance"].update(kind="found")))
    with pytest.raises(ModelError) as caught:
        read(folder)
    assert len(caught.value.faults) == 3


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"null",
        b"[1]",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"schema_version": 1}',
    ],
    ids=["empty", "cut", "not text", "null", "list", "deep list", "deep object", "almost empty"],
)
def test_bytes_that_are_no_record_are_one_clear_error(folder, content):
    (folder / RECORD).write_bytes(content)
    with pytest.raises(ModelError, match=RECORD):
        read(folder)


def test_a_certificate_of_other_weights_is_refused(tmp_path):
    certificate = ModularCertificate(
        certified=True,
        algorithm="clock",
        reasons=(),
        frequencies=(),
        clusters={},
        measurements=(),
        weights_hash="x",
    )
    folder = save(tiny().with_(certificate=certificate), tmp_path / "model")
    with pytest.raises(ModelError, match="certificate is of other weights"):
        read(folder)


def rewrite(folder: Path, change) -> None:
    tensors = safetensors.torch.load((folder / WEIGHTS).read_bytes())
    change(tensors)
    (folder / WEIGHTS).write_bytes(safetensors.torch.save(tensors))


B_U = "unembed.b_U"

WEIGHT_FAULTS = {
    "a missing tensor": (lambda t: t.pop("embed.W_E"), r"missing tensor embed.W_E \(6, 8\)"),
    "an unknown tensor": (lambda t: t.update(W_X=torch.zeros(1)), "unknown tensor W_X"),
    "a wrong shape": (lambda t: t.update({B_U: torch.zeros(6)}), r"b_U has shape \(6,\), expected \(5,\)"),
    "whole numbers": (lambda t: t.update({B_U: torch.zeros(5, dtype=torch.int32)}), "b_U has dtype"),
    "NaN": (lambda t: t.update({B_U: torch.full((5,), torch.nan)}), "b_U holds NaN"),
    "another value": (lambda t: t.update({B_U: torch.ones(5)}), "the two files are not of one model"),
}


@pytest.mark.parametrize("name", WEIGHT_FAULTS)
def test_faulty_weights_are_one_clear_error(folder, name):
    change, message = WEIGHT_FAULTS[name]
    rewrite(folder, change)
    with pytest.raises(ModelError, match=message):
        read(folder)


@pytest.mark.parametrize("kept", [0, 4, 8, 100, 1200, -1])
def test_truncated_weights_are_one_clear_error(folder, kept):
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(data[:kept])
    with pytest.raises(ModelError, match="not a complete safetensors file"):
        read(folder)


@pytest.mark.parametrize("position", range(0, 1000, 37))
def test_a_flipped_byte_is_never_read_as_a_model(folder, position):
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[position] ^= 0x55
    (folder / WEIGHTS).write_bytes(bytes(data))
    with pytest.raises(ModelError):
        read(folder)


def test_a_pickle_in_the_place_of_the_weights_is_not_loaded(folder):
    torch.save({"W_E": torch.zeros(6, 8)}, folder / WEIGHTS)
    with pytest.raises(ModelError, match="not a complete safetensors file"):
        read(folder)


def test_files_that_are_too_large_are_not_read(folder):
    with open(folder / WEIGHTS, "r+b") as file:
        file.truncate(10**9)
    with pytest.raises(ModelError, match="1,000,000,000 bytes, more than the"):
        read(folder)
    with open(folder / RECORD, "r+b") as file:
        file.truncate(MAX_RECORD_BYTES + 1)
    with pytest.raises(ModelError, match="more than the"):
        read(folder)


@pytest.mark.parametrize("name", [WEIGHTS, RECORD])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelError, match=f"{name}: .*this one is missing"):
        read(folder)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ModelError, match="nowhere: no such folder"):
        read(tmp_path / "nowhere")


@pytest.mark.parametrize("name", [WEIGHTS, RECORD])
def test_a_link_out_of_the_folder_is_not_followed(folder, tmp_path, name):
    outside = tmp_path / "outside"
    (folder / name).rename(outside)
    (folder / name).symlink_to(outside)
    with pytest.raises(ModelError, match="link that leads out"):
        read(folder)
    assert read(folder, links_within=tmp_path).name == "tiny"


def test_a_linked_folder_is_read(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    assert read(tmp_path / "link").name == "tiny"


def test_the_record_says_what_the_model_is():
    record = store.describe(tiny())
    assert record.weights_hash == tiny().weights_hash
    assert store.parse_record(store.to_json(record), title="x") == record
