"""Loading by name, from a folder, from a hub and from another project's file."""

import sys
import types
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from scrubkit.cli.app import app
from scrubkit.errors import ModelError
from scrubkit.families.modular.catalogue import CATALOGUE
from scrubkit.families.modular.family import FAMILY, compiled_key
from scrubkit.models import load as loading
from scrubkit.models.load import bundled_names, cache_folder, load, load_made
from scrubkit.models.model import Model
from scrubkit.models.store import RECORD, WEIGHTS, read, save
from scrubkit.models.task_file import TASK
from tests.models.test_store import tiny
from tests.modular.published import in_nandas_format


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("SCRUBKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("name", bundled_names())
def test_a_bundled_model_loads_by_name(name):
    model = load(name)
    assert model.name == name
    assert model.certificate is not None and model.certificate.certified
    assert (model.logits().argmax(-1) == model.labels).all()


def test_the_package_holds_the_main_model_and_stays_small():
    assert "modadd-p113" in bundled_names()
    size = sum(path.stat().st_size for path in loading.BUNDLED.rglob("*") if path.is_file())
    assert size < 5_000_000


@pytest.mark.parametrize("name", [name for name in CATALOGUE if name.endswith("p59")])
def test_a_compiled_model_is_made_once_and_then_read(name, own_cache, monkeypatch):
    first = load(name)
    (folder,) = (own_cache / "compiled").iterdir()
    assert folder.name.startswith(name)
    monkeypatch.setattr("scrubkit.families.modular.compile.compile_model", never)
    again = load(name)
    assert (again.name, again.weights_hash, again.truth) == (name, first.weights_hash, first.truth)
    assert again.truth is not None and again.truth.frequencies == CATALOGUE[name]["frequencies"]


def never(**options: object) -> Model:
    raise AssertionError("compiled again")


def test_a_damaged_cache_is_made_anew(own_cache):
    model = load("pizza-p59")
    (folder,) = (own_cache / "compiled").iterdir()
    (folder / WEIGHTS).write_bytes(b"")
    assert load("pizza-p59").weights_hash == model.weights_hash
    assert read(folder).weights_hash == model.weights_hash


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("")
    assert load_made("pizza-p59", FAMILY.models["pizza-p59"], cache_dir=tmp_path / "file").name == "pizza-p59"


def test_another_request_has_another_place_in_the_cache(monkeypatch):
    before = compiled_key("pizza-p59")
    monkeypatch.setitem(CATALOGUE, "pizza-p59", {**CATALOGUE["pizza-p59"], "seed": 1})
    assert compiled_key("pizza-p59") != before


def test_the_cache_is_where_it_is_asked_to_be(own_cache, tmp_path, monkeypatch):
    assert cache_folder(tmp_path / "mine") == tmp_path / "mine"
    assert cache_folder() == own_cache
    monkeypatch.delenv("SCRUBKIT_CACHE")
    assert cache_folder().name == "scrubkit"


def test_a_folder_loads_as_text_and_as_a_path(tmp_path):
    folder = save(tiny(), tmp_path / "model")
    assert load(str(folder)).weights_hash == load(folder).weights_hash == tiny().weights_hash


def test_another_projects_file_loads_where_it_says_all_that_is_needed(tmp_path):
    state = in_nandas_format(load("modadd-p59"))
    torch.save({"model": state, "config": {"act_fn": "relu"}}, tmp_path / "run.pth")
    model = load(tmp_path / "run.pth")
    assert (model.name, model.provenance.kind) == ("run", "imported")
    torch.save(state, tmp_path / "bare.pth")
    with pytest.raises(ModelError, match="scrubkit import .*bare.pth --activation relu --out FOLDER"):
        load(tmp_path / "bare.pth")


def test_an_unknown_name_lists_the_names_and_the_nearest():
    with pytest.raises(
        ModelError, match=r'no model \'pizza-p95\' \(did you mean "pizza-p59"\?\).*scrubkit models lists them'
    ):
        load("pizza-p95")


@pytest.fixture
def hub(tmp_path, monkeypatch) -> dict[str, object]:
    """A hub client whose cache has the shape of the real one: files in blobs/, links in snapshots/."""
    repository = tmp_path / "models--someone--grokked"
    source = save(tiny(), tmp_path / "source")
    snapshot = repository / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    for name in (WEIGHTS, RECORD):
        (source / name).rename(repository / "blobs" / name)
        (snapshot / name).symlink_to(Path("../../blobs") / name)
    asked: dict[str, object] = {}

    def snapshot_download(repo_id: str, **options: object) -> str:
        asked.update(options, repo_id=repo_id)
        return str(snapshot)

    client = types.SimpleNamespace(snapshot_download=snapshot_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", client)
    return asked


def test_a_model_on_the_hub_loads_and_only_its_two_files_are_fetched(hub, tmp_path):
    assert load("hf://someone/grokked").weights_hash == tiny().weights_hash
    assert hub == {
        "repo_id": "someone/grokked",
        "revision": None,
        "allow_patterns": [RECORD, WEIGHTS, TASK],
        "cache_dir": None,
    }
    load("hf://someone/grokked@v1.0", cache_dir=tmp_path)
    assert (hub["revision"], hub["cache_dir"]) == ("v1.0", tmp_path / "hub")


def test_a_link_out_of_the_hubs_repository_is_not_followed(hub, tmp_path):
    blobs = tmp_path / "models--someone--grokked" / "blobs"
    (blobs / WEIGHTS).rename(tmp_path / "elsewhere")
    (blobs / WEIGHTS).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match="leads out"):
        load("hf://someone/grokked")


@pytest.mark.parametrize(
    "address", ["hf://", "hf://name", "hf://a/b/c", "hf://a/b@", "hf://../../x", "hf://a/ b"]
)
def test_an_address_that_is_none_is_refused(hub, address):
    with pytest.raises(ModelError, match="write hf://owner/name"):
        load(address)
    assert hub == {}


def test_a_missing_extra_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ModelError, match=r"pip install 'scrubkit-interp\[hub\]'"):
        load("hf://someone/grokked")


def test_a_download_that_fails_is_one_clear_error(monkeypatch):
    def fail(repo_id: str, **options: object) -> str:
        raise ConnectionError("offline\nand a long story")

    client = types.SimpleNamespace(snapshot_download=fail)
    monkeypatch.setitem(sys.modules, "huggingface_hub", client)
    with pytest.raises(ModelError, match="hf://someone/grokked: could not be downloaded: offline$"):
        load("hf://someone/grokked")


def test_the_names_are_listed():
    result = CliRunner().invoke(app, ["models"], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    for name in (*bundled_names(), *CATALOGUE):
        assert name in result.output


def test_the_list_can_be_read_at_80_columns():
    result = CliRunner().invoke(app, ["models"], env={"COLUMNS": "80"})
    lines = result.output.splitlines()
    assert max(map(len, lines)) <= 80 and len(lines) < 150
    assert "max3-rotated" not in result.output and "-rotated -superposed -ln" in result.output
    assert any(line.startswith("│ s3-permutations") for line in lines)
