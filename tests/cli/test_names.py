"""Names within reach: files started from shipped ones, tasks, help for every option, standard output."""

import json

import pytest
import typer.main
from typer.testing import CliRunner

import scrubkit
from scrubkit.bench import manifest
from scrubkit.bench.suites import load_suite
from scrubkit.cli.app import app
from scrubkit.errors import HypothesisError, ScrubkitError
from scrubkit.hypothesis import load_hypothesis
from scrubkit.hypothesis.files import shipped
from scrubkit.models.store import save


def invoke(*arguments: object):
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture(scope="module")
def subtraction(tmp_path_factory):
    """Return a compiled pizza that subtracts, and its folder."""
    model = scrubkit.compile_model(task="modular_subtraction", variant="pizza", p=31, frequencies=(3, 5, 11))
    return model, save(model, tmp_path_factory.mktemp("models") / "pizza-subtracts")


def start(tmp_path, *arguments):
    result = invoke("new", *arguments, "--out", tmp_path)
    assert result.exit_code == 0, result.exception
    (path,) = tmp_path.iterdir()
    return path


def test_a_file_starts_from_a_shipped_one_under_a_name_of_its_own(tmp_path):
    path = start(tmp_path, "mine", "--from", "sum")
    truth = scrubkit.load("modadd-p59").truth
    own, old = load_hypothesis(path, truth=truth), load_hypothesis("sum", truth=truth)
    assert (own.name, own.hash) == ("mine", old.hash)


@pytest.mark.parametrize(("name", "verdict"), [("pizza", "supported"), ("sum", "refuted")])
def test_a_claim_about_addition_is_told_of_subtraction(subtraction, tmp_path, name, verdict):
    path = start(tmp_path, "--from", name, "--task", "modular_subtraction")
    assert path.stem == f"{name}_modular_subtraction"
    assert scrubkit.score(subtraction[0], path, draws=4).verdict == verdict


def test_a_claim_about_addition_is_told_of_multiplication(tmp_path):
    model = scrubkit.compile_model(
        task="modular_multiplication", variant="clock-torus", p=23, frequencies=(3, 5, 8)
    )
    path = start(tmp_path, "--from", "residual_sum", "--task", "modular_multiplication")
    assert "(a * b) % p" in path.read_text()
    assert scrubkit.score(model, path, draws=4).verdict == "supported"


@pytest.mark.parametrize("name", [path.stem for path in shipped().values() if "addition" in str(path)])
def test_every_claim_about_addition_checks_on_a_model_that_subtracts(subtraction, tmp_path, name):
    path = start(tmp_path, "--from", name, "--task", "modular_subtraction")
    load_hypothesis(path, truth=subtraction[0].truth)
    assert "modular_addition" not in path.read_text()


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (["--from", "pizza", "--task", "modular_multiplication"], HypothesisError, "discrete logarithms"),
        (["--from", "max3_by_pairs", "--task", "sort3"], HypothesisError, "no form for sort3"),
        (
            ["--from", "induction", "--task", "modular_subtraction"],
            HypothesisError,
            "not about modular",
        ),
        (["--from", "sum", "--task", "modular_divison"], ScrubkitError, "scrubkit tasks lists"),
        (["--from", "summ"], HypothesisError, "did you mean"),
        (["mine", "--task", "modular_subtraction"], HypothesisError, "--task needs --from"),
        ([], HypothesisError, "--from pizza"),
    ],
)
def test_what_cannot_be_started_is_refused_with_the_reason(tmp_path, arguments, error, says):
    result = invoke("new", *arguments, "--out", tmp_path)
    assert isinstance(result.exception, error)
    assert says in str(result.exception)
    assert not list(tmp_path.iterdir())


def test_every_task_is_listed():
    output = invoke("tasks").output
    for task in ("modular_addition", "modular_subtraction", "modular_multiplication", "max3", "brackets6"):
        assert task in output


def test_every_option_of_every_command_has_a_help_text():
    commands = typer.main.get_command(app).commands  # pyright: ignore[reportAttributeAccessIssue]
    without = [
        f"{name}: {parameter.name}"
        for name, command in commands.items()
        for parameter in command.params
        if not getattr(parameter, "help", None)
    ]
    assert without == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["score", "sum", "--model", "modadd-p59", "--draws", 2],
        ["explain", "residual_sum", "--model", "modadd-p59", "--draws", 2],
        ["certify", "modadd-p59"],
        ["validate", "random-scores", "--suite", "few.json", "--in-process", "--no-store"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_json_on_standard_output_is_nothing_but_json(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fast = load_suite("fast")
    manifest.write(fast.model_copy(update={"cases": fast.cases[:2]}), tmp_path / "few.json")
    result = invoke(*arguments, "--json", "-")
    assert result.exit_code == 0, result.output
    assert isinstance(json.loads(result.stdout), dict)
    assert result.stderr.strip(), "the tables go to standard error"


def test_the_commands_that_write_json_all_take_standard_output():
    commands = typer.main.get_command(app).commands  # pyright: ignore[reportAttributeAccessIssue]
    options = {
        name: option.help
        for name, command in commands.items()
        for option in command.params
        if "--json" in option.opts
    }
    assert {"score", "explain", "certify", "validate", "timeline"} <= options.keys()
    assert all("- is standard output" in text for text in options.values())
