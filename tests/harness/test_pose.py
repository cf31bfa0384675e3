"""Sealed questions: what is handed over, what is kept back, and how answers are graded."""

import json

import pytest
import typer
from typer.testing import CliRunner

import scrubkit
from scrubkit.bench.models import build
from scrubkit.bench.suites import load_suite
from scrubkit.cli import pose as command
from scrubkit.errors import BenchError
from scrubkit.harness.pose import Grades, Key, grade, key_path, pose, read_key
from scrubkit.hypothesis import from_json, to_json
from scrubkit.subjects.sites import Sites


@pytest.fixture(scope="module")
def suite():
    """The cases of one modular model and of one program."""
    kept = []
    for name in ("fast-1", "programs-fast"):
        cases = load_suite(name).cases
        kept += [c for c in cases if c.model.key == cases[0].model.key]
    return load_suite("fast-1").model_copy(update={"cases": tuple(kept)})


@pytest.fixture
def posed(suite, tmp_path):
    folder = tmp_path / "questions"
    return folder, pose(suite, folder)


def answers(suite, key, question, label):
    """The suite's own hypotheses about a model, spelled out as a writer must."""
    spec = key.questions[question].model
    model = build(spec)
    sites = Sites.of(model)
    for case in suite.cases:
        if case.model == spec and case.label.label == label:
            claim = from_json(json.dumps(case.hypothesis))
            yield to_json(claim.stripped(lambda site, claim=claim: sites.part(site, claim.subspaces)))


def of_kind(key, kind):
    return next(name for name, sealed in key.questions.items() if sealed.model.kind == kind)


def test_what_is_handed_over_says_nothing_of_the_truth(posed):
    folder, key = posed
    for name, sealed in key.questions.items():
        model = scrubkit.load(folder / name / "model")
        assert model.truth is None and model.certificate is None and model.name == "model"
        assert model.weights_hash == sealed.weights
    text = "".join(p.read_text() for p in folder.rglob("*") if p.suffix in (".md", ".json"))
    assert (
        "pizza" not in text and "frequencies" not in text and "recipe" not in text.replace('"recipe": {}', "")
    )
    assert key_path(folder).parent == folder.parent and read_key(key_path(folder)) == key


def test_true_answers_false_ones_none_and_nonsense_are_told_apart(posed, suite):
    folder, key = posed
    modular, program = of_kind(key, "compile"), of_kind(key, "program")
    (folder / modular / "answer.json").write_text(next(answers(suite, key, modular, "false")))
    (folder / program / "answer.json").write_text(next(answers(suite, key, program, "true")))
    found = grade(folder, key)
    by_name = {one.question: one for one in found.grades}
    assert by_name[modular].label == "false" and by_name[modular].failed
    assert by_name[program].label == by_name[program].source == "true"
    assert by_name[program].overall > 0.3
    assert (found.true.count, found.true.total) == (1, 2)
    assert found.overall == pytest.approx(by_name[program].overall / 2)
    (folder / program / "answer.json").write_text('{"nodes": []}')
    (folder / modular / "answer.json").unlink()
    states = {one.question: one.state for one in grade(folder, key).grades}
    assert states == {modular: "unanswered", program: "invalid"}


def test_the_source_graph_refutes_what_is_false_of_a_program(posed, suite):
    folder, key = posed
    program = of_kind(key, "program")
    (folder / program / "answer.json").write_text(next(answers(suite, key, program, "false")))
    found = {one.question: one for one in grade(folder, key).grades}[program]
    assert found.label == found.source == "false"


def test_a_model_that_was_exchanged_is_noticed(posed, suite):
    folder, key = posed
    modular, program = of_kind(key, "compile"), of_kind(key, "program")
    (folder / program / "answer.json").write_text(next(answers(suite, key, program, "true")))
    (folder / program / "model").rename(folder / "aside")
    (folder / modular / "model").rename(folder / program / "model")
    found = {one.question: one for one in grade(folder, key).grades}[program]
    assert found.state == "invalid" and "not the one that was asked about" in found.failed[0]


def test_code_is_run_only_where_that_is_allowed(posed):
    folder, key = posed
    modular = of_kind(key, "compile")
    (folder / modular / "answer.py").write_text("raise SystemExit\n")
    found = {one.question: one for one in grade(folder, key, allow_code=False).grades}[modular]
    assert found.state == "invalid" and "--no-code" in found.failed[0]


def test_a_folder_that_is_there_is_not_written_over(posed, suite):
    with pytest.raises(BenchError, match="is there already"):
        pose(suite, posed[0])


def test_a_key_of_other_questions_is_refused(posed, tmp_path):
    folder, key = posed
    other = Key(
        suite="x", version="1", seed=0, questions={"question-999": next(iter(key.questions.values()))}
    )
    with pytest.raises(BenchError, match="no question-999"):
        grade(folder, other)
    (tmp_path / "k.json").write_text("[]")
    with pytest.raises(BenchError, match="is no key"):
        read_key(tmp_path / "k.json")
    with pytest.raises(BenchError, match="the key of these questions is not here"):
        read_key(tmp_path / "none.json")


def test_the_commands_pose_and_grade(suite, tmp_path, monkeypatch):
    monkeypatch.setattr("scrubkit.harness.run.find_suite", lambda *_, **__: suite)
    app = typer.Typer()
    command.register(app)
    out = tmp_path / "q"
    found = CliRunner().invoke(app, ["pose", "--out", str(out), "--models", "1"])
    assert found.exit_code == 0 and "1 questions written" in found.output
    graded = CliRunner().invoke(app, ["grade", str(out), "--json", str(tmp_path / "g.json")])
    assert graded.exit_code == 0 and "unanswered" in graded.output
    assert Grades.model_validate_json((tmp_path / "g.json").read_text()).true.count == 0


def test_grades_on_standard_output_are_nothing_but_json(posed):
    folder, _ = posed
    app = typer.Typer()
    command.register(app)
    result = CliRunner().invoke(app, ["grade", str(folder), "--json", "-"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["grades"] and "questions" in result.stderr
