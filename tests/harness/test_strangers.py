"""A method that is named by its module is imported in a worker: what it does then, it does to that worker."""

import os
import sys
import time

import pytest

from scrubkit.errors import BenchError
from scrubkit.harness.entrants import find_one
from scrubkit.harness.identity import Identity, code_hash
from scrubkit.harness.run import validate
from scrubkit.harness.stranger import identity
from scrubkit.harness.worker import link
from scrubkit.methods.protocol import Budget
from scrubkit.testing import check_method, load_case
from tests.harness.toys import tiny_suite
from tests.harness.villains import Villain

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked")

METHOD = """
from tests.harness.toys import Oracle

class Mine(Oracle):
    name = "mine"
"""
EXITS = """
    def judge(self, model, hypothesis, generator):
        os._exit(1)
"""
SECOND_TIME = """
import os
counter = os.path.join(os.path.dirname(__file__), "count")
with open(counter, "a") as file:
    file.write("x")
if os.path.getsize(counter) > 2:
    DEED
"""
DEEDS = {
    "ends its process": ("import os; os._exit(0)", "it ended its process with code 0"),
    "crashes": ("import ctypes; ctypes.string_at(0)", "killed by SIGSEGV"),
    "hangs": ("import time; time.sleep(600)", "not loaded within 1 s"),
    "sys.exit": ("import sys; sys.exit(0)", "SystemExit: 0"),
    "raises": ("raise RuntimeError('no')", "cannot import 'stranger'"),
}


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Return a function that writes the module ``stranger``."""
    monkeypatch.syspath_prepend(tmp_path)
    code_hash.cache_clear()
    yield lambda text: (tmp_path / "stranger.py").write_text(text)
    assert "stranger" not in sys.modules, "it was imported where the run is"


@pytest.fixture(scope="module")
def one_model():
    return tiny_suite(models=("pizza-p11",))


@pytest.mark.parametrize("deed", DEEDS)
def test_what_a_module_does_when_it_is_imported_ends_no_run(module, one_model, deed, monkeypatch):
    text, words = DEEDS[deed]
    if deed == "hangs":
        monkeypatch.setattr(link, "LOAD_SECONDS", 1.0)
    module(text)
    with pytest.raises(BenchError, match=words):
        validate("stranger:Mine", one_model)


def test_a_module_is_not_imported_where_the_run_is(module, one_model):
    module(METHOD)
    report = validate("stranger:Mine", one_model)["mine"]
    assert report.auroc.value == 1 and not report.faults.count


@pytest.mark.parametrize("deed", ["ends its process", "raises"])
def test_a_method_that_cannot_be_loaded_again_is_charged_and_the_run_goes_on(module, one_model, deed):
    module(SECOND_TIME.replace("DEED", DEEDS[deed][0]) + METHOD + EXITS)
    report = validate(["stranger:Mine", "tests.harness.toys:Oracle"], one_model)
    assert report["mine"].fault_kinds == {"crashed": len(one_model.cases)}
    assert report["oracle"].auroc.value == 1


def test_a_module_cannot_pass_for_another_method(module):
    known = identity(find_one("tests.harness.toys:Oracle"))
    claimed = (known.name, known.version, known.config)
    module(
        METHOD + "from scrubkit.harness import stranger\n"
        f"stranger.identify = lambda method: stranger.Identity(*{claimed})\n"
    )
    forged = identity(find_one("stranger:Mine"))
    assert (forged.name, forged.version) == (known.name, known.version)
    assert forged.config != known.config


def test_an_unchanged_module_is_the_same_method(module, tmp_path):
    module(METHOD)
    first = identity(find_one("stranger:Mine"))
    assert isinstance(first, Identity) and first == identity(find_one("stranger:Mine"))
    module(METHOD + "\n# changed\n")
    code_hash.cache_clear()
    assert identity(find_one("stranger:Mine")) != first


def test_a_worker_that_is_gone_is_noticed_though_its_children_hold_the_channel(one_model):
    began = time.monotonic()
    report = validate(Villain("lingering children"), one_model, budget=Budget(seconds=60))["villain"]
    assert report.fault_kinds == {"crashed": 1}
    assert time.monotonic() - began < 30


def test_checks_and_cases_import_a_module_in_a_worker_too(module):
    module("import os; os._exit(0)")
    with pytest.raises(BenchError, match="it ended its process with code 0"):
        check_method("stranger:Mine")
    with pytest.raises(BenchError, match="it ended its process with code 0"):
        load_case("pizza-p13-none-1", suite="fast-1").check("stranger:Mine")
