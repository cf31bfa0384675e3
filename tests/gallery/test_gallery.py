"""The gallery: every story fails as its page says, reads in a minute, and shows what it printed."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
FOLDER, PAGES = ROOT / "examples" / "gallery", ROOT / "docs" / "gallery"
STORIES = sorted(p.stem for p in FOLDER.glob("*.py") if p.stem not in ("__main__", "exhibit", "tools"))
ALLOWED = {"scrubkit", "networkx", "torch", "numpy", "plotly", "exhibit", "tools", "itertools"}


@cache
def told(name: str) -> Any:
    """Run a story once for all tests."""
    if str(FOLDER) not in sys.path:
        sys.path.insert(0, str(FOLDER))
    return importlib.import_module(name).exhibit()


def figures(name: str) -> dict[str, float]:
    return dict(told(name).figures)


def test_there_are_twelve_stories() -> None:
    assert len(STORIES) == 12


def test_cancellation_recovers_the_loss_and_not_the_answers() -> None:
    found = figures("cancellation")
    assert found["loss recovered, only a"] == pytest.approx(1, abs=0.05)
    assert found["answers as the network's, only a"] == pytest.approx(5 / 8, abs=0.02)
    assert found["loss recovered, anything at all"] == pytest.approx(1)
    assert found["answers as the network's, a and the noise"] == 1


def test_each_of_three_methods_accepts_what_the_others_reject() -> None:
    found = figures("three_judges")
    claims = ["all but the noise", "both of a pair are constant", "the sign is all"]
    methods = ["causal scrubbing", "interchange accuracy", "local consistency"]
    accepted = [[found[f"{c}: {m}"] > 0.95 for m in methods] for c in claims]
    assert accepted == [[True, False, False], [False, True, False], [False, False, True]]


def test_the_illusion_moves_every_answer_and_its_halves_none() -> None:
    moved = {k.removeprefix("moved, "): v for k, v in figures("subspace_illusion").items()}
    assert moved == {"v": 1, "copies": 0, "switch": 0, "illusion": 1}


def test_a_nonlinear_map_finds_the_variable_in_random_weights() -> None:
    found = figures("nonlinear_maps")
    assert found["right answers of random weights"] < 0.4
    assert found["inputs never seen, the network, a rotation"] > 0.97
    assert found["inputs of the fit, random weights, a rotation"] < 0.4
    assert found["inputs of the fit, random weights, a non-linear map"] > 0.93
    assert found["inputs never seen, random weights, a non-linear map"] > 0.8


def test_untrained_networks_have_probes_and_circuits() -> None:
    found = figures("dead_salmons")
    random = [v for k, v in found.items() if "random weights" in k]
    assert len(random) == 18
    assert min(v for k, v in found.items() if k.startswith("probe")) > 0.9
    sizes = {k: v for k, v in found.items() if k.startswith("share of parts")}
    real = sizes.pop("share of parts in a circuit, the network")
    assert sum(size < real for size in sizes.values()) >= 4


def test_several_bits_fit_one_network() -> None:
    found = figures("several_algorithms")
    assert {k for k, v in found.items() if v} == {
        "sets, x0 and not x1",
        "sets, x1 and not x0",
        "sets, x0 != x1",
        "circuits",
    }
    assert min(v for v in found.values() if v) > 3


@pytest.mark.parametrize("half", ["10 and 14", "19 and 22"])
def test_each_half_of_a_network_does_the_whole_task(half: str) -> None:
    found = figures("disjoint_circuits")
    assert found[f"accuracy, clusters {half}, the rest at its mean"] == 1
    assert found[f"loss, clusters {half}, the rest at its mean"] < 0.05
    assert found[f"accuracy, clusters {half}, the rest resampled"] < 0.3


def test_a_probe_reads_what_the_answer_does_not() -> None:
    assert figures("represented") == {
        "probe accuracy, written down": 1,
        "answers that follow it, written down": 0,
        "probe accuracy, divided first": 1,
        "answers that follow it, divided first": 1,
    }


def test_the_choice_of_ablation_decides_and_changes_the_order() -> None:
    found = figures("ablation_choice")
    assert found["accuracy, clusters 21 and 22, mean"] > 0.9
    assert found["accuracy, clusters 21 and 22, zero"] < 0.6
    assert found["accuracy, clusters 21 and 22, resample"] < 0.4
    one, other = "clusters 13 and 18", "clusters 18 and 21"
    assert found[f"accuracy, {one}, zero"] < found[f"accuracy, {other}, zero"]
    assert found[f"accuracy, {one}, mean"] > found[f"accuracy, {other}, mean"]


def test_attribution_is_zero_where_patching_is_not() -> None:
    found = figures("attribution")
    for part in ("third name", "1st head", "2nd head", "x in x - min(x, 1), from 0 to 3"):
        assert found[f"patched, {part}"] >= 2
        assert found[f"attributed, {part}"] == pytest.approx(0, abs=1e-6)
    assert found["attributed, 3rd head"] == pytest.approx(found["patched, 3rd head"])


def test_a_simplification_holds_on_the_training_inputs_alone() -> None:
    found = figures("training_inputs")
    assert found["answers kept, 12 directions, nothing is carried"] == 1
    assert found["answers kept, 12 directions, there is a carry"] == 0
    assert found["fidelity, no carry, asked where there is none"] == pytest.approx(1, abs=1e-4)
    assert found["fidelity, no carry, of all"] < 0.8


def test_loss_recovered_depends_on_the_inputs_as_much_as_on_the_claim() -> None:
    found = figures("brackets")
    assert found["loss recovered, everywhere"] == pytest.approx(1)
    assert found["loss recovered, but at place 5"] == pytest.approx(0.729, abs=1e-3)
    assert found["the same, half of the inputs balanced, but at place 5"] == pytest.approx(0.917, abs=1e-3)
    assert found["the same, half of the inputs balanced, nowhere"] > 0.4


@pytest.mark.parametrize("name", STORIES)
def test_a_story_is_short_and_uses_public_names_alone(name: str) -> None:
    text = (FOLDER / f"{name}.py").read_text()
    assert len(text.splitlines()) <= 40
    for node in ast.walk(ast.parse(text)):
        modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert all(module in ALLOWED for module in modules), modules


@pytest.mark.parametrize("name", STORIES)
def test_a_figure_is_small_and_drawn(name: str) -> None:
    drawing = told(name).drawing
    assert len(drawing) < 100_000
    shapes = [e.tag.rpartition("}")[2] for e in ElementTree.fromstring(drawing).iter()]
    assert shapes.count("rect") > 2 or "polyline" in shapes


@pytest.mark.parametrize("name", STORIES)
def test_a_page_shows_what_its_script_says(name: str) -> None:
    page = (PAGES / f"{name}.md").read_text()
    assert f"({name}.svg)" in page and (PAGES / f"{name}.svg").is_file()
    shown = re.search(rf"python examples/gallery/{name}\.py\n```\n\n```text\n(.*?)```", page, re.DOTALL)
    assert shown is not None
    lines = dict(re.split(r"\s{2,}", line) for line in shown[1].splitlines())
    assert lines.keys() == figures(name).keys()
    for key, value in figures(name).items():
        assert float(lines[key].replace(",", "")) == pytest.approx(value, rel=0.02, abs=0.03), key


def test_the_overview_links_every_story() -> None:
    text = (PAGES / "index.md").read_text()
    assert all(f"({name}.md)" in text for name in STORIES)


def test_a_script_runs_from_the_command_line(tmp_path: Path) -> None:
    out = tmp_path / "figure.svg"
    command = [sys.executable, str(FOLDER / "training_inputs.py"), "--out", str(out)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert result.returncode == 0, result.stderr[-2000:]
    assert "answers kept" in result.stdout
    assert out.read_text().startswith("<svg")
