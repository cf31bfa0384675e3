"""``scrubkit score``, ``check``, ``new`` and ``explain``: tables, JSON files and exit codes."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import typer
from typer.testing import CliRunner

from scrubkit.cli import check, explain, progress, score
from scrubkit.cli.schemas import PUBLISHED
from scrubkit.cli.score_file import ScoreFile
from scrubkit.cli.score_table import figure
from scrubkit.errors import HypothesisError, ScrubError, ScrubkitError
from scrubkit.families.modular.compile import compile_model
from scrubkit.hypothesis import load_hypothesis, to_json
from scrubkit.models.store import save
from scrubkit.scrubbing.score import Interval

FOLDER = Path(__file__).parents[2] / "hypotheses" / "modular_addition"


@pytest.fixture
def invoke():
    app = typer.Typer()
    app.callback()(lambda: None)
    for command in (score, check, explain):
        command.register(app)

    def call(*arguments):
        return CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "250"})

    return call


@pytest.fixture(scope="module")
def pizza(tmp_path_factory):
    model = compile_model(variant="pizza", p=13, frequencies=(2, 5))
    return save(model, tmp_path_factory.mktemp("models") / "pizza"), model


@pytest.fixture
def wrong(tmp_path):
    """A hypothesis whose expectation is not met."""
    path = tmp_path / "wrong.py"
    text = (FOLDER / "difference.py").read_text()
    path.write_text(text.replace('"pizza": "refuted"', '"pizza": "supported"'))
    return path


@pytest.fixture
def broken(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text((FOLDER / "difference.py").read_text().replace("hook_resid_post", "hook_resid_past"))
    return path


def schema(name):
    return json.loads((PUBLISHED / f"{name}.schema.json").read_text())


def test_a_table_shows_verdicts_figures_and_what_was_expected(invoke, pizza):
    result = invoke("score", FOLDER / "sum.py", FOLDER / "pizza.py", "--model", pizza[0], "--expect")
    assert result.exit_code == 0, result.output
    rows = {line.split("│")[1].strip(): line for line in result.output.splitlines() if "│" in line}
    assert "refuted" in rows["sum"] and "supported" in rows["pizza"]
    assert rows["sum"].count("±") == 3
    for heading in ("verdict", "fidelity", "faithfulness", "loss recovered", "bits", "match", "expected"):
        assert heading in result.output


def test_an_expectation_that_is_not_met_exits_1_and_only_if_asked(invoke, pizza, wrong):
    arguments = ("score", wrong, FOLDER / "pizza.py", "--model", pizza[0])
    assert invoke(*arguments).exit_code == 0
    result = invoke(*arguments, "--expect")
    assert result.exit_code == 1
    assert f"{wrong}: refuted, expected supported: fidelity" in result.output


def test_a_bad_file_exits_2_and_the_others_are_scored(invoke, pizza, broken):
    result = invoke("score", broken, FOLDER / "pizza.py", "--model", pizza[0])
    assert result.exit_code == 2
    assert "supported" in result.output
    assert "1 of 2 files not scored" in result.output
    assert f"{broken}: node 'difference': site blocks.0.hook_resid_past" in result.output


def test_scores_are_written_as_json_that_the_schema_describes(invoke, pizza, wrong, broken, tmp_path):
    out = tmp_path / "scores.json"
    invoke("score", wrong, broken, FOLDER / "identity.py", "--model", pizza[0], "--json", out, "--seed", 3)
    data = json.loads(out.read_text())
    jsonschema.validate(data, schema("scores"))
    jsonschema.validate(data["scores"][0]["score"], schema("score"))
    report = ScoreFile.model_validate_json(out.read_text())
    assert [one.as_expected for one in report.scores] == [False, True]
    assert [one.file for one in report.not_scored] == [str(broken)]
    assert report.scores[0].score.settings.seed == 3
    assert report.model_hash == pizza[1].weights_hash


def test_draws_and_seed_decide_the_score(invoke, pizza, tmp_path):
    def run(*options):
        invoke("score", FOLDER / "sum.py", "--model", pizza[0], "--json", tmp_path / "out.json", *options)
        found = ScoreFile.model_validate_json((tmp_path / "out.json").read_text()).scores[0].score
        return found.model_copy(update={"seconds": 0.0})

    assert run("--draws", 6).settings.draws == 6
    assert run("--draws", 6) == run("--draws", 6)
    assert run("--draws", 6).fidelity != run("--draws", 6, "--seed", 1).fidelity


def test_all_joint_draws_are_enumerated_where_they_are_few(invoke, tmp_path):
    small = save(compile_model(variant="pizza", p=5, frequencies=(1,)), tmp_path / "small")

    def run(*options):
        arguments = ("score", FOLDER / "sum.py", "--model", small, "--json", tmp_path / "out.json")
        return invoke(*arguments, *options)

    assert run("--exact").exit_code == 0
    (found,) = ScoreFile.model_validate_json((tmp_path / "out.json").read_text()).scores
    assert found.score.settings.exact and found.score.fidelity.low == found.score.fidelity.high
    assert "enumerating" not in run("--exact").output
    refused = run("--exact", "--max-runs", 10)
    assert refused.exit_code == 2
    assert "more runs than the 10 allowed" in refused.output and "--max-runs" in refused.output
    for options, message in (
        (("--exact", "--draws", 8), "--exact takes all draws; leave out --draws"),
        (("--max-runs", 8), "--max-runs limits --exact; give that as well"),
    ):
        assert message in str(run(*options).exception)


@pytest.mark.parametrize("draws", ["0", "1", "-3", "many", "1000000", "2.5"])
def test_draws_out_of_range_are_refused(invoke, pizza, draws):
    result = invoke("score", FOLDER / "sum.py", "--model", pizza[0], f"--draws={draws}")
    assert isinstance(result.exception, ScrubError)
    assert "--draws takes auto or a number from 2 to 100000" in str(result.exception)


@pytest.mark.parametrize(
    "arguments",
    [
        ("absent.py",),
        (FOLDER / "sum.py", "--model", "absent"),
        (FOLDER / "sum.py", "--device", "abacus"),
        (FOLDER / "sum.py", "--json", "/dev/null/out.json"),
    ],
)
def test_bad_input_is_an_error_with_a_message(invoke, pizza, arguments):
    model = () if "--model" in arguments else ("--model", pizza[0])
    result = invoke("score", *arguments, *model)
    refused = isinstance(result.exception, ScrubkitError) or result.exit_code == 2
    assert refused, result.output
    assert not isinstance(result.exception, OSError | KeyError)


def test_no_code_takes_json_and_refuses_python(invoke, pizza, tmp_path):
    safe = tmp_path / "sum.json"
    safe.write_text(to_json(load_hypothesis(FOLDER / "sum.py", truth=pizza[1].truth)))
    jsonschema.validate(json.loads(safe.read_text()), schema("hypothesis"))
    assert invoke("score", safe, "--model", pizza[0], "--no-code", "--expect").exit_code == 0
    result = invoke("score", safe, FOLDER / "sum.py", "--model", pizza[0], "--no-code")
    assert result.exit_code == 2
    assert "--no-code refuses" in result.output


def test_check_passes_good_files_and_lists_the_faults_of_bad_ones(invoke, pizza, broken):
    result = invoke("check", FOLDER, "--model", pizza[0])
    assert result.exit_code == 0, result.output
    assert "identity.py: valid: 2 nodes, 1 edges" in result.output
    assert "untestable" in result.output
    result = invoke("check", FOLDER / "sum.py", broken, "--model", pizza[0])
    assert result.exit_code == 2
    assert "sum.py: valid" in result.output
    assert "1 of 2 files are not valid" in result.output and "hook_resid_past" in result.output


def test_new_writes_a_file_that_checks_and_scores(invoke, pizza, tmp_path):
    assert invoke("new", "my_claim", "--out", tmp_path).exit_code == 0
    path = tmp_path / "my_claim.py"
    assert invoke("check", path, "--model", pizza[0]).exit_code == 0
    assert invoke("score", path, "--model", pizza[0], "--expect").exit_code == 0
    assert load_hypothesis(path, truth=pizza[1].truth).name == "my_claim"
    assert max(map(len, path.read_text().splitlines())) <= 120


def test_new_for_programs_writes_a_file_that_checks_and_scores(invoke, tmp_path):
    assert invoke("new", "my_claim", "--family", "programs", "--out", tmp_path).exit_code == 0
    path = tmp_path / "my_claim.py"
    assert invoke("check", path, "--model", "max3").exit_code == 0
    assert invoke("score", path, "--model", "max3", "--expect", "--draws", 4).exit_code == 0
    assert max(map(len, path.read_text().splitlines())) <= 120
    result = invoke("new", "another", "--family", "program", "--out", tmp_path)
    assert "did you mean" in str(result.exception)


def test_new_never_replaces_a_file(invoke, tmp_path):
    (tmp_path / "mine.py").write_text("kept")
    result = invoke("new", "mine", "--out", tmp_path)
    assert isinstance(result.exception, HypothesisError)
    assert (tmp_path / "mine.py").read_text() == "kept"


@pytest.mark.parametrize("name", ["../up", "My Claim", "x.py", "", "1st"])
def test_new_takes_plain_names_only(invoke, tmp_path, name):
    result = invoke("new", name, "--out", tmp_path)
    assert isinstance(result.exception, HypothesisError)
    assert not list(tmp_path.iterdir())


def test_explain_names_the_claim_that_fails(invoke, pizza, tmp_path):
    out = tmp_path / "out.json"
    path = FOLDER / "attention_alone.py"
    result = invoke("explain", path, "--model", pizza[0], "--json", out)
    assert result.exit_code == 0, result.output
    assert "mlp: does not matter: refuted alone" in result.output
    jsonschema.validate(json.loads(out.read_text()), schema("explanation"))


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(value=0.98412, low=0.98402, high=0.98422), "0.9841 ±0.0001"),
        (Interval(value=1, low=1, high=1), "1.0000"),
        (Interval(value=float("nan"), low=float("-inf"), high=float("inf")), "nan"),
        (None, ""),
    ],
)
def test_a_figure_is_shown_with_half_its_interval(interval, text):
    assert figure(interval) == text


def test_a_method_of_the_bench_judges_files_in_place_of_the_scrub(invoke, pizza, tmp_path):
    files = [FOLDER / "pizza.py", FOLDER / "difference.py"]
    out = tmp_path / "judged.json"
    found = invoke("score", *files, "--model", pizza[0], "--method", "score-verdict", "--json", out)
    assert found.exit_code == 0, found.output
    assert "judged by score-verdict" in found.output
    document = json.loads(out.read_text())
    jsonschema.validate(document, schema("scores"))
    report = ScoreFile.model_validate(document)
    plain = score.score_files(pizza[1], files, score.Options(draws=8)).scores
    assert [one.verdict for one in report.judged] == [one.score.verdict for one in plain]
    assert report.judged[0].score > 0 > report.judged[1].score


def test_a_method_is_held_to_what_files_expect(invoke, pizza, wrong):
    found = invoke("score", wrong, "--model", pizza[0], "--method", "audited-scrubbing", "--expect")
    assert found.exit_code == 1
    assert "refuted, expected supported" in found.output


def test_what_a_method_says_of_nodes_names_them_as_the_file_does(invoke, pizza, wrong, tmp_path):
    out = tmp_path / "judged.json"
    invoke("score", wrong, "--model", pizza[0], "--method", "audited-scrubbing", "--json", out)
    (judged,) = ScoreFile.model_validate(json.loads(out.read_text())).judged
    hypothesis = load_hypothesis(wrong, truth=pizza[1].truth)
    said = " ".join(judged.notes)
    assert any(name in said for name in hypothesis.nodes) and not re.search(r"\bn\d+\b", said)


def test_the_margin_decides_the_default_verdict_and_what_it_leaves_out_is_said(invoke, pizza):
    # On a pizza the sum has a fidelity of .82.
    usual = invoke("score", FOLDER / "sum.py", "--model", pizza[0])
    loose = invoke("score", FOLDER / "sum.py", "--model", pizza[0], "--margin", 0.3)
    assert "supported" not in usual.stdout and "supported" in loose.stdout
    assert "--method audited-scrubbing" in usual.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--margin", 1.5], "--margin lies between 0 and 1"),
        (["--method", "causal-scrubbing", "--margin", 0.2], "has a rule of its own"),
        (["--method", "no-such"], "unknown method 'no-such'"),
        (["--method", "acdc"], "finds circuits and judges no hypothesis"),
    ],
)
def test_options_that_say_nothing_together_are_refused(invoke, pizza, options, message):
    found = invoke("score", FOLDER / "sum.py", "--model", pizza[0], *options)
    assert found.exit_code != 0
    assert message in str(found.exception)


def test_errors_name_the_model_that_was_taken_where_none_was_named(invoke, pizza, broken):
    for command in ("score", "check"):
        taken = invoke(command, broken).output
        assert "on modadd-p113 (the default; --model names another)" in taken
        assert "the default" not in invoke(command, broken, "--model", pizza[0]).output
    assert "on modadd-p113 (the default; --model names another): " in str(invoke("explain", broken).exception)
    assert "the default" not in str(invoke("explain", broken, "--model", pizza[0]).exception)


@pytest.mark.parametrize("command", ["score", "explain"])
def test_where_verdicts_turn_is_said_under_the_table_with_the_way_to_the_audit(invoke, pizza, command):
    result = invoke(command, FOLDER / "sum.py", "--model", pizza[0])
    assert "the intervals of fidelity and faithfulness lie at or above 0.9;" in result.stderr
    assert "--method audited-scrubbing" in result.stderr


def test_the_margin_moves_what_is_said_of_verdicts(invoke, pizza):
    result = invoke("score", FOLDER / "sum.py", "--model", pizza[0], "--margin", "0.25")
    assert "lie at or above 0.75;" in result.stderr


def test_an_enumeration_says_how_far_it_is(invoke, tmp_path, monkeypatch):
    small = save(compile_model(variant="pizza", p=5, frequencies=(1,)), tmp_path / "small")
    monkeypatch.setattr(progress, "FIRST", 0.0)
    monkeypatch.setattr(progress, "LONG", -1.0)
    result = invoke("score", FOLDER / "sum.py", "--model", small, "--exact")
    assert "enumerating the draws of sum, by inputs: 0 of 25" in result.stderr
    monkeypatch.setattr(progress, "EVERY", 0.0)
    result = invoke("score", FOLDER / "sum.py", "--model", small, "--exact")
    assert ": 25 of 25, about 0 s left; without --exact it is scored with draws" in result.stderr


def test_a_path_that_is_not_there_brings_up_its_neighbour(invoke, pizza, wrong):
    beside = pizza[0].parent / "piza"
    assert f'did you mean "{pizza[0]}"?' in str(invoke("score", wrong, "--model", beside).exception)
    wrote = wrong.parent / "wrogn.py"
    assert f'did you mean "{wrong}"?' in str(invoke("score", wrote).exception)


def test_hooks_that_sites_may_name_are_listed_once(invoke, pizza, tmp_path):
    path = tmp_path / "faulty.py"
    text = (FOLDER / "sum.py").read_text().replace("hook_embed[", "hook_embde[")
    path.write_text(text)
    output = invoke("check", path, "--model", pizza[0]).output
    assert output.count("hook_embde") >= 2
    assert output.count("blocks.0.attn.hook_pattern") == 1
