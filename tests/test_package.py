"""The package as users meet it: imports stay light, public names resolve, pins and schemas are current."""

import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import scrubkit
from scrubkit.cli.schemas import PUBLISHED, RECORDS, schema_text
from scrubkit.models.load import load
from scrubkit.models.store import describe, to_json

ROOT = Path(__file__).parent.parent
HEAVY = {"torch", "transformer_lens", "transformers", "scipy", "sklearn", "pandas"}
HELP = """
import contextlib, io, json, sys
from scrubkit.cli.app import app, main
asked = [["--help"], ["--version"], *([c.name, "--help"] for c in app.registered_commands if c.name)]
for words in asked:
    sys.argv = ["scrubkit", *words]
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
        main()
    print(json.dumps([words, len(said.getvalue()), sorted(sys.modules)]))
"""
"""Asks one command after another in one interpreter: what the first loads, the others have loaded too."""


def imported_by(*arguments: str) -> set[str]:
    """Return the top-level packages that a fresh interpreter imports."""
    result = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    lines = [line for line in result.stderr.splitlines() if line.startswith("import time:")]
    return {line.rsplit("|", 1)[1].strip().split(".")[0] for line in lines}


def test_help_loads_nothing_heavy():
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    asked = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(asked) > 10
    for words, length, loaded in asked:
        assert length and "typer" in loaded, words
        assert not HEAVY & set(loaded), words


def test_importing_the_package_loads_nothing_heavy():
    found = imported_by("-c", "import scrubkit; dir(scrubkit); scrubkit.ScrubkitError")
    assert "scrubkit" in found
    assert not found & HEAVY


def test_importing_a_model_does_load_torch():
    assert "torch" in imported_by("-c", "import scrubkit; scrubkit.Model")


@pytest.mark.parametrize("name", scrubkit.__all__)
def test_public_names_resolve(name):
    assert getattr(scrubkit, name) is not None
    assert name in dir(scrubkit)


def test_other_names_do_not():
    with pytest.raises(AttributeError, match="has no attribute 'lode'"):
        getattr(scrubkit, "lode")  # noqa: B009


def test_the_version_is_that_of_the_distribution_and_of_the_changelog():
    assert importlib.metadata.version("scrubkit-interp") == scrubkit.__version__
    assert f"## {scrubkit.__version__}" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("name", RECORDS)
def test_the_published_schemas_are_current(name):
    assert (PUBLISHED / f"{name}.schema.json").read_text() == schema_text(name), "run `make schemas`"


def test_a_stored_model_follows_the_published_schema():
    schema = json.loads((PUBLISHED / "model.schema.json").read_text())
    document = json.loads(to_json(describe(load("pizza-p59"))))
    jsonschema.validate(document, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "extra": 1}, schema)


APART = ("inspect",)
"""Extras whose dependencies contradict the pins: inspect-ai needs an fsspec that datasets does not have."""


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    found = [
        re.fullmatch(r"([\w.-]+)==([\w.]+)", line) for line in lines if line and not line.startswith("#")
    ]
    assert all(found), "constraints.txt holds exact versions only"
    return {match[1]: match[2] for match in found if match}


def requirements() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    optional = [text for extra, texts in extras.items() if extra not in APART for text in texts]
    return [Requirement(text) for text in [*project["dependencies"], *optional]]


@pytest.mark.parametrize("requirement", requirements(), ids=lambda r: r.name)
def test_every_dependency_is_pinned_to_a_version_that_it_allows(requirement):
    assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)])


def test_the_pins_choose_torch_and_leave_its_accelerator_packages_to_it():
    assert pins()["torch"] == "2.13.0"
    assert not [name for name in pins() if name.startswith(("nvidia", "cuda", "triton"))]


def test_continuous_integration_runs_the_command_of_the_readme():
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == "make test"
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    assert "make test" in (ROOT / "README.md").read_text()
