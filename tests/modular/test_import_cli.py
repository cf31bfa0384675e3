"""``scrubkit import``, ``certify --save`` and what comes after: an imported model is one like any other."""

from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

import scrubkit
from scrubkit.cli.app import app
from scrubkit.errors import ModelError
from scrubkit.models.store import read, save
from tests.modular.published import in_nandas_format, nanda_state

FILES = sorted((Path(__file__).parents[2] / "hypotheses" / "modular_addition").glob("*.py"))


def call(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("published") / "run.pth"
    torch.save(in_nandas_format(scrubkit.load("modadd-p59")), path)
    return path


def test_importing_certifies_and_stores_what_was_measured(checkpoint, tmp_path):
    result = call("import", checkpoint, "--activation", "relu", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "nanda format: modular_addition, p = 59" in result.output
    assert "accuracy 1.0000" in result.output
    assert "certified: key frequencies 4, 12, 22" in result.output
    model = read(tmp_path / "out")
    assert model.provenance.kind == "imported"
    assert model.certificate is not None and model.truth is not None
    assert model.truth.frequencies == (4, 12, 22)


def test_a_model_that_fails_on_the_task_leaves_nothing_behind(tmp_path):
    torch.save(nanda_state(), tmp_path / "run.pth")
    options = ("import", tmp_path / "run.pth", "--activation", "relu", "--out", tmp_path / "out")
    result = call(*options)
    assert isinstance(result.exception, ModelError)
    assert "--allow-inaccurate" in str(result.exception)
    assert not (tmp_path / "out").exists()
    result = call(*options, "--allow-inaccurate")
    assert result.exit_code == 0, result.output
    assert "not certified" in result.output
    assert read(tmp_path / "out").truth is None


def test_another_modulus_leaves_nothing_behind(checkpoint, tmp_path):
    result = call("import", checkpoint, "--activation", "relu", "--p", "61", "--out", tmp_path / "out")
    assert isinstance(result.exception, ModelError)
    assert not (tmp_path / "out").exists()


def test_certify_save_stores_certificate_and_truth_in_the_folder(tmp_path):
    known = scrubkit.load("modadd-p59")
    folder = save(known.with_(truth=None, certificate=None), tmp_path / "model")
    assert call("certify", folder).exit_code == 0
    assert read(folder).certificate is None
    result = call("certify", folder, "--save")
    assert result.exit_code == 0, result.output
    assert f"stored in {folder}" in result.output
    stored = read(folder)
    assert stored.truth is not None and stored.truth.frequencies == known.truth.frequencies
    assert stored.certificate is not None and stored.certificate.certified


@pytest.mark.parametrize("name", ["modadd-p59", "pizza-p59", "no/such/folder"])
def test_certify_save_wants_a_folder_of_ones_own(name):
    result = call("certify", name, "--save")
    assert isinstance(result.exception, ModelError)
    assert "--save" in str(result.exception)


@pytest.fixture(scope="module")
def imported(checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("imported") / "model"
    assert call("import", checkpoint, "--activation", "relu", "--out", folder).exit_code == 0
    return scrubkit.load(folder)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_hypothesis_file_scores_on_an_imported_model(file, imported):
    found = scrubkit.score(imported, file, draws=2)
    assert found.verdict


def test_from_python_a_model_gets_its_certificate_and_truth():
    bare = scrubkit.load("modadd-p59").with_(truth=None, certificate=None)
    measured = scrubkit.with_certificate(bare)
    assert measured.truth is not None
    assert measured.certificate == scrubkit.certify(bare)
    assert bare.truth is None
