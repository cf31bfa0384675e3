"""``scrubkit compile`` writes the model that Python would compile."""

import pytest
import typer
from typer.testing import CliRunner

from scrubkit.cli import compile_
from scrubkit.errors import ModelError
from scrubkit.families.modular.compile import compile_model
from scrubkit.models.store import read


@pytest.fixture
def invoke():
    app = typer.Typer()
    app.callback()(lambda: None)
    compile_.register(app)

    def call(*arguments):
        return CliRunner().invoke(app, ["compile", *map(str, arguments)])

    return call


SMALL = ("--variant", "pizza", "--p", 13, "--frequencies", "2,5")


def test_every_option_reaches_the_request(invoke, tmp_path):
    planted = {
        "dead_frequencies": (3, 4),
        "decoy_neurons": 5,
        "decoy_heads": 1,
        "redundant_heads": 1,
        "cancelling_heads": 1,
        "backup_path": 0.1,
        "memorised_pairs": 2,
    }
    arguments = ["--noise", 0.001, "--rotate", "--permute", "--seed", 7, "--d-model", 128, "--alpha", 50]
    for name, value in planted.items():
        text = ",".join(map(str, value)) if isinstance(value, tuple) else value
        arguments += [f"--{name.replace('_', '-')}", text]
    result = invoke(*SMALL, "--out", tmp_path / "m", *arguments)
    assert result.exit_code == 0, result.output
    model = compile_model(
        variant="pizza",
        p=13,
        frequencies=(2, 5),
        distractors=planted,
        noise=0.001,
        rotate=True,
        permute=True,
        seed=7,
        d_model=128,
        alpha=50,
    )
    stored = read(tmp_path / "m")
    assert stored.weights_hash == model.weights_hash
    assert stored.truth == model.truth
    assert stored.provenance == model.provenance
    assert stored.certificate is not None and stored.certificate.certified
    assert "1.000000 of 169 inputs" in result.output


def test_a_model_is_not_overwritten_unasked(invoke, tmp_path):
    assert invoke(*SMALL, "--out", tmp_path / "m").exit_code == 0
    assert isinstance(invoke(*SMALL, "--out", tmp_path / "m").exception, ModelError)
    assert invoke(*SMALL, "--out", tmp_path / "m", "--overwrite").exit_code == 0


def test_a_list_of_frequencies_that_is_none_is_refused(invoke, tmp_path):
    result = invoke("--variant", "pizza", "--frequencies", "2;5,x", "--out", tmp_path / "m")
    assert isinstance(result.exception, ModelError)
    assert "'2;5', 'x'" in str(result.exception)
    assert not (tmp_path / "m").exists()


def test_what_a_certificate_does_not_bear_out_is_refused_unless_it_is_allowed(invoke, tmp_path):
    options = (*SMALL, "--noise", 0.1, "--seed", 1, "--out", tmp_path / "m")
    result = invoke(*options)
    assert isinstance(result.exception, ModelError)
    assert "is not certified" in str(result.exception)
    assert "--allow-uncertified" in str(result.exception)
    assert not (tmp_path / "m").exists()
    assert invoke(*options, "--allow-uncertified").exit_code == 0
    assert not read(tmp_path / "m").certificate.certified
