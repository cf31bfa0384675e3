"""The identity of a method: whatever its answers rest on, and nothing else."""

import importlib
import sys

import pytest

from scrubkit.harness import identity
from scrubkit.harness.identity import _imports, code_hash, identify

METHOD = """
from helper import K

class Edit:
    name = "edit"

    def __init__(self, power=1):
        self.power = power

    def score(self, model, hypothesis, *, task, generator, budget):
        return K
"""


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """Return a function that imports the method anew, as another process would."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "edit.py").write_text(METHOD)
    (tmp_path / "helper.py").write_text("from deeper import K\n")
    (tmp_path / "deeper.py").write_text("K = .7\n")
    (tmp_path / "other.py").write_text("K = .7\n")

    def load(**options):
        for name in ("edit", "helper", "deeper"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        code_hash.cache_clear()
        return identify(importlib.import_module("edit").Edit(**options))

    yield load
    for name in ("edit", "helper", "deeper"):
        sys.modules.pop(name, None)
    code_hash.cache_clear()


def test_an_unchanged_method_is_the_same(fresh):
    assert fresh() == fresh()


@pytest.mark.parametrize("file", ["edit.py", "helper.py", "deeper.py"])
def test_a_change_of_anything_it_imports_is_another_method(fresh, tmp_path, file):
    before = fresh()
    path = tmp_path / file
    path.write_text(path.read_text() + "\n# changed\n")
    assert fresh().config != before.config


def test_a_file_that_it_does_not_import_does_not_matter(fresh, tmp_path):
    before = fresh()
    (tmp_path / "other.py").write_text("K = .1\n")
    assert fresh() == before


def test_settings_matter(fresh):
    assert fresh(power=2).config != fresh(power=1).config


def test_installed_packages_count_by_version_alone(fresh, tmp_path):
    before = fresh()
    (tmp_path / "helper.py").write_text("import numpy, os, torch\nfrom deeper import K\n")
    changed = fresh()
    assert changed.config != before.config
    (tmp_path / "helper.py").write_text("from deeper import K\n")
    assert fresh() == before


def test_what_is_imported_only_at_need_is_read_and_not_run(fresh, tmp_path):
    (tmp_path / "rare").mkdir()
    (tmp_path / "rare" / "__init__.py").write_text("raise RuntimeError('imported')")
    helper = tmp_path / "helper.py"
    helper.write_text("from deeper import K\n\ndef at_need():\n    from rare.part import x\n")
    before = fresh()
    assert "rare" not in sys.modules
    (tmp_path / "rare" / "part.py").write_text("x = 1\n")
    assert fresh().config != before.config


@pytest.mark.parametrize(
    "text",
    [
        "if X:\n    pass\nelse:\n    IT",
        "try:\n    IT\nexcept OSError:\n    pass",
        "try:\n    pass\nexcept OSError:\n    IT",
        "try:\n    pass\nfinally:\n    IT",
        "with X:\n    for x in X:\n        IT",
        "class A:\n    async def f(self):\n        while X:\n            IT",
        "match X:\n    case 1:\n        IT",
    ],
)
def test_an_import_is_seen_in_whatever_block_it_stands(text):
    for line, name in (("import deep.er, other", "deep"), ("from deep.er import x", "deep")):
        assert name in _imports(text.replace("IT", line).encode())
    assert not _imports(text.replace("IT", "from . import x").encode())


def test_a_file_that_several_methods_share_is_parsed_once(monkeypatch):
    code_hash.cache_clear()
    _imports.cache_clear()
    parsed, parse = [], identity.ast.parse
    monkeypatch.setattr(identity.ast, "parse", lambda source: parsed.append(source) or parse(source))
    for module in ("scrubkit.methods.causal_scrubbing", "scrubkit.methods.path_patching"):
        code_hash(module)
    assert len(parsed) == len(set(parsed)) > 100
