"""The composite action: its steps are run as a runner would, in a project that holds a method."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import scrubkit
from scrubkit.bench import manifest
from scrubkit.bench.suites import load_suite

ROOT = Path(scrubkit.__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
CASES = ("pizza-p13-none-1", "pizza-p13-decoy_neurons-1")
METHOD = """
import scrubkit

class Same:
    name = "same"

    def score(self, model, hypothesis, *, task, generator, budget):
        return scrubkit.Answer(1.0, verdict="supported")
"""
STUB = """#!/usr/bin/env bash
printf '%s\\n' "$@" >> "{log}"
[ {code} -eq 2 ] || echo told > scrubkit.md
exit {code}
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "own.py").write_text(METHOD)
    return tmp_path


def run_step(project, name, **inputs):
    """Run a step's shell code with the inputs that are given, and defaults for the rest."""
    (step,) = [step for step in ACTION["runs"]["steps"] if step["name"] == name]
    given = {key: str(spec.get("default", "")) for key, spec in ACTION["inputs"].items()} | inputs

    def filled(m):
        return given[m[1]] or ("the action" if m[2] else "")

    expression = r"\$\{\{ inputs\.(\w+)( \|\| github\.action_path)? \}\}"
    env = {key: re.sub(expression, filled, value) for key, value in step["env"].items()}
    path = f"{project / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    runner = {"GITHUB_STEP_SUMMARY": str(project / "summary.md"), "PYTHONPATH": str(ROOT), "PATH": path}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=project,
        env={**os.environ, **env, **runner},
        capture_output=True,
        text=True,
        timeout=300,
    )


def stub(project, command, code=0):
    """Put a command before the real one that notes its arguments, and writes a page unless its code is 2."""
    (project / "bin").mkdir(exist_ok=True)
    log, path = project / f"{command}.log", project / "bin" / command
    log.write_text("")
    path.write_text(STUB.format(log=log, code=code))
    path.chmod(0o755)
    return log


def test_validating_writes_a_baseline_first_and_then_fails_where_a_limit_is_missed(project):
    fast = load_suite("fast-1")
    cases = tuple(case for case in fast.cases if case.id in CASES)
    manifest.write(fast.model_copy(update={"cases": cases}), project / "few.json")
    options = {"methods": "own:Same", "suite": "few.json", "arguments": "--no-store --in-process"}
    first = run_step(project, "Validate", **options)
    assert first.returncode == 0, first.stdout + first.stderr
    baseline = (project / "scrubkit-baseline.json").read_bytes()
    assert (project / "summary.md").read_text().count("| same |") == 3
    options["arguments"] += " --max-false-accept 0.5"
    second = run_step(project, "Validate", **options)
    assert second.returncode == 1, second.stdout + second.stderr
    assert (project / "scrubkit-baseline.json").read_bytes() == baseline
    assert "checks missed" in (project / "summary.md").read_text()


@pytest.mark.parametrize("code", [0, 1, 2])
def test_the_step_ends_as_the_command_and_tells_only_of_this_run(project, code):
    stub(project, "scrubkit", code)
    (project / "scrubkit.md").write_text("an earlier run\n")
    assert run_step(project, "Validate", methods="own:Same").returncode == code
    summary = project / "summary.md"
    assert (summary.read_text() if summary.exists() else "") == ("" if code == 2 else "told\n")


def test_a_baseline_is_written_once_and_compared_with_from_then_on(project):
    log = stub(project, "scrubkit")
    run_step(project, "Validate", methods="own:Same other:Method", arguments="--min-auroc 0.9")
    words = log.read_text().split("\n")
    assert words[:5] == ["validate", "own:Same", "other:Method", "--suite", "fast"]
    assert words[words.index("--baseline") + 1] == "scrubkit-baseline.json"
    assert "--update-baseline" in words and words[-3:-1] == ["--min-auroc", "0.9"]
    (project / "scrubkit-baseline.json").write_text("{}")
    stub(project, "scrubkit")
    run_step(project, "Validate", methods="own:Same")
    assert "--update-baseline" not in log.read_text() and "--baseline" in log.read_text()


@pytest.mark.parametrize(
    ("given", "installed"), [({}, "the action"), ({"scrubkit": "scrubkit-interp"}, "scrubkit-interp")]
)
def test_scrubkit_is_installed_before_the_package(project, given, installed):
    log = stub(project, "python")
    assert run_step(project, "Install", package="./my package", **given).returncode == 0
    pip = ["-m", "pip", "install"]
    assert log.read_text().splitlines() == [*pip, installed, *pip, "./my package"]


def test_every_input_is_described_and_used():
    text = (ROOT / "action.yml").read_text()
    for name, spec in ACTION["inputs"].items():
        assert spec["description"]
        assert re.search(rf"inputs\.{name}\b", text)
