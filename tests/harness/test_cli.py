"""``scrubkit validate`` and ``scrubkit results``: exit codes, files and messages."""

import json
import sys

import pytest

from scrubkit.bench import manifest
from scrubkit.cli import app

TOYS = "tests.harness.toys"


@pytest.fixture(scope="module")
def files(small_suite, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    manifest.write(small_suite, folder / "tiny.json.gz")
    return folder


@pytest.fixture
def scrubkit(files, monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["scrubkit", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        code = 0
        try:
            app.main()
        except SystemExit as ended:
            code = ended.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def arguments(files, method, *more):
    return [
        "validate",
        f"{TOYS}:{method}",
        "--suite",
        files / "tiny.json.gz",
        "--store",
        files / "s.sqlite",
        *more,
    ]


def test_a_run_without_limits_passes(scrubkit, files):
    code, out, _ = scrubkit(*arguments(files, "AlwaysAccepts"))
    assert code == 0
    assert "100.0 %" in out and "wrong_feature" in out


def test_a_sample_is_asked_alone_and_named(scrubkit, files, small_suite):
    assert len(small_suite.cases) > 12
    report = files / "sample.json"
    asked = arguments(files, "AlwaysAccepts", "--sample", 12, "--json", report)
    assert scrubkit(*asked)[0] == 0
    found = json.loads(report.read_text())
    assert found["suite"]["cases"] == 12 == len(found["methods"][0]["results"])
    assert found["suite"]["name"] == f"{small_suite.name}-sample"
    assert scrubkit(*asked)[0] == 0
    assert json.loads(report.read_text())["suite"]["hash"] == found["suite"]["hash"]


def test_limits_that_are_met_pass(scrubkit, files):
    code, out, _ = scrubkit(*arguments(files, "Oracle", "--min-auroc", 0.95, "--max-false-accept", 0.05))
    assert code == 0
    assert "all 2 checks passed" in out


def test_a_missed_limit_exits_with_one_and_names_the_worst_cases(scrubkit, files):
    code, out, _ = scrubkit(*arguments(files, "AlwaysAccepts", "--max-false-accept", 0.05))
    assert code == 1
    assert "missed by 95 %" in out
    assert "pizza-p11-wrong_feature-2: supported (score 1), but it is false: n does not carry a" in out


def test_all_files_are_written(scrubkit, files):
    names = {"--json": "r.json", "--junit-xml": "r.xml", "--markdown": "r.md"}
    options = [x for option, name in names.items() for x in (option, files / name)]
    code, _, _ = scrubkit(*arguments(files, "AlwaysAccepts", "--max-false-accept", 0.05, *options))
    assert code == 1
    assert json.loads((files / "r.json").read_text())["methods"][0]["false_accept"]["value"] == 1
    assert "<failure" in (files / "r.xml").read_text()
    assert "checks missed" in (files / "r.md").read_text()


def test_a_baseline_is_made_kept_and_held_against_a_worse_run(scrubkit, files, monkeypatch):
    path = files / "baseline.json"
    assert scrubkit(*arguments(files, "Oracle", "--baseline", path, "--update-baseline"))[0] == 0
    assert scrubkit(*arguments(files, "Oracle", "--baseline", path))[0] == 0
    from tests.harness import toys

    monkeypatch.setattr(toys.Oracle, "version", "2", raising=False)
    monkeypatch.setattr(toys.Oracle, "judge", lambda self, model, hypothesis, generator: 1.0)
    code, out, _ = scrubkit(*arguments(files, "Oracle", "--baseline", path, "--in-process"))
    assert code == 1
    assert "AUROC 0.500" in out and "baseline 1.000" in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--update-baseline"], "needs --baseline"),
        (["--baseline", "none.json"], "there is no baseline yet"),
        (["--json", "."], "is a folder; name a file"),
        (["--json", "/dev/null/r.json"], "cannot be written: /dev/null is not a folder"),
        (["--json", "r.x", "--markdown", "r.x"], "would write to one file"),
        (["--no-store", "--store", "s.sqlite"], "exclude each other"),
    ],
)
def test_bad_options_exit_with_two(scrubkit, files, options, message):
    code, _, err = scrubkit(*arguments(files, "Oracle", *options))
    assert code == 2
    assert message in err


@pytest.mark.parametrize(
    ("method", "suite", "message"),
    [
        ("no-such-method", "tiny", "unknown method"),
        ("tests.harness.toys:Nothing", "tiny", "has no 'Nothing'"),
        ("tests.harness.toys:Oracle", "no-such-suite", "no suite 'no-such-suite'"),
        ("tests.harness.toys:Oracle", "no-such-suite --held-out 3", "no suite 'no-such-suite'"),
    ],
)
def test_bad_input_exits_with_two(scrubkit, files, method, suite, message):
    place = [files / "tiny.json.gz"] if suite == "tiny" else suite.split()
    code, _, err = scrubkit("validate", method, "--no-store", "--suite", *place)
    assert code == 2
    assert message in err


def test_a_baseline_of_another_seed_exits_with_two(scrubkit, files):
    path = files / "seeded.json"
    scrubkit(*arguments(files, "Oracle", "--baseline", path, "--update-baseline", "--seed", 3))
    code, _, err = scrubkit(*arguments(files, "Oracle", "--baseline", path))
    assert code == 2
    assert "seed is 3, this run's 0" in err


def test_results_are_listed_and_filtered(scrubkit, files):
    scrubkit(*arguments(files, "Oracle"))
    scrubkit(*arguments(files, "Raises"))
    store = ["results", "--store", files / "s.sqlite"]
    code, out, _ = scrubkit(*store, "--method", "oracle", "--verdict", "supported")
    assert code == 0
    assert "oracle" in out and "refuted" not in out and "raises" not in out
    assert "fault: raised" in scrubkit(*store, "--faults", "--method", "raises")[1]
    assert "torus-p11" not in scrubkit(*store, "--case", "pizza-p11")[1]
    assert "the latest 3 of" in scrubkit(*store, "--limit", 3)[1]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_results_are_exported(scrubkit, files, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    scrubkit(*arguments(files, "Oracle"))
    path = files / f"out{suffix}"
    assert scrubkit("results", "--store", files / "s.sqlite", "--method", "oracle", "--export", path)[0] == 0
    if suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    else:
        from pyarrow import parquet

        rows = parquet.read_table(path).to_pylist()
    assert {row["verdict"] for row in rows} == {"supported", "refuted", "untestable"}
    assert all(row["question"] and row["seconds"] >= 0 for row in rows)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--store", "none.sqlite"], "no results store here yet"),
        (["--export", "rows.csv"], ".jsonl or a .parquet"),
    ],
)
def test_results_refuse_bad_input(scrubkit, options, message):
    code, _, err = scrubkit("results", *options)
    assert code == 2
    assert message in err


