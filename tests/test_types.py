"""Type checkers see the public names, and what README and site show passes one."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import scrubkit
from tests.docs.pages import blocks

ROOT = Path(__file__).parent.parent
NOT_HERE = ("dask_jobqueue", "--8<--")
"""Packages that are not installed for tests, and files that are checked where they are."""


def snippets() -> dict[str, str]:
    """The Python of the README and of the site by file name; a session without what it prints."""
    found = {}
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        session: list[str] = []
        for i, block in enumerate(blocks(page.read_text())):
            if block.language == "pycon":
                lines = [line[4:] for line in block.body.splitlines() if line.startswith((">>> ", "... "))]
                session += lines
            elif block.language == "python" and not any(word in block.body for word in NOT_HERE):
                found[f"{page.stem.replace('-', '_')}_{i}" if block.title is None else block.title[:-3]] = (
                    block.body
                )
        if session:
            found[f"{page.stem.replace('-', '_')}_session"] = "\n".join(session)
    return found


def test_the_snippets_of_readme_and_site_pass_a_type_checker(tmp_path: Path) -> None:
    pytest.importorskip("basedpyright", reason="basedpyright is not installed: pip install -e .[test]")
    for name, body in snippets().items():
        # What goes on from a snippet before it has no imports of its own.
        start = "" if "import" in body else "import scrubkit.testing\nfrom my_method import MyMethod\n\n"
        (tmp_path / f"{name}.py").write_text(f"{start}{body}\n")
    config = {"typeCheckingMode": "standard", "extraPaths": [str(ROOT)], "reportMissingTypeStubs": False}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run([*command, "-p", str(tmp_path)], capture_output=True, text=True, timeout=300)
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] >= 8
    faults = [
        d
        for d in report["generalDiagnostics"]
        # The stubs of networkx take the names of the first nodes for all that there may be.
        # Inspect is optional.
        if d["severity"] == "error" and not re.search("nodes_for_adding|inspect_ai", d["message"])
    ]
    assert not faults, "\n".join(f"{Path(d['file']).name}: {d['message']}" for d in faults)


def test_every_public_name_is_there_for_type_checkers() -> None:
    """Loaded lazily, a name is an object to a type checker unless it is imported under TYPE_CHECKING."""
    tree = ast.parse(Path(scrubkit.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        (str(line.module), alias.name)
        for line in block.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    }
    assert seen == {(module, name) for name, module in scrubkit._HOME.items()}


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "scrubkit" / "py.typed").exists()
