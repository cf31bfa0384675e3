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
METHOD = """
import scrubkit

class Same:
    name = "same"

    def score(self, model, hypothesis, *, task, generator, budget):
        return scrubkit.Answer({score}, verdict="{verdict}")
"""


@pytest.fixture
def project(tmp_path):
    fast = load_suite("fast")
    kinds = {case.label.label: case for case in fast.cases if "p13" in case.id or "p59" in case.id}
    cases = tuple(case for label, case in kinds.items() if label in ("true", "false"))
    manifest.write(fast.model_copy(update={"cases": cases}), tmp_path / "few.json")
    return tmp_path


def run_step(project, name, **inputs):
    """Run a step's shell code with the inputs that are given, and defaults for the rest."""
    (step,) = [step for step in ACTION["runs"]["steps"] if step["name"] == name]
    given = {key: str(spec.get("default", "")) for key, spec in ACTION["inputs"].items()} | inputs
    env = {k: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda m: given[m[1]], v) for k, v in step["env"].items()}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    summary = {"GITHUB_STEP_SUMMARY": str(project / "summary.md"), "PYTHONPATH": str(ROOT), "PATH": path}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=project,
        env={**os.environ, **env, **summary},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_validating_writes_the_summary_and_a_baseline_and_fails_with_the_method(project):
    options = {"methods": "own:Same", "suite": "few.json", "arguments": "--no-store --max-faults 0"}
    (project / "own.py").write_text(METHOD.format(score=1.0, verdict="supported"))
    first = run_step(project, "Validate", **options)
    assert first.returncode == 0, first.stdout + first.stderr
    assert (project / "scrubkit-baseline.json").exists() and (project / "scrubkit.json").exists()
    assert "same" in (project / "summary.md").read_text()
    kept = (project / "scrubkit-baseline.json").read_bytes()
    (project / "own.py").write_text("raise SystemExit(3)")
    assert run_step(project, "Validate", **options).returncode not in (0, None)
    assert (project / "scrubkit-baseline.json").read_bytes() == kept
    missed = {**options, "arguments": "--no-store --max-false-accept 0"}
    (project / "own.py").write_text(METHOD.format(score=1.0, verdict="supported"))
    assert run_step(project, "Validate", **missed).returncode == 1
    assert (project / "summary.md").read_text().count("## scrubkit") == 2


def test_every_input_is_described_and_used():
    text = (ROOT / "action.yml").read_text()
    for name, spec in ACTION["inputs"].items():
        assert spec["description"]
        assert f"inputs.{name} " in text
