"""The tour of a method in CI, followed to the letter."""

import os
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "docs" / "tours" / "ci.md").read_text()
CASE = "deciding-p13-6-rare-1"
pytest_plugins = ["pytester"]


def blocks(language):
    return re.findall(rf"```{language}(?: title=\S+)?\n(.*?)```", SECTION, flags=re.DOTALL)


def test_the_tour_can_be_followed(pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    method, cases, conduct = blocks("python")
    pytester.makepyfile(my_method=method, test_my_method=f"{cases}\n\n{conduct}")
    options = ("-p", "scrubkit.pytest_plugin", "--scrubkit-report=report.md")
    chosen = f"conduct or ({CASE} and not {CASE}0) or deciding-p13-6-none or pizza-roles-p11-4-too"
    result = pytester.runpytest_inprocess(*options, "-k", chosen)
    outcomes = result.parseoutcomes()
    assert outcomes["failed"] == 1
    assert outcomes["passed"] >= 11
    assert "AUROC" in (pytester.path / "report.md").read_text()
    shown, total = blocks("text")
    assert told(shown) <= told(result.stdout.str().replace("scrubkit.testing.failures.WrongAnswer: ", ""))
    numbers = r"my-method: \d+ cases of fast: \d+ right, \d+ false accepted"
    assert re.search(numbers, total) and re.search(numbers, result.stdout.str())


def told(text):
    """Return the lines of a text without the margin that pytest gives them."""
    return {line.removeprefix("E").strip() for line in text.splitlines()}


def test_five_lines_are_five_lines():
    _, cases, _ = blocks("python")
    assert len([line for line in cases.splitlines() if line.strip()]) == 5
