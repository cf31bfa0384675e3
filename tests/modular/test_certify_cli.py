"""``scrubkit certify``: the table, the JSON file and the exit codes."""

import pytest
import typer
from typer.testing import CliRunner

from scrubkit.cli import certify as command
from scrubkit.errors import ModelError, ScrubkitError
from scrubkit.families.modular.certify.certificate import certify
from scrubkit.families.modular.compile import compile_model
from scrubkit.families.modular.truth import ModularCertificate
from scrubkit.models.store import save


@pytest.fixture
def invoke():
    app = typer.Typer()
    app.callback()(lambda: None)
    command.register(app)

    def call(*arguments):
        return CliRunner().invoke(app, ["certify", *map(str, arguments)], env={"COLUMNS": "200"})

    return call


@pytest.fixture(scope="module")
def pizza(tmp_path_factory):
    model = compile_model(variant="pizza", p=13, frequencies=(2, 5))
    return save(model, tmp_path_factory.mktemp("models") / "pizza"), model


def test_a_certified_model_exits_0_with_its_frequencies(invoke, pizza):
    result = invoke(pizza[0])
    assert result.exit_code == 0, result.output
    assert "certified: key frequencies 2, 5; algorithm: pizza" in result.output
    assert "accuracy over all inputs" in result.output
    assert "≥ 99.9 %" in result.output
    assert "contested (arXiv:2512.25060)" in " ".join(result.output.split())


def test_a_refused_model_exits_1_with_the_reasons(invoke, memorising, tmp_path):
    result = invoke(save(memorising, tmp_path / "memorising"))
    assert result.exit_code == 1
    assert "not certified" in result.output
    assert "The model has memorised" in result.output
    assert "missed" in result.output


def test_the_json_file_is_the_certificate(invoke, pizza, tmp_path):
    out = tmp_path / "certificate.json"
    assert invoke(pizza[0], "--json", out).exit_code == 0
    assert ModularCertificate.model_validate_json(out.read_text(encoding="utf-8")) == certify(pizza[1])


def test_a_model_that_cannot_be_read_is_a_scrubkit_error(invoke, tmp_path):
    result = invoke(tmp_path / "nothing")
    assert isinstance(result.exception, ModelError)


def test_a_json_file_that_cannot_be_written_is_a_scrubkit_error(invoke, pizza, tmp_path):
    (tmp_path / "file").touch()
    result = invoke(pizza[0], "--json", tmp_path / "file" / "x.json", "--html", tmp_path)
    assert isinstance(result.exception, ScrubkitError)
    assert "is not a folder" in str(result.exception) and "is a folder" in str(result.exception)
