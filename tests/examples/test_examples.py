"""Every script in `examples/` runs, is short, uses public names, and prints what its text says."""

import ast
import contextlib
import io
import re
import runpy
import sys
from pathlib import Path

import pytest

from tests.trajectories.conftest import make_run

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py"))
ALLOWED = {"scrubkit", "networkx", "numpy", "torch", "pathlib", "sys", "tempfile", "transformer_lens"}
CHECKS = {}


def check(test):
    CHECKS[test.__name__] = test
    return test


def said(name):
    """Run a script; return what each line says, by the name that it begins with."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    lines = [re.split(r"\s{2,}", line) for line in out.getvalue().splitlines()]
    return {
        key: [float(v) if re.fullmatch(r"-?[\d.]+(e-?\d+)?", v) else v for v in rest] for key, *rest in lines
    }


@check
def bridge_only_method(found):
    assert found["max(x0, x1)"] == [1, "supported"]
    kept, verdict = found["min(x0, x1)"]
    assert kept < 0.7 and verdict == "refuted"


@check
def finder(found):
    idle = ["hook_embed[pos=1]", "blocks.0.attn.hook_z[pos=-1, head=1]"]
    assert [found.pop(site) for site in idle] == [[0], [0]]
    assert len(found) == 4 and min(kl for (kl,) in found.values()) > 1


@check
def aligner(found):
    accuracy, verdict, on_random_weights = found["(a + b) % 4"]
    assert accuracy == 1 and verdict == "supported" and on_random_weights < 0.7
    accuracy, verdict, on_random_weights = found["max(a, b)"]
    assert accuracy < 0.9 and verdict == "refuted" and on_random_weights == "not asked"


@check
def own_program(found):
    fidelity, verdict = found.pop("abs(a - b)")
    assert fidelity < 0.3 and verdict == "refuted"
    assert found == {story: [1, "supported"] for story in ("(a, b)", "a + b", "(a + b) // 2")}


@check
def own_task(found):
    assert found["accuracy"] == [1]
    fidelity, kept, verdict = found["max(a, b)"]
    assert 0.5 < fidelity < 1 and kept == 1
    assert found["b"][0] < 0.5 and found["b"][1] < 0.8 and found["b"][2] == "refuted"


@check
def own_checkpoint(found):
    assert found["key frequencies"] == ["4, 12, 22"]
    assert found["sum"] == [pytest.approx(0.982, abs=0.005), "supported"]
    assert found["difference"] == [pytest.approx(0, abs=0.05), "refuted"]


@check
def brackets(found):
    assert found["depth5 and ever_below"] == [1, "supported", 0]
    # Of the 64 strings 20 have as many open as closed; as many are never below zero.
    for alone in ("depth5", "ever_below"):
        fidelity, verdict, strings = found[alone]
        assert fidelity < 0.5 and verdict == "refuted" and strings == 20


@check
def timeline(found):
    guessing, fallen = found["test loss falls"]
    before, circuit = found["0"], found[str(int(fallen))]
    assert guessing < fallen and before[1] > 1 > circuit[1]
    assert before[2] < 0.1 and circuit[2] > 0.7
    assert found["sum is supported"] == ["after"] and found["one_operand is supported"] == ["never"]


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name != "timeline"])
def test_a_script_prints_what_its_text_says(name):
    CHECKS[name](said(name))


def test_the_timeline_of_a_run_prints_what_its_text_says(tmp_path, monkeypatch):
    """Of a smaller run than the one that it trains by itself, which takes half a minute."""
    monkeypatch.setattr(sys, "argv", ["timeline.py", str(make_run(tmp_path / "run", trajectory=6))])
    CHECKS["timeline"](said("timeline"))


@pytest.mark.benchmark
def test_the_timeline_of_a_run_that_it_trains_itself_says_the_same(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["timeline.py"])
    CHECKS["timeline"](said("timeline"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_short_and_uses_public_names_alone(name):
    text = (FOLDER / f"{name}.py").read_text()
    assert len(text.splitlines()) < 40
    for node in ast.walk(ast.parse(text)):
        modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for module in modules:
            assert module.partition(".")[0] in ALLOWED and not module.startswith("scrubkit."), module


def test_the_page_of_examples_names_every_script_and_notebook():
    page = (ROOT / "docs" / "examples.md").read_text()
    files = [*FOLDER.glob("*.py"), *FOLDER.glob("*.ipynb")]
    assert files and all(f"`{path.name}`" in page for path in files)
