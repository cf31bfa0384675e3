"""What a release says of itself."""

import re
import tomllib
from pathlib import Path

import yaml
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager

import scrubkit

ROOT = Path(__file__).parents[2]


def described() -> str:
    """The long description, as an index shows it."""
    core = ProjectMetadata(str(ROOT), PluginManager()).core
    assert core.readme_content_type == "text/markdown"
    return core.readme


def test_the_long_description_has_no_link_that_leads_nowhere():
    text = described()
    assert text.startswith("# scrubkit\n") and "pip install" in text
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert [link for link in links if not link.startswith("https://")] == []
    assert "](docs/" in (ROOT / "README.md").read_text(), "nothing to take out: the test is idle"


def test_the_citation_is_of_this_version():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["version"] == scrubkit.__version__
    assert {"cff-version", "message", "title", "authors", "license"} <= cited.keys()


def test_the_changelog_begins_with_this_version():
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert first and first[1] == scrubkit.__version__


def test_the_classifiers_name_the_pythons_that_are_allowed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [
        c.rsplit(" ", 1)[1]
        for c in project["classifiers"]
        if c.startswith("Programming Language :: Python :: 3.")
    ]
    assert named[0] == project["requires-python"].removeprefix(">=")