def test_an_interruption_says_what_is_left(scrubkit, files, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("scrubkit.harness.run.validate", interrupted)
    code, _, err = scrubkit(*arguments(files, "Oracle"))
    assert code == 130
    assert "interrupted; what was answered is kept in" in err


def test_a_method_that_crashes_on_every_case_fails_and_shows_the_first_fault(scrubkit, files):
    code, out, _ = scrubkit(*arguments(files, "Raises", "--markdown", files / "raises.md"))
    assert code == 1
    assert "missed: raises: no valid answer to any of 14 questions" in out
    for text in (" ".join(out.split()), (files / "raises.md").read_text().replace("\\", "")):
        assert "the first: pizza-p11-none-0: raised, ZeroDivisionError: no [bold]luck[/bold]" in text
        assert "(toys.py:" in text and "0.000 [" not in text


def test_a_baseline_of_nothing_but_faults_is_not_written(scrubkit, files):
    path = files / "faults.json"
    code, _, err = scrubkit(*arguments(files, "Raises", "--baseline", path, "--update-baseline"))
    assert code == 2 and not path.exists()
    assert "no valid answer of raises" in err


def test_a_finder_without_any_answer_fails_and_shows_the_first_fault(scrubkit, files):
    code, out, _ = scrubkit(*arguments(files, "FindsNothing"))
    assert code == 1
    assert "missed: finds-nothing: no valid answer to any of 2 questions" in out
    assert "invalid 2; the first: " in out
    assert "find() named neither sites nor edges" in " ".join(out.split()) and "0.000 [" not in out


def test_a_method_that_decides_nothing_fails_unless_it_is_asked_how_it_ranks(scrubkit, files):
    code, out, _ = scrubkit(*arguments(files, "Ranks"))
    assert code == 1 and "missed: ranks: it decided nothing" in out
    assert scrubkit(*arguments(files, "Ranks", "--min-auroc", 0.9))[0] == 0
