"""The pytest plugin: who does not use it does not notice it, and its report says what the tests asked."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import scrubkit
from scrubkit.harness.report import Report
from scrubkit.methods.causal_scrubbing import CausalScrubbing

pytest_plugins = ["pytester"]
ROOT = Path(__file__).parents[2]
PLUGIN = ("-p", "scrubkit.pytest_plugin")
STRANGERS = """
    import sys
    import pytest

    HEAVY = {"torch", "transformer_lens", "numpy", "networkx", "pydantic"}

    @pytest.fixture
    def three():
        yield 3

    @pytest.mark.parametrize("n", [1, 2, 3])
    def test_numbers(n, three):
        assert n < three

    @pytest.mark.xfail(strict=True)
    def test_known_to_fail():
        raise ValueError

    def test_skipped():
        pytest.skip("today")

    def test_nothing_heavy_was_imported():
        assert not HEAVY & set(sys.modules)

    def test_prints(capsys):
        print("x")
        assert capsys.readouterr().out == "x\\n"
"""
OURS = """
    import scrubkit.testing

    @scrubkit.testing.parametrize_with_cases({path!r})
    def test_case(case):
        case.check({method!r})
"""


def ours(path, method="random-scores"):
    return OURS.format(path=str(path), method=method)


def ours_here(path):
    """The same, called where the test is: a process of pytest then starts no process for methods."""
    here = "with scrubkit.testing.in_process():\n            case.check"
    return ours(path).replace("case.check", here)


@pytest.fixture
def alone(monkeypatch, pytester):
    """Load no plugin but those that are named, installed or not."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    return pytester


def run_tests(*arguments):
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
    )


def without_times(text):
    return re.sub(r"\d+\.\d+s", "", text)


def test_the_plugin_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"scrubkit": "scrubkit.pytest_plugin"}


def test_a_project_that_does_not_use_it_runs_unchanged(alone):
    alone.makepyfile(STRANGERS)
    options = ("-rA", "--strict-markers", "--strict-config")
    without = run_tests(*options)
    with_it = run_tests(*PLUGIN, *options)
    assert "1 failed, 4 passed, 1 skipped, 1 xfailed" in without.stdout
    assert without_times(with_it.stdout) == without_times(without.stdout)
    assert (with_it.returncode, with_it.stderr) == (without.returncode, without.stderr)


def test_without_the_option_answers_are_not_recorded(alone):
    config = alone.parseconfigure(*PLUGIN)
    plugin = config.pluginmanager.get_plugin("scrubkit.pytest_plugin")
    assert [h.name for h in config.pluginmanager.get_hookcallers(plugin) or []] == [
        "pytest_addoption",
        "pytest_configure",
        "pytest_runtest_makereport",
    ]
    assert not config.pluginmanager.has_plugin("scrubkit-recorder")


def test_the_last_lines_say_how_the_answers_fell(alone, suite_file):
    alone.makepyfile(
        f"""
        import pytest
        import scrubkit.testing

        class Crashes:
            name = "crashes"
            threshold = 0.9

            def score(self, model, hypothesis, *, task, generator, budget):
                raise ValueError

        @pytest.mark.parametrize("method", ["causal-scrubbing", Crashes()])
        @scrubkit.testing.parametrize_with_cases({str(suite_file)!r})
        def test_case(case, method):
            case.check(method)
        """
    )
    result = run_tests(*PLUGIN)
    assert "causal-scrubbing: 4 cases of small: 3 right, 1 false accepted" in result.stdout
    assert "crashes: 4 cases of small: 4 without a valid answer" in result.stdout


def test_the_report_says_what_the_bench_says(alone, suite, suite_file):
    alone.makepyfile(ours(suite_file, "causal-scrubbing"))
    result = alone.inline_run(*PLUGIN, "--scrubkit-report=out/report.json")
    result.assertoutcome(passed=3, failed=1)
    report = Report.model_validate_json((alone.path / "out" / "report.json").read_text())
    expected = scrubkit.validate(CausalScrubbing(), suite)
    assert (report.suite, report.seed, report.draws) == (expected.suite, expected.seed, expected.draws)
    assert figures(report) == figures(expected)


def figures(report):
    """Return the figures of the one method, without times and hash of sources, cases ordered by id."""
    (method,) = json.loads(report.model_dump_json())["methods"]
    del method["seconds"], method["config"]
    method["results"].sort(key=lambda result: result["case"])
    for result in method["results"]:
        del result["outcome"]["seconds"]
    return method


