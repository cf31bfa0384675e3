"""Families: found by name, built in or installed by others, and loaded only when asked for."""

import importlib.metadata
import sys
from pathlib import Path

import pytest

from scrubkit import registry
from scrubkit.errors import ScrubkitError
from scrubkit.models.family import Family
from scrubkit.models.load import load, made_names

PACKAGE = """
from scrubkit.core.task import Task
from scrubkit.models.family import Family, NamedModel
from scrubkit.models.load import load
from scrubkit.models.record import Truth


class OrTask(Task):
    family = "{name}"

    def __init__(self, flipped=False):
        super().__init__("or", tokens=[[0, 0], [0, 1], [1, 0], [1, 1]], labels=[0, 1, 1, 1])
        self.flipped = flipped


class OrTruth(Truth):
    family: str = "{name}"
    gate: str


class OrFamily(Family):
    name = "{name}"
    tasks = ("or",)
    truth_type = OrTruth

    def task(self, name, options):
        return OrTask(**options)

    def task_options(self, task):
        return {{"flipped": task.flipped}}

    def faults(self, config, task, truth, certificate):
        return ["a gate of that kind is not flipped"] if task.flipped and truth else []


FAMILY = OrFamily()
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package of a family, as a package manager leaves it."""

    def install(name: str, module: str = "or_family", where: str | None = None) -> None:
        site = tmp_path / f"site-{module}"
        info = site / f"{module}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        entry = f"[scrubkit.families]\n{name} = {where or module + ':FAMILY'}\n"
        (info / "entry_points.txt").write_text(entry)
        (site / f"{module}.py").write_text(PACKAGE.format(name=name))
        monkeypatch.syspath_prepend(str(site))

    yield install
    for module in ("or_family", "or_again"):
        sys.modules.pop(module, None)
    registry._load.cache_clear()


def test_the_built_in_families_are_there():
    assert registry.families()["modular"] == "scrubkit.families.modular.family:FAMILY"
    assert isinstance(registry.family("modular"), Family)
    assert "modular_addition" in registry.family("modular").tasks


def test_every_named_model_is_of_some_family():
    assert "pizza-p59" in made_names()


def test_an_unknown_family_lists_those_there_are():
    with pytest.raises(ScrubkitError, match="no family 'modulr' .did you mean"):
        registry.family("modulr")


def test_a_family_that_others_install_is_found(installed):
    installed("or")
    assert registry.family("or").tasks == ("or",)


def test_a_model_of_an_installed_family_is_stored_and_read(installed, tmp_path):
    installed("or")
    import or_family

    from scrubkit.models.store import save
    from tests.models.test_generic import deep

    task = or_family.OrTask()
    truth = or_family.OrTruth(source="construction", variant="sum", gate="or")
    model = deep().with_(task=task, truth=truth, certificate=None)
    found = load(save(model, tmp_path / "m"))
    assert (found.task, found.truth) == (task, truth)
    assert type(found.truth) is or_family.OrTruth
    assert not (tmp_path / "m" / "task.safetensors").exists()
    flipped = save(model.with_(task=or_family.OrTask(flipped=True)), tmp_path / "flipped")
    with pytest.raises(ScrubkitError, match="a gate of that kind is not flipped"):
        load(flipped)


def test_two_families_of_one_name_are_an_error(installed):
    installed("or")
    installed("or", "or_again")
    with pytest.raises(ScrubkitError, match="two families are called 'or'"):
        registry.families()


@pytest.mark.parametrize("where", ["or_family:NOTHING", "no_such_module:FAMILY"])
def test_a_family_that_cannot_be_loaded_is_one_clear_error(installed, where):
    installed("or", where=where)
    with pytest.raises(ScrubkitError, match="family 'or': cannot be loaded from"):
        registry.family("or")


def test_what_is_no_family_is_refused(installed):
    installed("or", where="or_family:OrTask")
    with pytest.raises(ScrubkitError, match="is not a family of that name"):
        registry.family("or")


def test_asking_for_the_names_loads_no_family():
    import subprocess

    code = "import sys; from scrubkit import registry; registry.families(); print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert result.stdout.strip() == "False", result.stderr[-500:]
    assert Path(registry.__file__).name == "registry.py"


def test_installed_packages_are_looked_through_once(monkeypatch):
    looks = []
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: looks.append(1) or [])
    monkeypatch.syspath_prepend("/nowhere/at/all")
    assert registry.families() == registry.families()
    assert len(looks) == 1
