"""``scrubkit timeline``: what it writes, says and refuses."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from scrubkit.cli import timeline as command
from scrubkit.cli.app import app
from scrubkit.errors import HypothesisError, ModelError, TrainingError
from scrubkit.trajectories.timeline import Timeline
from tests.trajectories.conftest import run as run  # noqa: PLC0414 - the fixture


def scrubkit_timeline(*options: object):
    return CliRunner().invoke(app, ["timeline", *map(str, options)])


def test_it_writes_page_and_json_and_says_when_the_circuit_forms(run, tmp_path):
    result = scrubkit_timeline(
        run, "sum", "--draws", 2, "--html", tmp_path / "t.html", "--json", tmp_path / "t.json"
    )
    assert result.exit_code == 0, result.output
    assert "test loss falls" in result.output and "circuit formation" in result.output
    found = Timeline.model_validate(json.loads((tmp_path / "t.json").read_text()))
    assert found.hypotheses == ("sum",)
    assert "scrubkit timeline" in (tmp_path / "t.html").read_text()


def test_runs_of_several_seeds_are_counted(run, tmp_path):
    for seed in (1, 2):
        shutil.copytree(run, tmp_path / f"seed-{seed}")
    result = scrubkit_timeline(tmp_path, "--seeds", "1-2")
    assert result.exit_code == 0, result.output
    assert "of 2 runs" in result.output


def test_runs_that_are_not_there_are_trained(run, tmp_path, monkeypatch):
    shutil.copytree(run, tmp_path / "seed-1")
    asked = []

    def train(task, p, seed, many, out, options, err):
        asked.append((task, p, many, options["trajectory"]))
        shutil.copytree(run, out / "seed-2")

    monkeypatch.setattr("scrubkit.cli.train.train_and_certify", train)
    result = scrubkit_timeline(tmp_path, "--seeds", "1-2", "--p", 31, "--trajectory", 5)
    assert result.exit_code == 0, result.output
    assert asked == [("modular_addition", 31, [2], 5)]


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        (["--p", 31], TrainingError, "--seeds"),
        (["sum", "--no-code"], HypothesisError, "--no-code refuses"),
        (["--seeds", "7"], ModelError, "seed 7"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(run, options, error, says):
    result = scrubkit_timeline(run.parent, *options)
    assert isinstance(result.exception, error)
    assert says in str(result.exception)


def test_what_it_prints_of_a_name_is_no_markup():
    table = command.simple_table(["a"], [["[red]x[/red]"]])
    assert str(next(iter(table.columns[0].cells))) == "[red]x[/red]"
