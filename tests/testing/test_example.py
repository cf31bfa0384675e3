"""The example package with the wheel of scrubkit in a fresh environment, by the commands of its own workflow.

The environment takes torch, the build backend and all else but scrubkit from the running one, by links, so
that nothing large is installed twice and nothing is fetched; scrubkit itself can only come from the wheel.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
import yaml

from scrubkit.bench import manifest
from scrubkit.bench.suites import load_suite
from scrubkit.harness.report import Report

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "ci"
# pip reads the second as the value of build isolation: 0 turns isolation off.
NO_NETWORK = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


BASES = ("deciding-p13-6-", "pizza-roles-p11-", "roles-p11-")
"""Enough of the suite ``fast`` to see that a method behaves, is right, and is charged with what it misses."""


def commands():
    workflow = yaml.safe_load((EXAMPLE / ".github" / "workflows" / "method.yml").read_text())
    return {step["name"]: step["run"] for step in workflow["jobs"]["judge"]["steps"] if "run" in step}


def fresh_environment(folder):
    """Make an environment that shares the packages of the running one, except scrubkit."""
    venv.create(folder / "env", with_pip=False)
    links = folder / "links"
    links.mkdir()
    for path in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if path.suffix != ".pth" and "scrubkit" not in path.name and path.name != "__pycache__":
            (links / path.name).symlink_to(path)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (folder / "env" / "lib" / version / "site-packages" / "shared.pth").write_text(f"{links}\n")
    return folder / "env" / "bin"


def run_in(folder, command, environment):
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1500,
    )
    output = f"$ {command}\n{result.stdout[-6000:]}{result.stderr[-6000:]}"
    assert result.returncode == 0, output
    return output


def test_the_workflow_installs_tests_and_validates():
    steps = commands()
    assert list(steps) == ["Install", "Test", "Validate"]
    assert "--scrubkit-report=report.json" in steps["Test"]
    assert "fidelity_method:ByFidelity" in steps["Validate"]


def write_few(package):
    """Ask about a few cases, in the tests and in the shell, and return the words that do so."""
    suite = load_suite("fast")
    cases = tuple(case for case in suite.cases if case.id.startswith(BASES))
    manifest.write(suite.model_copy(update={"cases": cases}), package / "few.json.gz")
    test = package / "tests" / "test_method.py"
    assert test.read_text().count('suite="fast"') == 1
    test.write_text(test.read_text().replace('suite="fast"', 'suite="few.json.gz"'))
    return "--suite few.json.gz"


@pytest.mark.parametrize("every_case", [False, pytest.param(True, marks=pytest.mark.benchmark)])
def test_the_example_runs_with_the_built_wheel_as_its_workflow_says(tmp_path, every_case):
    built = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path / "dist", ROOT]
    subprocess.run(built, check=True, timeout=600, env={**os.environ, **NO_NETWORK})
    (wheel,) = (tmp_path / "dist").glob("scrubkit_interp-*.whl")
    package = tmp_path / "package"
    shutil.copytree(EXAMPLE, package)
    suite = "--suite fast" if every_case else write_few(package)
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "PYTHON"))},
        **NO_NETWORK,
        "PATH": f"{fresh_environment(tmp_path)}{os.pathsep}{os.environ['PATH']}",
        "SCRUBKIT": str(wheel),
        "SCRUBKIT_CACHE": str(tmp_path / "cache"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "OMP_NUM_THREADS": "1",
        "PYTEST_XDIST_AUTO_NUM_WORKERS": "1",
    }
    for name, command in commands().items():
        output = run_in(package, command.replace("--suite fast", suite), environment)
        if name == "Install":
            where = run_in(package, "python -c 'import scrubkit; print(scrubkit.__file__)'", environment)
            assert str(tmp_path / "env") in where
        if name == "Test":
            assert "by-fidelity: " in output and " xfailed" in output
    report = Report.model_validate_json((package / "report.json").read_text())
    assert report["by-fidelity"].auroc.value is not None
    assert "by" in (tmp_path / "summary.md").read_text()
    assert (package / "junit.xml").read_text().startswith("<?xml")