def test_the_report_is_the_same_under_xdist(alone, suite_file):
    alone.makepyfile(ours_here(suite_file))
    alone.inline_run(*PLUGIN, "--scrubkit-report=serial.json")
    result = run_tests(*PLUGIN, "-p", "xdist.plugin", "-n", "2", "--scrubkit-report=spread.json")
    assert "random-scores: 4 cases of small, false accept" in result.stdout
    assert "random-scores: 4 cases of small: 3 right, 1 true rejected" in result.stdout
    assert f"written to {alone.path / 'spread.json'}" in result.stdout
    serial = Report.model_validate_json((alone.path / "serial.json").read_text())
    spread = Report.model_validate_json((alone.path / "spread.json").read_text())
    assert figures(spread) == figures(serial)


def test_the_report_can_be_markdown(alone, suite_file):
    alone.makepyfile(ours(suite_file))
    alone.inline_run(*PLUGIN, "--scrubkit-report=report.md", "-k", "none")
    text = (alone.path / "report.md").read_text()
    assert text.startswith("## scrubkit")
    assert "random" in text


def test_the_report_can_be_a_page(alone, suite_file):
    alone.makepyfile(ours(suite_file))
    alone.inline_run(*PLUGIN, "--scrubkit-report=report.html", "-k", "none")
    text = (alone.path / "report.html").read_text()
    assert text.lstrip().startswith("<!doctype html>")
    assert "Every case" in text and "random-scores" in text


def test_two_suites_make_two_reports(alone, suite, suite_file, tmp_path):
    from scrubkit.bench import manifest

    manifest.write(suite.model_copy(update={"name": "other"}), tmp_path / "other.json.gz")
    alone.makepyfile(test_one=ours(suite_file))
    alone.makepyfile(test_two=ours(tmp_path / "other.json.gz"))
    alone.inline_run(*PLUGIN, "--scrubkit-report=report.json", "-k", "none")
    found = [Report.model_validate_json(path.read_text()) for path in alone.path.glob("report*.json")]
    assert sorted(report.suite.name for report in found) == ["other", "small"]


def test_a_run_without_cases_writes_nothing_and_says_so(alone):
    alone.makepyfile("def test_one(): pass")
    result = alone.runpytest_inprocess(*PLUGIN, "--scrubkit-report=report.json")
    result.stdout.fnmatch_lines(["no case was put to a method, so * was not written"])
    assert not (alone.path / "report.json").exists()


@pytest.mark.parametrize("name", ["report", "report.txt"])
def test_another_form_of_report_is_refused(alone, name):
    result = alone.runpytest_inprocess(*PLUGIN, f"--scrubkit-report={name}")
    result.stderr.fnmatch_lines(
        [f"ERROR: --scrubkit-report={name}: the file must end in .json, .md or .html"]
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_a_place_that_cannot_be_written_is_refused_before_the_run(alone):
    (alone.path / "out.md").mkdir()
    result = alone.runpytest_inprocess(*PLUGIN, "--scrubkit-report=out.md")
    result.stderr.fnmatch_lines(["ERROR: --scrubkit-report=out.md: is a folder; name a file"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_a_failed_case_is_shown_without_the_inside_of_scrubkit(alone, suite_file):
    alone.makepyfile(ours(suite_file, "causal-scrubbing"))
    result = alone.runpytest_inprocess(*PLUGIN, "-k", "all_of_it")
    result.stdout.fnmatch_lines(
        ["*causal-scrubbing is wrong about clock-p5-all_of_it-1", "*To see it alone:"]
    )
    assert "scrubkit/testing/trials.py" not in result.stdout.str()


def test_the_line_of_a_failed_case_begins_with_its_message(alone, suite_file, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    alone.makepyfile(ours(suite_file, "causal-scrubbing"))
    result = alone.runpytest_inprocess(*PLUGIN, "-k", "all_of_it")
    result.stdout.fnmatch_lines(["FAILED *all_of_it* - causal-scrubbing is wrong about clock-p5-all*"])


def test_the_line_of_another_failure_is_pytests_own(alone, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    alone.makepyfile("def test_it(): raise ValueError('mine')")
    result = alone.runpytest_inprocess(*PLUGIN)
    result.stdout.fnmatch_lines(["FAILED *test_it - ValueError: mine"])
